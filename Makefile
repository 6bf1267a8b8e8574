# Ocellus: one readable Makefile.  `make help` lists what it can do.
CC      ?= gcc
BUILD   ?= build
SAN     ?=
STRICT  ?=
JOBS    := $(shell nproc 2>/dev/null || echo 1)

PACKAGES := libpng libjpeg zlib jansson
BACKENDS := $(patsubst src/backend/%/,%,$(wildcard src/backend/*/))
LIBS     := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -lm -pthread
ifneq ($(filter onednn,$(BACKENDS)),)
LIBS += -ldnnl
endif
