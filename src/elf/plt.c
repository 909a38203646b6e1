/* SPDX-License-Identifier: MIT */
#include "elf/plt.h"

#include <elf.h>
#include <string.h>

#define STUB_STEP_X86   8u  /* the shortest stub: jmp *slot(%rip); two bytes of filling */
#define STUB_STEP_ARM64 4u  /* an instruction; a stub begins with adrp x16 (after bti c) */
#define STUB_MAX        24u /* the longest: bti c, adrp, ldr, add, br, nop */

/* A slot of the global offset table and what the dynamic linker puts there. */
struct slot {
	uint64_t address;
	uint64_t target;
	uint32_t name;
};

struct reader {
	struct plt *plt;
	vec(struct slot) slots;
	const uint8_t *symbols; /* .dynsym */
	uint64_t symbols_bytes;
	uint64_t got; /* .got.plt, or .got: what i386 stubs count from */
};

static int compare_slots(const void *a, const void *b)
{
	const struct slot *left = a, *right = b;

	return left->address < right->address ? -1 : left->address > right->address;
}

static int compare_stubs(const void *a, const void *b)
{
	const struct plt_stub *left = a, *right = b;

	return left->start < right->start ? -1 : left->start > right->start;
}

/* A section in a buffer of its own; NULL when it is absent, too large or unreadable. */
static uint8_t *read_whole(const struct image *image, const struct image_section *section,
			   uint64_t max)
{
	own(freep) uint8_t *bytes = NULL;

	if (!section || section->size > max || image_is_compressed(image, section))
		return NULL;
	bytes = malloc(section->size + STUB_MAX);
	if (!bytes || source_read(&image->source, bytes, section->size, section->offset) != 0)
		return NULL;
	memset(bytes + section->size, 0, STUB_MAX);
	return take(bytes);
}

static bool fills_slot(uint16_t machine, uint32_t type, bool *ret_indirect)
{
	*ret_indirect = false;
	switch (machine) {
	case EM_X86_64:
		*ret_indirect = type == R_X86_64_IRELATIVE;
		return *ret_indirect || type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT;
	case EM_386:
		*ret_indirect = type == R_386_IRELATIVE;
		return *ret_indirect || type == R_386_JMP_SLOT || type == R_386_GLOB_DAT;
	case EM_AARCH64:
		*ret_indirect = type == R_AARCH64_IRELATIVE;
		return *ret_indirect || type == R_AARCH64_JUMP_SLOT || type == R_AARCH64_GLOB_DAT;
	default:
		return false;
	}
}

/* The name of a relocation's symbol. */
static void name_slot(const struct reader *reader, uint32_t symbol, struct slot *slot)
{
	const struct image *image = reader->plt->image;
	uint64_t size = image->is_64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);

	if (!symbol || ((uint64_t)symbol + 1) * size > reader->symbols_bytes)
		return;
	memcpy(&slot->name, reader->symbols + symbol * size, sizeof(slot->name)); /* st_name */
}

static int add_slot(struct reader *reader, const Elf64_Rela *entry, uint32_t symbol, uint32_t type)
{
	struct slot slot = { .address = entry->r_offset };
	bool indirect;

	if (!fills_slot(reader->plt->image->machine, type, &indirect))
		return 0;
	if (indirect)
		slot.target = (uint64_t)entry->r_addend;
	else
		name_slot(reader, symbol, &slot);
	if (!slot.name && !slot.target)
		return 0;
	return vec_push(&reader->slots, slot);
}

/* All entries of one relocation section (REL ones keep their addend elsewhere: it is not needed,
 * except for IRELATIVE ones, which then stay nameless).
 */
static int read_relocations(struct reader *reader, const struct image_section *section)
{
	const struct image *image = reader->plt->image;
	bool addends = section->type == SHT_RELA;
	size_t size = image->is_64 ? (addends ? sizeof(Elf64_Rela) : sizeof(Elf64_Rel))
				   : (addends ? sizeof(Elf32_Rela) : sizeof(Elf32_Rel));
	own(freep) uint8_t *bytes = read_whole(image, section, PLT_MAX_BYTES);
	int err = 0;

	for (size_t at = 0; bytes && !err && at + size <= section->size; at += size) {
		Elf64_Rela wide = { 0 };

		if (image->is_64) {
			memcpy(&wide, bytes + at, size);
			err = add_slot(reader, &wide, (uint32_t)ELF64_R_SYM(wide.r_info),
				       (uint32_t)ELF64_R_TYPE(wide.r_info));
		} else {
			Elf32_Rela narrow = { 0 };

			memcpy(&narrow, bytes + at, size);
			wide.r_offset = narrow.r_offset;
			wide.r_addend = narrow.r_addend;
			err = add_slot(reader, &wide, ELF32_R_SYM(narrow.r_info),
				       ELF32_R_TYPE(narrow.r_info));
		}
	}
	return err;
}

/* x86: [endbr] [bnd] jmp *slot, with the slot relative to the next instruction, absolute, or
 * relative to %ebx.  Return: whether one begins here.
 */
static bool decode_x86(const struct reader *reader, const uint8_t *code, uint64_t address,
		       uint64_t *ret_slot)
{
	bool is_64 = reader->plt->image->machine == EM_X86_64;
	uint32_t at = 0;
	int32_t disp;

	if (memcmp(code, is_64 ? "\xf3\x0f\x1e\xfa" : "\xf3\x0f\x1e\xfb", 4) == 0)
		at += 4;
	if (code[at] == 0xf2)
		at++;
	if (code[at] != 0xff || (code[at + 1] != 0x25 && (is_64 || code[at + 1] != 0xa3)))
		return false;
	memcpy(&disp, code + at + 2, sizeof(disp));
	if (is_64)
		*ret_slot = address + at + 6 + (uint64_t)(int64_t)disp;
	else if (code[at + 1] == 0x25)
		*ret_slot = (uint32_t)disp;
	else
		*ret_slot = (uint32_t)(reader->got + (uint32_t)disp);
	return true;
}

