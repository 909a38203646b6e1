# Tables that the build writes from lists of files.

# One VERB(name) for each src/cmd/NAME.options.c that has its src/cmd/NAME.c beside it.
options := $(wildcard src/cmd/*.options.c)
verbs   := $(foreach o,$(options),$(if $(wildcard $(o:.options.c=.c)),$(notdir $(o:.options.c=))))
srcs    := $(filter-out $(filter-out $(verbs:%=src/cmd/%.options.c),$(options)),$(srcs))

$(B)/verbs: ;
ifneq ($(MAKECMDGOALS),clean)
ignored := $(call keep,$(B)/verbs,$(foreach v,$(sort $(verbs)),VERB($(v))))
endif

$(B)/gen/cmd/verbs.inc: $(B)/verbs
	@mkdir -p $(@D)
	$(Q)tr ' ' '\n' < $< > $@

generated += $(B)/gen/cmd/verbs.inc

# The script and the style of a picture as C strings, without the lines that are comments.
texts := $(wildcard src/*/*.css src/*/*.js)

$(B)/gen/%.inc: src/%
	@mkdir -p $(@D)
	$(Q)sed -e '/^[[:space:]]*\/\/ /d' -e '/^$$/d' -e 's/[\\"]/\\&/g' -e 's/.*/"&\\n"/' $< > $@

generated += $(texts:src/%=$(B)/gen/%.inc)

# Names of system calls by number, as the libc of the build knows them.
$(B)/gen/model/syscalls.inc: mk/gen.mk
	@mkdir -p $(@D)
	$(Q)echo '#include <asm/unistd.h>' | $(CC) -E -dM - | \
		sed -n 's/^#define __NR_\([a-z0-9_]*\) \([0-9][0-9]*\)$$/[\2] = "\1",/p' | sort -V > $@

generated += $(B)/gen/model/syscalls.inc
