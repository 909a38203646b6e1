# The page of `kymo serve`: bundled once for all variants, packed, and put into the program as C arrays.
WEB := build/web

$(WEB)/page.inc: tools/bundle-page web/index.html web/package-lock.json $(wildcard web/src/*)
	$(call say,WEB,$@)
	$(Q)tools/bundle-page $(WEB)

$(B)/gen/serve/page.inc: $(WEB)/page.inc
	@mkdir -p $(@D)
	$(Q)cp $< $@

generated += $(B)/gen/serve/page.inc