/* arm64: [bti c] adrp x16, page; ldr x17, [x16, #low]. */
static bool decode_arm64(const uint8_t *code, uint64_t address, uint64_t *ret_slot)
{
	uint32_t adrp, ldr;
	int64_t pages;

	memcpy(&adrp, code, 4);
	if (adrp == 0xd503245f) { /* bti c */
		code += 4;
		address += 4;
		memcpy(&adrp, code, 4);
	}
	memcpy(&ldr, code + 4, 4);
	if ((adrp & 0x9f00001f) != 0x90000010 || (ldr & 0xffc003ff) != 0xf9400211)
		return false;
	pages = (int64_t)((uint64_t)((adrp >> 5 & 0x7ffff) << 2 | (adrp >> 29 & 3)) << 43) >> 43;
	*ret_slot = (address & ~0xfffull) + (uint64_t)pages * 4096 + (ldr >> 10 & 0xfff) * 8;
	return true;
}

/* Walks one section of stubs; a stub ends where the next begins, or with the section. */
static int read_stubs(struct reader *reader, const struct image_section *section)
{
	const struct image *image = reader->plt->image;
	own(freep) uint8_t *code = read_whole(image, section, PLT_MAX_BYTES);
	uint32_t step = image->machine == EM_AARCH64 ? STUB_STEP_ARM64 : STUB_STEP_X86;
	size_t first = reader->plt->stubs.len;
	int err = 0;

	for (uint64_t at = 0; code && !err && at < section->size; at += step) {
		uint64_t address = section->address + at;
		struct slot key = { 0 }, *slot;
		bool found = image->machine == EM_AARCH64
				     ? decode_arm64(code + at, address, &key.address)
				     : decode_x86(reader, code + at, address, &key.address);

		if (!found)
			continue;
		slot = bsearch(&key, reader->slots.data, reader->slots.len, sizeof(key),
			       compare_slots);
		if (reader->plt->stubs.len > first)
			reader->plt->stubs.data[reader->plt->stubs.len - 1].end = address;
		err = vec_push(&reader->plt->stubs,
			       { address, section->address + section->size, slot ? slot->target : 0,
				 slot ? slot->name : 0 });
		if (image->machine == EM_AARCH64)
			at += 8; /* not the stub's own second half, after bti c */
	}
	return err;
}

static int read_all(struct reader *reader)
{
	const struct image *image = reader->plt->image;
	int err = 0;

	vec_each(section, &image->sections)
		if (!err && (section->type == SHT_RELA || section->type == SHT_REL) &&
		    (section->flags & SHF_ALLOC))
			err = read_relocations(reader, section);
	if (err || !reader->slots.len)
		return err;
	qsort(reader->slots.data, reader->slots.len, sizeof(*reader->slots.data), compare_slots);
	vec_each(section, &image->sections) {
		const char *name = image_section_name(image, section);

		if (!err && (section->flags & SHF_EXECINSTR) && section->type == SHT_PROGBITS &&
		    (strncmp(name, ".plt", 4) == 0 || strcmp(name, ".iplt") == 0))
			err = read_stubs(reader, section);
	}
	if (!err && reader->plt->stubs.len)
		qsort(reader->plt->stubs.data, reader->plt->stubs.len,
		      sizeof(*reader->plt->stubs.data), compare_stubs);
	return err;
}

int plt_new(const struct image *image, struct plt **ret_plt)
{
	own(plt_freep) struct plt *plt = calloc(1, sizeof(*plt));
	const struct image_section *dynsym = image_find_type(image, SHT_DYNSYM), *strings;
	const struct image_section *got = image_find_section(image, ".got.plt");
	own(freep) uint8_t *symbols = NULL;
	struct reader reader = { .plt = plt };
	int err;

	if (!plt)
		return -ENOMEM;
	plt->image = image;
	if (image->machine != EM_X86_64 && image->machine != EM_386 &&
	    image->machine != EM_AARCH64) {
		*ret_plt = take(plt);
		return 0;
	}
	strings = dynsym ? image_section_at(image, dynsym->link) : NULL;
	if (strings && source_has(&image->source, strings->offset, strings->size)) {
		plt->strings = strings->offset;
		plt->strings_end = strings->offset + strings->size;
		symbols = read_whole(image, dynsym, PLT_MAX_BYTES);
	}
	reader.symbols = symbols;
	reader.symbols_bytes = symbols ? dynsym->size : 0;
	got = got ?: image_find_section(image, ".got");
	reader.got = got ? got->address : 0;
	err = read_all(&reader);
	vec_done(&reader.slots);
	if (!err)
		*ret_plt = take(plt);
	return err;
}

void plt_free(struct plt *plt)
{
	if (!plt)
		return;
	vec_done(&plt->stubs);
	free(plt);
}

const struct plt_stub *plt_find(const struct plt *plt, uint64_t address)
{
	size_t low = 0, high = plt->stubs.len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (plt->stubs.data[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || address >= plt->stubs.data[low - 1].end)
		return NULL;
	return &plt->stubs.data[low - 1];
}

int plt_name(const struct plt *plt, const struct plt_stub *stub, char text[PLT_NAME_BYTES])
{
	int len;

	if (!stub->name)
		return -ENOENT;
	len = source_text(&plt->image->source, plt->strings + stub->name, plt->strings_end, text,
			  PLT_NAME_BYTES);
	return len ?: -EBADMSG;
}
