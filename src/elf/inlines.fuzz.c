/* SPDX-License-Identifier: MIT */
/* DWARF alone: the input is the sections, in the order of `names`, with a mark between them; they
 * are put into an ELF file that is otherwise in order, so that every change reaches the DWARF.
 */
#include "elf/inlines.h"

#include <elf.h>
#include <string.h>

#include "elf/members.h"

#define MARK       "\xff\xfe\xfd\xfc"
#define CODE_START 0x1000u
#define CODE_END   0x100000u
#define PARTS      10u

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const char names[PARTS][20] = { ".debug_info",     ".debug_abbrev",   ".debug_line",
				       ".debug_str",      ".debug_line_str", ".debug_ranges",
				       ".debug_rnglists", ".debug_aranges",  ".debug_str_offsets",
				       ".debug_addr" };

struct file {
	Elf64_Ehdr header;
	Elf64_Phdr segment;
	Elf64_Shdr sections[PARTS + 3]; /* null, code, the parts, names */
	char names[PARTS + 1][sizeof(names[0])];
};

static void fill_head(struct file *file)
{
	file->header = (Elf64_Ehdr){
		.e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = offsetof(struct file, segment),
		.e_shoff = offsetof(struct file, sections),
		.e_ehsize = sizeof(file->header),
		.e_phentsize = sizeof(file->segment),
		.e_phnum = 1,
		.e_shentsize = sizeof(file->sections[0]),
		.e_shnum = PARTS + 3,
		.e_shstrndx = PARTS + 2,
	};
	memcpy(file->header.e_ident, ELFMAG "\2\1\1", 7);
	file->segment =
		(Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_memsz = CODE_END };
	file->sections[1] = (Elf64_Shdr){ .sh_type = SHT_NOBITS,
					  .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
					  .sh_addr = CODE_START,
					  .sh_size = CODE_END - CODE_START };
	file->sections[PARTS + 2] = (Elf64_Shdr){ .sh_type = SHT_STRTAB,
						  .sh_offset = offsetof(struct file, names),
						  .sh_size = sizeof(file->names) };
}

static struct image *build(const uint8_t *bytes, size_t len)
{
	struct file *file = calloc(1, sizeof(*file) + len);
	const uint8_t *end = bytes + len;
	struct image *image = NULL;

	if (!file)
		return NULL;
	fill_head(file);
	memcpy(file + 1, bytes, len);
	for (unsigned i = 0; i < PARTS; i++) {
		const uint8_t *mark =
			bytes < end ? memmem(bytes, (size_t)(end - bytes), MARK, 4) : NULL;
		const uint8_t *stop = mark ? mark : end;

		memcpy(file->names[i + 1], names[i], sizeof(names[i]));
		file->sections[i + 2] = (Elf64_Shdr){
			.sh_name = (uint32_t)((i + 1) * sizeof(names[0])),
			.sh_type = SHT_PROGBITS,
			.sh_offset = sizeof(*file) + len - (size_t)(end - bytes),
			.sh_size = (size_t)(stop - bytes),
		};
		bytes = mark ? mark + 4 : end;
	}
	return image_hold(file, sizeof(*file) + len, &image) == 0 ? image : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct debuginfo_limits limits = { .bytes = 32u << 20, .cpu_ns = 300000000 };
	own(image_freep) struct image *image = build(bytes, len);
	own(inlines_freep) struct inlines *inlines = NULL;
	struct inline_chain chain;
	struct member_wanted member = { "div_t", "rem", 0 };
	char text[1024];

	if (image && members_find(image, &limits, &member, 1) != 0 &&
	    member.offset < MEMBERS_UNKNOWN)
		abort();
	if (!image || inlines_new(image, image, &limits, &inlines) != 0)
		return 0;
	for (uint64_t address = CODE_START; address < CODE_START + 4096; address += 3) {
		if (inlines_find(inlines, address, &chain) != 0)
			return 0;
		for (uint32_t i = 0; i < chain.len; i++)
			if (inlines_name(inlines, chain.frames[i].name, text, sizeof(text)) >=
				    (int)sizeof(text) ||
			    inlines_source(inlines, chain.unit, chain.frames[i].file, text,
					   sizeof(text)) >= (int)sizeof(text))
				abort();
	}
	return 0;
}
