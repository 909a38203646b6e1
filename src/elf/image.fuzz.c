/* SPDX-License-Identifier: MIT */
/* A whole ELF file of foreign making: headers, symbols, PLT, mini-debuginfo, DWARF, the table of Go,
 * its functions as instructions, and probe points.
 */
#include "elf/image.h"

#include <string.h>

#include "elf/code.h"
#include "elf/functions.h"
#include "elf/gopclntab.h"
#include "elf/inflate.h"
#include "elf/inlines.h"
#include "elf/plt.h"
#include "elf/symbols.h"
#include "elf/usdt.h"

#define MINI_MAX (8u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void ask_symbols(const struct image *image, const struct image *mini)
{
	own(symbols_freep) struct symbols *symbols = NULL;
	char text[SYMBOL_NAME_BYTES];
	uint32_t name;

	if (symbols_new(image, NULL, mini, &symbols) != 0)
		return;
	vec_each(code, &image->code)
		for (unsigned i = 0; i < 16; i++)
			if (symbols_find(symbols, code->start + i * 7, &name) &&
			    symbols_name(symbols, name, text) >= (int)sizeof(text))
				abort();
}

static void ask_functions(const struct image *image, const struct image *mini)
{
	struct functions functions = { 0 };

	if (functions_find(image, mini, "*", &functions) == 0)
		for (size_t i = 0; i < functions.list.len && i < 16; i++) {
			const struct function *one = &functions.list.data[i];
			struct code_request request = {
				.ranges = { one->body, one->cold },
				.count = one->cold.end ? 2 : 1,
				.restarts = one->is_go,
			};
			struct code code;

			if (code_examine(image, &request, &code) == 0 && code.lacks[0] &&
			    code.exits.len)
				abort();
			code_done(&code);
		}
	functions_done(&functions);
	if (gopclntab_names(image, "main.main") > 1 || gopclntab_version(image) > 99999)
		abort();
}

static int see_point(void *context, const struct usdt_point *point)
{
	size_t *texts = context;

	*texts += strlen(point->provider) + strlen(point->name);
	return 0;
}

static void ask_points(const struct image *image)
{
	size_t texts = 0;

	if (usdt_each(image, see_point, &texts) > 0)
		abort();
}

static void ask_plt(const struct image *image)
{
	own(plt_freep) struct plt *plt = NULL;
	char text[PLT_NAME_BYTES];

	if (plt_new(image, &plt) != 0)
		return;
	vec_each(stub, &plt->stubs) {
		if (stub->end < stub->start)
			abort();
		if (plt_name(plt, stub, text) >= (int)sizeof(text))
			abort();
	}
}

static void ask_inlines(const struct image *image)
{
	struct debuginfo_limits limits = { .bytes = 32u << 20, .cpu_ns = 300000000 };
	own(inlines_freep) struct inlines *inlines = NULL;
	struct inline_chain chain;
	char path[4096];

	if (inlines_new(image, image, &limits, &inlines) != 0)
		return;
	vec_each(code, &image->code) {
		for (unsigned i = 0; i < 16; i++) {
			if (inlines_find(inlines, code->start + i * 5, &chain) != 0)
				return;
			for (uint32_t j = 0; j < chain.len; j++)
				if (inlines_name(inlines, chain.frames[j].name, path,
						 sizeof(path)) >= (int)sizeof(path) ||
				    inlines_source(inlines, chain.unit, chain.frames[j].file, path,
						   sizeof(path)) >= (int)sizeof(path))
					abort();
		}
	}
}

static struct image *open_mini(const struct image *image)
{
	const struct image_section *section = image_find_section(image, ".gnu_debugdata");
	struct image *mini = NULL;
	void *bytes;
	size_t len;

	if (section &&
	    inflate_xz(&image->source, section->offset, section->size, MINI_MAX, &bytes, &len) ==
		    0 &&
	    image_hold(bytes, len, &mini) != 0)
		mini = NULL;
	return mini;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	own(image_freep) struct image *image = NULL, *mini = NULL;
	uint8_t *copy = malloc(len + !len);
	uint64_t address;

	if (!copy)
		return 0;
	memcpy(copy, bytes, len);
	if (image_hold(copy, len, &image) != 0)
		return 0;
	mini = open_mini(image);
	for (uint64_t offset = 0; offset < len; offset += len / 64 + 1)
		if (image_address(image, offset, &address))
			image_code_at(image, address);
	ask_symbols(image, mini);
	ask_functions(image, mini);
	ask_points(image);
	ask_plt(image);
	ask_inlines(image);
	return 0;
}
