# Ocellus.  `make` builds, `make demo` shows, `make check` proves; `make help` lists the rest.

CC     ?= gcc
BUILD  ?= build
SAN    ?=
STRICT ?=
PREFIX ?= /usr/local
JOBS   := $(shell nproc 2>/dev/null || echo 1)

ifneq ($(MAKELEVEL),0)
else
MAKEFLAGS += -j$(JOBS)
endif
ifneq ($(SAN),)
BUILD := $(BUILD)/san-$(subst $(comma),-,$(SAN))
endif
comma := ,

# A back end is a folder; the table in src/backend/backend.c is told which are here.
BACKENDS := $(patsubst src/backend/%/,%,$(wildcard src/backend/*/))
PACKAGES := libpng libjpeg zlib jansson
LIBS     := -lpng -ljpeg -lz -ljansson -lm -pthread
ifneq ($(filter onednn,$(BACKENDS)),)
LIBS += -ldnnl
endif

WARN := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
        -Wvla -Wundef -Wformat=2 -Wcast-qual -Wimplicit-fallthrough -Werror
HARD := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection \
        -fno-common -fno-delete-null-pointer-checks -fno-strict-overflow
LINK := -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
CFLAGS   ?= -O2 -g
CPPFLAGS += -D_GNU_SOURCE -Iinclude -Isrc $(patsubst %,-DOC_BACKEND_%,$(BACKENDS))
ALL_CFLAGS := -std=c17 -fPIC -fopenmp $(WARN) $(CFLAGS)
# A clang build must not bring a second OpenMP runtime: oneDNN and we share libgomp.
OPENMP := -fopenmp
ifneq ($(findstring clang,$(CC)),)
OPENMP := -lgomp
endif
ifneq ($(SAN),)
ALL_CFLAGS += -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS    += -fsanitize=$(SAN)
else
ALL_CFLAGS += $(HARD)
endif

SOURCES := $(sort $(shell find src -name '*.c'))
LIBRARY := $(filter-out src/cli/%,$(SOURCES))
OBJECTS := $(SOURCES:%.c=$(BUILD)/obj/%.o)
LIBOBJS := $(LIBRARY:%.c=$(BUILD)/obj/%.o)
TESTS   := $(patsubst test/%.c,$(BUILD)/test/%,$(wildcard test/*_test.c))
EXAMPLES := $(patsubst example/%.c,$(BUILD)/example/%,$(wildcard example/*.c))
BENCHES := $(patsubst bench/%.c,$(BUILD)/bench/%,$(wildcard bench/*.c))

.PHONY: all deps demo check bench install clean help library examples tests
all: $(BUILD)/ocellus library
library: $(BUILD)/libocellus.a $(BUILD)/libocellus.so
examples: $(EXAMPLES)
tests: $(TESTS)

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/libocellus.a: $(LIBOBJS)
	@rm -f $@
	ar rcs $@ $^

$(BUILD)/libocellus.so: $(LIBOBJS)
	$(CC) -shared -Wl,-soname,libocellus.so.0 $(LINK) $(LDFLAGS) $^ $(OPENMP) $(LIBS) -o $@

$(BUILD)/ocellus: $(filter $(BUILD)/obj/src/cli/%,$(OBJECTS)) $(BUILD)/libocellus.a
	$(CC) $(LINK) $(LDFLAGS) $^ $(OPENMP) $(LIBS) -o $@

$(BUILD)/test/%: test/%.c $(BUILD)/libocellus.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP $(LDFLAGS) $< $(BUILD)/libocellus.a $(OPENMP) $(LIBS) -lcmocka -o $@

$(BUILD)/example/%: example/%.c $(BUILD)/libocellus.a
	@mkdir -p $(@D)
	$(CC) -Iinclude $(ALL_CFLAGS) -MMD -MP $(LDFLAGS) $< $(BUILD)/libocellus.a $(OPENMP) $(LIBS) -o $@

$(BUILD)/bench/%: bench/%.c $(BUILD)/libocellus.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP $(LDFLAGS) $< $(BUILD)/libocellus.a $(OPENMP) $(LIBS) -o $@

clean:
	rm -rf $(BUILD)

-include $(OBJECTS:.o=.d) $(TESTS:=.d) $(EXAMPLES:=.d) $(BENCHES:=.d)
