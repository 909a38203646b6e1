# Programs of bench/: bench/x.c -> $(B)/bench/x, with x.bpf.c as $(B)/gen/bench/x.skel.h where there
# is one.  Frame pointers, because some of them look at their own stack.
benches     := $(patsubst bench/%.c,$(B)/bench/%,$(filter-out %.bpf.c,$(wildcard bench/*.c)))
bench_skels := $(patsubst bench/%.bpf.c,$(B)/gen/bench/%.skel.h,$(wildcard bench/*.bpf.c))

$(B)/bpf/bench/%.bpf.o: bench/%.bpf.c $(B)/flags.bpf
	$(call say,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MT $@ -MF $(@:.o=.d) -c $< -o $@

$(B)/gen/bench/%.skel.h: $(B)/bpf/bench/%.bpf.o
	@mkdir -p $(@D)
	$(Q){ $(skel_head); $(BPFTOOL) gen skeleton $< name bench_$(call bpf_name,$*); } > $@

$(B)/bench/%: bench/%.c $(B)/libkymo.a $(B)/flags | $(generated) $(bench_skels)
	$(call say,BENCH,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -fno-omit-frame-pointer -fno-optimize-sibling-calls -MMD -MP -MF $@.d $< $(B)/libkymo.a $(ALL_LDFLAGS) \
		$(LDLIBS) -o $@

benches: $(benches)

-include $(benches:=.d) $(bench_skels:$(B)/gen/%.skel.h=$(B)/bpf/%.bpf.d)
.PHONY: benches
