# What leaves the tree: manual pages and completions from the option table, `make install`, a Debian package,
# and an archive of the program without libraries.
# The pages of a program that cannot run here are those of one that can.
PAGES  := $(if $(CROSS),build,$(B))/tools/pages
manual := $(B)/man/kymo.1 $(verbs:%=$(B)/man/kymo-%.1)
completions := $(B)/completions/kymo.bash $(B)/completions/_kymo
documents := README.md LICENSE CHANGELOG.md doc/run.md doc/incidents.md doc/doctor.md doc/kernels.md

# The day of the last commit, so that the same source makes the same page; outside git, of the last
# entry in the list of changes.
DAY = $(shell date -u +%F -d "@$(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null || \
	stat -c %Y CHANGELOG.md))")

ifdef CROSS
$(PAGES): tools/pages.c $(srcs)
	+$(Q)$(MAKE) --no-print-directory ARCH=$(HOST) B=build $@
else
$(PAGES): tools/pages.c $(B)/libkymo.a
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $< $(B)/libkymo.a $(ALL_LDFLAGS) $(LDLIBS) -o $@
endif

$(B)/man/kymo.1: $(PAGES)
	@mkdir -p $(@D)
	$(Q)$(PAGES) manual $(DAY) > $@

$(B)/man/kymo-%.1: $(PAGES)
	@mkdir -p $(@D)
	$(Q)$(PAGES) manual $(DAY) $* > $@

$(B)/completions/kymo.bash: $(PAGES)
	@mkdir -p $(@D)
	$(Q)$(PAGES) bash > $@

$(B)/completions/_kymo: $(PAGES)
	@mkdir -p $(@D)
	$(Q)$(PAGES) zsh > $@

pages: $(manual) $(completions)

share := $(DESTDIR)$(PREFIX)/share

# What is installed as kymo.
PROGRAM ?= $(B)/kymo

install: $(PROGRAM) pages
	install -D -m 755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/kymo
	install -d $(share)/man/man1 $(share)/doc/kymo
	for page in $(manual); do \
		gzip -9n < $$page > $(share)/man/man1/$${page##*/}.gz || exit 1; done
	install -D -m 644 $(B)/completions/kymo.bash $(share)/bash-completion/completions/kymo
	install -D -m 644 $(B)/completions/_kymo $(share)/zsh/site-functions/_kymo
	install -m 644 $(documents) $(share)/doc/kymo

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/kymo $(manual:$(B)/man/%=$(share)/man/man1/%.gz) \
		$(share)/bash-completion/completions/kymo $(share)/zsh/site-functions/_kymo
	rm -rf $(share)/doc/kymo

package: $(B)/kymo pages
	+$(Q)$(if $(CROSS),ARCH=$(ARCH)) tools/package $(B) $(DEBIAN_ARCH) "$(SYSROOT)" "$(if $(CROSS),$(CROSS)-linux-gnu-)"

# The same objects, linked with archives alone.  The linker warns of what a library would do that it loads itself:
# kymo loads none here (collect/debuginfod.c), and of names of hosts those in /etc/hosts and of DNS are found.
zydis := $(if $(ZYDIS),build/zydis/libZydis.a)

ifdef zydis
$(zydis): tools/zydis
	$(call say,ZYDIS,$@)
	$(Q)tools/zydis $(@D)
	@touch $@
endif

$(B)/static/kymo: $(objs) $(B)/objects $(zydis)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -static-pie -Wl,-w $(filter-out $(PACKED),$(ALL_LDFLAGS)) $(objs) \
		$(patsubst -lZydis,$(zydis),$(LDLIBS)) -o $@

tarball: $(B)/static/kymo pages
	+$(Q)$(if $(CROSS),ARCH=$(ARCH)) tools/tarball $(B) $(DEBIAN_ARCH) "$(SYSROOT)" "$(if $(CROSS),$(CROSS)-linux-gnu-)"

.PHONY: pages install uninstall package tarball
