# Unit tests: src/x/y.test.c -> $(B)/test/x/y, linked against everything but main().
tests := $(patsubst src/%.test.c,$(B)/test/%,$(wildcard src/*/*.test.c src/*/*/*.test.c))

# Fuzz targets: src/x/y.fuzz.c -> $(B)/fuzz/x/y.  With FUZZ=1 (clang, SAN=fuzzer-no-link,...) they
# search; else they replay the files that are named on their command line.
fuzzers := $(patsubst src/%.fuzz.c,$(B)/fuzz/%,$(wildcard src/*/*.fuzz.c src/*/*/*.fuzz.c))
fuzz_main := $(if $(FUZZ),-fsanitize=fuzzer,tests/fuzz/replay.c)

$(B)/test/%: src/%.test.c $(B)/libkymo.a $(B)/flags | $(generated)
	$(call say,TEST,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d $< $(B)/libkymo.a $(ALL_LDFLAGS) -lcmocka $(LDLIBS) -o $@

$(B)/fuzz/%: src/%.fuzz.c tests/fuzz/replay.c $(B)/libkymo.a $(B)/flags | $(generated)
	$(call say,FUZZ,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d $< $(fuzz_main) $(B)/libkymo.a $(ALL_LDFLAGS) $(LDLIBS) -o $@

# What the tests in tests/names start: names of addresses, for comparison with other tools.
$(B)/tests/names/%: tests/names/%.c $(B)/libkymo.a $(B)/flags
	$(call say,TEST,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d $< $(B)/libkymo.a $(ALL_LDFLAGS) $(LDLIBS) -o $@

# What the tests in tests/unwind start: rules of addresses, and stacks beside another unwinder.
$(B)/tests/unwind/%: tests/unwind/%.c $(B)/libkymo.a $(B)/flags
	$(call say,TEST,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d $< $(B)/libkymo.a $(ALL_LDFLAGS) $(LDLIBS) -o $@

# What the tests in tests/formats start: a program that writes known profiles, and readers from npm.
$(B)/tests/formats/%: tests/formats/%.c tests/formats/make-profile.h $(B)/libkymo.a $(B)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d $< $(B)/libkymo.a $(ALL_LDFLAGS) $(LDLIBS) -o $@

$(B)/npm/installed: tests/formats/package.json tests/formats/package-lock.json
	@mkdir -p $(@D)
	$(Q)cp $^ $(@D)
	$(Q)cd $(@D) && npm ci --fetch-retries=1 --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# What drives the browser in tests/web.
$(B)/npm-web/installed: tests/web/package.json tests/web/package-lock.json tests/web/.npmrc
	@mkdir -p $(@D)
	$(Q)cp $^ $(@D)
	$(Q)cd $(@D) && npm ci --fetch-retries=1 --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# What bench/page draws beside the page.
$(B)/npm-bench/installed: bench/npm/package.json bench/npm/package-lock.json bench/npm/.npmrc
	@mkdir -p $(@D)
	$(Q)cp $^ $(@D)
	$(Q)cd $(@D) && npm ci --fetch-retries=1 --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

sample-profile: $(B)/tests/formats/sample-profile
npm: $(B)/npm/installed
npm-web: $(B)/npm-web/installed
npm-bench: $(B)/npm-bench/installed

tests: $(tests)
fuzzers: $(fuzzers)

sources := $(wildcard src/*/*.[ch] src/*/*/*.[ch] tests/*/*.[ch] bench/*.[ch] tools/*.c)

format:
	$(CLANG_FORMAT) -i $(sources)

format-check:
	$(Q)$(CLANG_FORMAT) --dry-run -Werror $(sources)

check: all tests format-check
	$(PYTHON) tools/check-layers $(B)
	$(PYTHON) tests/run --build $(B) unit

.PHONY: sample-profile npm npm-web npm-bench tests fuzzers format format-check check
