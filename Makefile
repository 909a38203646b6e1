# One Makefile, no recursion.  Everything generated lives under $(B); a variant is a directory:
#	make                                       build/kymo
#	make tests B=build/asan SAN=address,undefined
#	make tests B=build/tsan SAN=thread
#	make check                                 layers, format and unit tests of this variant
#	make format                                clang-format in place
#	make install PREFIX=/usr/local DESTDIR=    program, manual, completions, documents
#	make ARCH=arm64                            build/arm64/kymo, with gcc-aarch64-linux-gnu
#	V=1 shows whole commands, WERROR=1 makes warnings errors.
# ./dev installs what these rules need and calls them.
HOST    := $(shell uname -m)
ARCH    ?= $(HOST)
override ARCH := $(patsubst arm64,aarch64,$(patsubst amd64,x86_64,$(ARCH)))
CROSS   := $(if $(filter-out $(HOST),$(ARCH)),$(ARCH))
DEBIAN_ARCH := $(patsubst aarch64,arm64,$(patsubst x86_64,amd64,$(ARCH)))
B       ?= build$(if $(CROSS),/$(DEBIAN_ARCH))
SAN     ?=
PREFIX  ?= /usr/local
DESTDIR ?=
PYTHON  ?= /usr/bin/python3
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
CLANG   ?= $(firstword $(wildcard /usr/bin/clang-14) clang)
CLANG_FORMAT ?= $(firstword $(wildcard /usr/bin/clang-format-14) clang-format)
ifeq ($(origin CC),default)
CC      := $(if $(CROSS),$(CROSS)-linux-gnu-gcc,$(firstword $(wildcard /usr/bin/gcc) cc))
endif
AR      := $(if $(CROSS),$(CROSS)-linux-gnu-)ar

# Libraries of another architecture are unpacked, not installed.
SYSROOT := $(if $(CROSS),build/sysroot-$(DEBIAN_ARCH)/root)
ifneq ($(SYSROOT),)
  override CC += --sysroot=$(CURDIR)/$(SYSROOT)
  ifeq ($(shell tools/sysroot $(DEBIAN_ARCH) $(patsubst %/root,%,$(SYSROOT)) >&2 && echo there),)
    $(error no libraries for $(DEBIAN_ARCH))
  endif
endif

# One spelling, or else the flags would seem to change with it.
override B := $(patsubst $(CURDIR)/%,%,$(abspath $(B)))

comma   := ,
VERSION := $(shell cat VERSION)
CFLAGS  ?= -O2 -g
WARN    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wno-missing-field-initializers $(if $(WERROR),-Werror)
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
ALL_CFLAGS := -std=gnu17 -D_GNU_SOURCE -DKYMO_VERSION='"$(VERSION)"' $(WARN) $(SANFLAGS) \
	-Isrc -I$(B)/gen -I$(B)/gen/serve/proto $(CPPFLAGS) $(CFLAGS)
PACKED  := $(if $(shell $(CC) -Wl,--help | grep pack-relative-relocs),-Wl$(comma)-z$(comma)pack-relative-relocs)
ALL_LDFLAGS := $(SANFLAGS) -Wl,--as-needed -Wl,-z,relro,-z,now $(PACKED) $(LDFLAGS)

# Libraries become part of the program where there is an archive of them: eight files less to map, to
# relocate and to protect are a fifth of what a start takes.  `make SHARED=1` leaves them outside.
archive = $(if $(or $(SHARED),$(filter lib$(1).a,$(shell $(CC) -print-file-name=lib$(1).a))),-l$(1),-l:lib$(1).a)
further = $(filter -l:%,$(call archive,$(1)))
ZYDIS   := $(filter x86_64,$(ARCH))
LDLIBS  := $(foreach name,bpf $(if $(ZYDIS),Zydis) dw elf iberty sqlite3 event_openssl event_extra event_core nghttp2 protobuf-c ssl crypto z lzma,$(call archive,$(name))) \
	$(foreach name,bz2 zstd,$(call further,$(name))) -lm
DEPEND   = -MMD -MP -MF $(@:.o=).d

ifdef V
  Q   :=
  say  = @:
else
  Q   := @
  say  = @printf '  %-6s %s\n' $(1) $(patsubst $(B)/%,%,$(2))
endif

# $(call keep,FILE,TEXT): FILE holds TEXT, and gets a new date only when TEXT changes.
keep = $(shell mkdir -p $(dir $(1)); printf '%s\n' '$(subst ','\'',$(2))' > $(1).new; \
	cmp -s $(1).new $(1) && rm $(1).new || mv $(1).new $(1))

srcs := $(filter-out %.bpf.c %.test.c %.fuzz.c,$(wildcard src/*/*.c src/*/*/*.c))
ifeq ($(ZYDIS),)
srcs := $(filter-out src/elf/code_x86.c src/elf/bare_code.c,$(srcs))
ALL_CFLAGS += -DKYMO_NO_ZYDIS
else
srcs := $(filter-out src/elf/bare_code_other.c,$(srcs))
endif

all: $(B)/kymo
	@:

include mk/gen.mk
include mk/web.mk
include mk/proto.mk
include mk/bpf.mk

objs := $(srcs:%.c=$(B)/%.o) $(proto_objs)
lib  := $(filter-out $(B)/src/cmd/main.o,$(objs))

# What has no source file to be newer than: the flags, and the list of files.  -Werror is left out:
# it changes no object.
ifneq ($(MAKECMDGOALS),clean)
ignored := $(call keep,$(B)/flags,$(filter-out -Werror,$(CC) $(shell $(CC) -dumpfullversion 2>&1) \
		$(ALL_CFLAGS) $(ALL_LDFLAGS))) \
	$(call keep,$(B)/flags.bpf,$(filter-out -Werror,$(CLANG) $(shell $(CLANG) -dumpversion 2>&1) \
		$(BPF_CFLAGS))) \
	$(call keep,$(B)/objects,$(objs) $(LDLIBS))
endif

# A goal by its whole path.
ifneq ($(filter $(CURDIR)/%,$(MAKECMDGOALS)),)
$(CURDIR)/%: % ;
endif

include mk/check.mk
include mk/dist.mk
include mk/bench.mk

$(B)/kymo: $(objs) $(B)/objects
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $(objs) $(LDLIBS) -o $@

# Everything but main(), for the tests.
$(B)/libkymo.a: $(lib) $(B)/objects
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $(lib)

$(B)/src/%.o: src/%.c $(B)/flags | $(generated)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(DEPEND) -c $< -o $@

clean:
	rm -rf build

-include $(objs:.o=.d) $(bpf_objs:.o=.d) $(tests:=.d) $(fuzzers:=.d)
.PHONY: all clean
.DELETE_ON_ERROR:
.SECONDARY:
