# Kernel-side programs: x.bpf.c -> x.bpf.o -> a light skeleton (x.lskel.h, which loads without
# parsing the kernel's BTF in user space; see collect/skeleton.h for where it cannot) and the plain object
# as bytes (x.skel.h, for libbpf).
BPF_ARCH   := $(patsubst aarch64,arm64,$(patsubst x86_64,x86,$(ARCH)))
BPF_CFLAGS := -O2 -g -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers \
	$(if $(WERROR),-Werror) -mcpu=v3 -target bpf -D__TARGET_ARCH_$(BPF_ARCH) \
	-I$(SYSROOT)/usr/include/$(ARCH)-linux-gnu -Isrc

bpf_srcs  := $(wildcard src/*/*.bpf.c src/*/*/*.bpf.c)
bpf_objs  := $(bpf_srcs:src/%.c=$(B)/bpf/%.o)
skels     := $(foreach s,$(bpf_srcs:src/%.bpf.c=%),$(B)/gen/$(s).lskel.h $(B)/gen/$(s).skel.h)
generated += $(skels)

# What bpftool's headers use without including it.
skel_head := printf '\#include <errno.h>\n\#include "probe/unit.h"\n'

# src/collect/cpu/tick.bpf.c -> name collect_cpu_tick
bpf_name = $(subst -,_,$(subst /,_,$(1)))

$(B)/bpf/%.bpf.o: src/%.bpf.c $(B)/flags.bpf
	$(call say,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MT $@ -MF $(@:.o=.d) -c $< -o $@.tmp
	$(Q)$(BPFTOOL) gen object $@ $@.tmp
	@rm -f $@.tmp

$(B)/gen/%.lskel.h: $(B)/bpf/%.bpf.o tools/skeleton
	@mkdir -p $(@D)
	$(Q)tools/skeleton $(BPFTOOL) $< $(call bpf_name,$*) > $@

$(B)/gen/%.skel.h: $(B)/bpf/%.bpf.o
	@mkdir -p $(@D)
	$(Q){ $(skel_head); $(BPFTOOL) gen skeleton $< name $(call bpf_name,$*); } > $@

# Collectors: folders of src/collect with a row (collect/collector.h).  Each of their programs is
# described, and each gets one COLLECTOR(name) in a table.
collectors := $(sort $(patsubst src/collect/%/,%,$(dir $(shell \
	grep -ls '^const struct collector collector_' src/collect/*/*.c))))
described  := $(patsubst src/%.bpf.c,$(B)/gen/%.object.h,\
	$(foreach c,$(collectors),$(wildcard src/collect/$(c)/*.bpf.c)))

$(B)/gen/%.object.h: $(B)/bpf/%.bpf.o tools/records tools/btf.py
	@mkdir -p $(@D)
	$(Q)$(PYTHON) tools/records $< $(patsubst %/,%,$(dir $*)) $(notdir $*) > $@

$(B)/collectors: ;
ifneq ($(MAKECMDGOALS),clean)
ignored := $(call keep,$(B)/collectors,$(foreach c,$(collectors),COLLECTOR($(subst -,_,$(c)))))
endif

$(B)/gen/collect/collectors.inc: $(B)/collectors
	@mkdir -p $(@D)
	$(Q)tr ' ' '\n' < $< > $@

generated += $(described) $(B)/gen/collect/collectors.inc

# What the programs expect of the kernel, for `kymo doctor`; the doctor's own programs are tried.
fact_objs := $(filter-out $(B)/bpf/collect/ability/%,$(bpf_objs))

$(B)/gen/collect/ability/facts.inc: $(fact_objs) tools/kernel-facts tools/btf.py
	@mkdir -p $(@D)
	$(Q)$(PYTHON) tools/kernel-facts $(fact_objs) > $@

generated += $(B)/gen/collect/ability/facts.inc
