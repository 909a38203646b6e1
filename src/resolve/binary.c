/* SPDX-License-Identifier: MIT */
#include "resolve/binary.h"

#include <elf.h>
#include <string.h>

#include "elf/inflate.h"
#include "elf/lines.h"
#include "resolve/debugfile.h"

#define PATH_BYTES 4096u

/* What a cache key is the number of. */
enum key_kind {
	KEY_SYMBOL,
	KEY_STUB,
	KEY_INLINE,
	KEY_SOURCE
};

static uint64_t key_of(enum key_kind kind, uint64_t number)
{
	return (uint64_t)kind << 60 | number;
}

/* The symbols that a distribution leaves in a stripped file. */
static void read_mini(struct binary *binary)
{
	const struct image_section *section = image_find_section(binary->image, ".gnu_debugdata");
	void *bytes;
	size_t len;

	if (section &&
	    inflate_xz(&binary->image->source, section->offset, section->size,
		       BINARY_MAX_MINI_BYTES, &bytes, &len) == 0 &&
	    image_hold(bytes, len, &binary->mini) != 0)
		binary->mini = NULL;
}

static bool has_dwarf(const struct image *image)
{
	return image && (image_find_section(image, ".debug_info") ||
			 image_find_section(image, ".zdebug_info"));
}

static int open_inlines(struct binary *binary, const struct resolver_options *options)
{
	struct debuginfo_limits limits = {
		.bytes = options->inline_bytes ?: RESOLVER_INLINE_BYTES,
		.cpu_ns = options->inline_cpu_ns ?: RESOLVER_INLINE_CPU_NS,
	};
	const struct image *from = has_dwarf(binary->debug) ? binary->debug : binary->image;

	if (options->no_inline)
		return 0;
	binary->inlines_err = inlines_new(from, binary->image, &limits, &binary->inlines);
	return binary->inlines_err == -ENOMEM ? -ENOMEM : 0;
}

int binary_new(const struct resolver_options *options, const struct opener *opener,
	       const struct profile *profile, uint32_t file, struct image *image,
	       struct binary **ret_binary)
{
	own(binary_freep) struct binary *binary = calloc(1, sizeof(*binary));
	bool has_symtab = image_find_type(image, SHT_SYMTAB);
	int err = 0;

	if (!binary) {
		image_free(image);
		return -ENOMEM;
	}
	binary->image = image;
	if (!has_symtab || (!options->no_inline && !has_dwarf(image)))
		err = debugfile_find(opener, profile, file, image, &binary->debug);
	if (err && err != -ENOENT)
		return err;
	if (!has_symtab && !(binary->debug && image_find_type(binary->debug, SHT_SYMTAB)))
		read_mini(binary);
	err = symbols_new(image, binary->debug, binary->mini, &binary->symbols);
	if ((err == -EBADMSG || err == -ENODATA) && (binary->debug || binary->mini))
		err = symbols_new(image, NULL, NULL, &binary->symbols);
	err = err ?: plt_new(image, &binary->plt);
	err = err ?: open_inlines(binary, options);
	if (err)
		return err;
	*ret_binary = take(binary);
	return 0;
}

void binary_free(struct binary *binary)
{
	if (!binary)
		return;
	inlines_free(binary->inlines);
	plt_free(binary->plt);
	symbols_free(binary->symbols);
	image_free(binary->mini);
	image_free(binary->debug);
	image_free(binary->image);
	free(binary);
}

size_t binary_bytes(const struct binary *binary)
{
	size_t bytes = sizeof(*binary) + 16384; /* headers, libelf's remains, debug file */

	bytes += symbols_bytes(binary->symbols);
	bytes += binary->plt->stubs.cap * sizeof(*binary->plt->stubs.data);
	bytes += binary->mini ? binary->mini->source.len : 0;
	return bytes + (binary->inlines ? inlines_bytes(binary->inlines) : 0);
}

/* One frame on its way to its names. */
struct naming_step {
	struct binary *binary;
	struct naming *naming;
	uint32_t owner;
	uint32_t frame;
	uint32_t module;
	uint64_t address; /* as addr2line takes it */
};

/* The text of a symbol that was found.  Return: 1; 0 when it cannot be read; -errno */
static int symbol_text(struct naming_step *step, uint32_t symbol, uint32_t *ret_text)
{
	char text[SYMBOL_NAME_BYTES];
	uint64_t key = key_of(KEY_SYMBOL, symbol);
	int err;

	if (naming_find(step->naming, step->owner, key, ret_text))
		return 1;
	if (symbols_name(step->binary->symbols, symbol, text) < 0)
		return 0;
	err = naming_symbol(step->naming, text, "", ret_text);
	if (err)
		return err;
	naming_keep(step->naming, step->owner, key, *ret_text);
	return 1;
}

