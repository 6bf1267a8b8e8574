# Ocellus.  `make` builds, `make demo` shows, `make check` proves; `make help` lists the rest.

CC     := $(if $(filter default,$(origin CC)),gcc,$(CC))
BUILD  ?= build
SAN    ?=
STRICT ?=
PREFIX ?= /usr/local
DESTDIR ?=
JOBS   := $(shell nproc 2>/dev/null || echo 1)
VERSION := $(shell sed -n 's/.*OC_VERSION "\(.*\)".*/\1/p' include/ocellus.h)

comma := ,
# V=1 shows whole commands.
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-6s %s\n' '$(1)' '$(2)')
ifneq ($(SAN),)
override BUILD := $(BUILD)/$(subst $(comma),-,$(SAN))
endif
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(JOBS)
endif

# A back end is a folder; the table in src/backend/backend.c is told which are here.
BACKENDS := $(patsubst src/backend/%/,%,$(wildcard src/backend/*/))
LIBS     := -lpng -ljpeg -lwebp -lz -ljansson -lm -pthread
ifneq ($(filter onednn,$(BACKENDS)),)
LIBS += -ldnnl
endif

# Rows of tables leave out what is zero.
WARN := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
        -Wvla -Wundef -Wformat=2 -Wcast-qual -Wimplicit-fallthrough -Wno-pass-failed \
        -Wno-missing-field-initializers -Werror
HARD := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection \
        -fno-common -fno-delete-null-pointer-checks -fno-strict-overflow
LINK := -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
# Libraries that few commands use are opened when these do, by the name that they are linked under.
soname = $(shell readelf -d "$$($(CC) -print-file-name=lib$(1).so)" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
opened = -DSONAME_$(1)='"$(or $(call soname,$(1)),lib$(1).so)"'
CFLAGS   ?= -O2 -g
CPPFLAGS += -D_GNU_SOURCE -Iinclude -Isrc $(patsubst %,-DOC_BACKEND_%,$(BACKENDS))
FLAGS := -std=c17 -fPIC -fopenmp -fno-math-errno $(WARN) $(CFLAGS)
# oneDNN brings libgomp; a clang build must not bring a second OpenMP runtime beside it.
OPENMP := $(if $(findstring clang,$(CC)),-fopenmp=libgomp,-fopenmp)
ifneq ($(SAN),)
FLAGS   += -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS += -fsanitize=$(SAN)
else
FLAGS   += $(HARD)
endif

SOURCES  := $(sort $(shell find src -name '*.c'))
OBJECTS  := $(SOURCES:%.c=$(BUILD)/obj/%.o)
LIBRARY  := $(filter-out $(BUILD)/obj/src/cli/%,$(OBJECTS))
PROGRAM  := $(filter $(BUILD)/obj/src/cli/%,$(OBJECTS))
TESTS    := $(patsubst test/%.c,$(BUILD)/test/%,$(wildcard test/*_test.c))
SCRIPTS  := $(wildcard test/*_test.sh test/*_test.py)
EXAMPLES := $(patsubst example/%.c,$(BUILD)/example/%,$(wildcard example/*.c))
BENCHES  := $(patsubst bench/%.c,$(BUILD)/bench/%,$(wildcard bench/*.c))

.PHONY: all library examples tests deps demo check check-onnx bench docs install uninstall clean help
all: $(BUILD)/ocellus library ## the program build/ocellus and the library (the default)
library: $(BUILD)/libocellus.a $(BUILD)/libocellus.so
examples: $(EXAMPLES)
tests: $(TESTS) $(EXAMPLES)

# The loops of these back ends are written for vector units.
VECTOR := -O3 -ffp-contract=fast -fno-trapping-math
$(BUILD)/obj/src/backend/cpu/%.o $(BUILD)/obj/src/backend/onednn/%.o \
$(BUILD)/obj/src/backend/resample.o: FLAGS += $(VECTOR)
# Resizing pictures too, and its weights are the same bits whatever the machine.
$(BUILD)/obj/src/image/resample.o $(BUILD)/obj/src/image/row_%.o: FLAGS += -O3
$(BUILD)/obj/src/image/numbers.o: FLAGS += $(VECTOR)

$(BUILD)/obj/src/fetch/download.o: CPPFLAGS += $(call opened,curl)
$(BUILD)/obj/src/fetch/unpack.o:   CPPFLAGS += $(call opened,archive)
$(BUILD)/obj/src/fetch/digest.o:   CPPFLAGS += $(call opened,crypto)
$(BUILD)/obj/src/image/draw.o:     CPPFLAGS += $(call opened,cairo)
$(BUILD)/obj/src/image/heat.o:     CPPFLAGS += $(call opened,cairo)
$(BUILD)/obj/src/watch/metrics.o:  CPPFLAGS += $(call opened,microhttpd)
# Headers of the system's, whose warnings are not ours.
$(BUILD)/obj/src/watch/terminal.o: CPPFLAGS += $(call opened,chafa) \
    $(patsubst -I%,-isystem %,$(shell pkg-config --cflags-only-I chafa))

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(FLAGS) -MMD -MP -c $< -o $@

# Folders may come and go: what was built for another set of them is made anew.
MEMBERS := $(sort $(BACKENDS) $(LIBRARY))
ifneq ($(MEMBERS),$(shell cat $(BUILD)/members 2>/dev/null))
$(shell mkdir -p $(BUILD) && echo $(MEMBERS) > $(BUILD)/members)
endif
$(BUILD)/obj/src/backend/backend.o: $(BUILD)/members

$(BUILD)/libocellus.a: $(LIBRARY) $(BUILD)/members
	@rm -f $@
	$(call say,AR,$@)
	$(Q)ar rcs $@ $(LIBRARY)

$(BUILD)/libocellus.so: $(LIBRARY) $(BUILD)/members
	$(call say,LINK,$@)
	$(Q)$(CC) -shared -Wl,-soname,libocellus.so.0 $(LINK) $(LDFLAGS) $(LIBRARY) $(OPENMP) $(LIBS) -o $@

$(BUILD)/ocellus: $(PROGRAM) $(BUILD)/libocellus.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LINK) $(LDFLAGS) $^ $(OPENMP) $(LIBS) -o $@

$(BUILD)/test/%: test/%.c $(BUILD)/libocellus.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CPPFLAGS) $(FLAGS) -MMD -MP $(LDFLAGS) $< $(BUILD)/libocellus.a $(OPENMP) $(LIBS) -lcmocka -o $@

# This test stands between the library and the C library's allocator.
$(BUILD)/test/oom_test: LDFLAGS += -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=posix_memalign,--wrap=free

# And this one makes archives, and checksums, of its own.
$(BUILD)/test/unpack_test: LIBS += -larchive -lcrypto

# Examples see what a user sees: the public header alone.
$(BUILD)/example/%: example/%.c $(BUILD)/libocellus.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) -Iinclude $(FLAGS) -MMD -MP $(LDFLAGS) $< $(BUILD)/libocellus.a $(OPENMP) $(LIBS) -o $@

$(BUILD)/bench/%: bench/%.c $(BUILD)/libocellus.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CPPFLAGS) $(FLAGS) -MMD -MP $(LDFLAGS) $< $(BUILD)/libocellus.a $(OPENMP) $(LIBS) -o $@

deps: ## install what is missing to build (Debian, Ubuntu), or say what is needed
	@sh tool/deps.sh build

demo: ## build, train a digit classifier in under a minute, show what it predicts
	@sh tool/deps.sh build
	@$(MAKE) --no-print-directory $(BUILD)/ocellus
	@sh tool/demo.sh $(BUILD)

check: ## build and run every test; SAN=address,undefined and STRICT=1 are options
	@sh tool/deps.sh check
	@$(MAKE) --no-print-directory all tests
	@STRICT=$(STRICT) SAN=$(SAN) sh tool/check.sh $(BUILD) tool/house.py $(TESTS) $(SCRIPTS)

check-onnx: ## run ONNX's conformance suite alone
	@$(MAKE) --no-print-directory $(BUILD)/test/onnx_backend_test
	@$(BUILD)/test/onnx_backend_test

bench: ## measure against PyTorch in the same run
	@sh tool/deps.sh peers
	@$(MAKE) --no-print-directory all $(BENCHES)
	@bench/run.py $(BUILD)

docs: $(BUILD)/ocellus $(BUILD)/test/onnx_backend_test ## generate docs/operators.md and onnx.md
	$(BUILD)/ocellus help manual > docs/operators.md
	$(BUILD)/test/onnx_backend_test --table docs/onnx.md

install: all ## install to PREFIX (default /usr/local), DESTDIR respected
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/lib/pkgconfig
	install -m 755 $(BUILD)/ocellus $(DESTDIR)$(PREFIX)/bin/
	install -m 644 include/ocellus.h $(DESTDIR)$(PREFIX)/include/
	install -m 644 $(BUILD)/libocellus.a $(DESTDIR)$(PREFIX)/lib/
	install -m 755 $(BUILD)/libocellus.so $(DESTDIR)$(PREFIX)/lib/libocellus.so.$(VERSION)
	ln -sf libocellus.so.$(VERSION) $(DESTDIR)$(PREFIX)/lib/libocellus.so.0
	ln -sf libocellus.so.0 $(DESTDIR)$(PREFIX)/lib/libocellus.so
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' -e 's|@LIBS@|$(LIBS) -fopenmp|' \
	    tool/ocellus.pc.in > $(DESTDIR)$(PREFIX)/lib/pkgconfig/ocellus.pc

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/ocellus $(DESTDIR)$(PREFIX)/include/ocellus.h \
	    $(DESTDIR)$(PREFIX)/lib/libocellus.* $(DESTDIR)$(PREFIX)/lib/pkgconfig/ocellus.pc

clean: ## remove what was built
	rm -rf $(BUILD)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

-include $(OBJECTS:.o=.d) $(TESTS:=.d) $(EXAMPLES:=.d) $(BENCHES:=.d)