/* The same for an entry of the procedure linkage table: name@plt. */
static int stub_text(struct naming_step *step, const struct plt_stub *stub, uint32_t *ret_text)
{
	char text[SYMBOL_NAME_BYTES];
	uint64_t key = key_of(KEY_STUB, stub->start - step->binary->image->base);
	uint32_t symbol;
	int err;

	if (naming_find(step->naming, step->owner, key, ret_text))
		return 1;
	if (stub->name)
		err = plt_name(step->binary->plt, stub, text);
	else if (stub->target && symbols_find(step->binary->symbols, stub->target, &symbol))
		err = symbols_name(step->binary->symbols, symbol, text);
	else
		return 0;
	if (err < 0)
		return 0;
	err = naming_symbol(step->naming, text, "@plt", ret_text);
	if (err)
		return err;
	naming_keep(step->naming, step->owner, key, *ret_text);
	return 1;
}

static int inline_text(struct naming_step *step, uint32_t name, uint32_t *ret_text)
{
	char text[SYMBOL_NAME_BYTES];
	uint64_t key = key_of(KEY_INLINE, name);
	int err;

	if (name == DEBUGINFO_NO_TEXT)
		return 0;
	if (naming_find(step->naming, step->owner, key, ret_text))
		return 1;
	if (inlines_name(step->binary->inlines, name, text, sizeof(text)) <= 0)
		return 0;
	err = naming_symbol(step->naming, text, "", ret_text);
	if (err)
		return err;
	naming_keep(step->naming, step->owner, key, *ret_text);
	return 1;
}

static int source_text_of(struct naming_step *step, uint32_t unit, uint32_t file,
			  uint32_t *ret_text)
{
	char path[PATH_BYTES];
	uint64_t key = key_of(KEY_SOURCE, (uint64_t)unit << 32 | file);
	int err;

	if (file == LINES_NO_FILE)
		return 0;
	if (naming_find(step->naming, step->owner, key, ret_text))
		return 1;
	if (inlines_source(step->binary->inlines, unit, file, path, sizeof(path)) <= 0)
		return 0;
	err = profile_add_text(step->naming->profile, path, ret_text);
	if (err)
		return err;
	naming_keep(step->naming, step->owner, key, *ret_text);
	return 1;
}

/* The name of the function that the linker put there; nothing in DWARF is more exact. */
static int outermost_text(struct naming_step *step, uint64_t lookup, uint32_t *ret_text)
{
	const struct plt_stub *stub = plt_find(step->binary->plt, lookup);
	uint32_t symbol;

	if (stub)
		return stub_text(step, stub, ret_text);
	if (symbols_find(step->binary->symbols, lookup, &symbol))
		return symbol_text(step, symbol, ret_text);
	return 0;
}

/* Writes one name of the chain; `got` says whether its function is known yet. */
static int add_link(struct naming_step *step, const struct inline_chain *chain, uint32_t link,
		    int got, struct name *name)
{
	const struct inline_frame *frame = &chain->frames[link];
	int err = 0;

	if (!got)
		got = inline_text(step, frame->name, &name->function);
	if (got < 0)
		return got;
	name->module = step->module;
	name->is_inlined = link > 0;
	if (!got && link > 0) {
		err = profile_add_text(step->naming->profile, "[unknown]", &name->function);
	} else if (!got) {
		name->is_address = true;
		err = naming_address(step->naming,
				     profile_text(step->naming->profile, step->module),
				     step->address, &name->function);
	}
	if (!err && frame->file != LINES_NO_FILE) {
		err = source_text_of(step, chain->unit, frame->file, &name->source);
		name->line = err > 0 ? frame->line : 0;
		err = err < 0 ? err : 0;
	}
	return err ?: naming_add(step->naming, step->frame, name);
}

static int name_chain(struct naming_step *step, uint64_t lookup, bool *ret_named)
{
	struct inline_chain chain = { .len = 0 };
	struct name name = { 0 };
	int got = outermost_text(step, lookup, &name.function), err = got < 0 ? got : 0;

	if (!err && step->binary->inlines)
		err = inlines_find(step->binary->inlines, lookup, &chain);
	if (err)
		return err;
	if (!chain.len) {
		chain.len = 1;
		chain.frames[0] = (struct inline_frame){ DEBUGINFO_NO_TEXT, LINES_NO_FILE, 0 };
	}
	naming_begin(step->naming, step->frame);
	for (uint32_t link = 0; !err && link < chain.len; link++) {
		err = add_link(step, &chain, link, got, &name);
		if (link == 0)
			*ret_named = !name.is_address;
		name = (struct name){ 0 };
		got = 0;
	}
	return err;
}

int binary_name(struct binary *binary, struct naming *naming, uint32_t owner, uint32_t frame,
		uint32_t module, bool *ret_named)
{
	const struct frame *at = &naming->profile->frames.data[frame];
	struct naming_step step = { binary, naming, owner, frame, module, at->address };
	struct name name = { .module = module, .is_address = true };
	int err;

	/* A call may be the last instruction of all: the address behind it is in no segment. */
	if (image_address(binary->image, at->address - at->is_return_address, &step.address)) {
		uint64_t lookup = step.address;

		step.address += at->is_return_address;
		return name_chain(&step, lookup, ret_named);
	}
	*ret_named = false;
	err = naming_address(naming, profile_text(naming->profile, module), at->address,
			     &name.function);
	return err ?: naming_set(naming, frame, &name);
}
