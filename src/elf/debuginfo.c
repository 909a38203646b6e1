/* SPDX-License-Identifier: MIT */
#include "elf/debuginfo.h"

#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "elf/debuginfo_units.h"

#define PAGE            4096ull
#define LAYOUT_MAX      (UINT32_MAX - PAGE)     /* a text is a 32-bit offset into the layout */
#define LAYOUT_SECTIONS (DEBUG_PART_COUNT + 2u) /* the null section and the section names too */

static const char part_names[DEBUG_PART_COUNT][20] = {
	[DEBUG_INFO] = ".debug_info",
	[DEBUG_ABBREV] = ".debug_abbrev",
	[DEBUG_STR_OFFSETS] = ".debug_str_offsets",
	[DEBUG_ADDR] = ".debug_addr",
	[DEBUG_RANGES] = ".debug_ranges",
	[DEBUG_RNGLISTS] = ".debug_rnglists",
	[DEBUG_STR] = ".debug_str",
	[DEBUG_LINE_STR] = ".debug_line_str",
	[DEBUG_LINE] = ".debug_line",
};

struct layout_head {
	Elf64_Ehdr header;
	Elf64_Shdr sections[LAYOUT_SECTIONS];
	char names[DEBUG_PART_COUNT + 1][sizeof(part_names[0])];
};

static uint64_t round_up(uint64_t bytes)
{
	return (bytes + PAGE - 1) & ~(PAGE - 1);
}

static const struct image_section *find_part(const struct image *image, enum debug_part part)
{
	const struct image_section *section = image_find_section(image, part_names[part]);
	char old[sizeof(part_names[0]) + 1] = ".z";

	if (section)
		return section;
	strcat(old, part_names[part] + 1); /* .zdebug_info */
	return image_find_section(image, old);
}

/* Finds the sections and gives each its place. */
static int place_parts(struct debuginfo *debuginfo)
{
	uint64_t at = round_up(sizeof(struct layout_head));

	for (unsigned i = 0; i < DEBUG_PART_COUNT; i++) {
		struct debuginfo_part *part = &debuginfo->parts[i];
		int err;

		part->section = find_part(debuginfo->image, i);
		part->at = at;
		if (!part->section)
			continue;
		err = image_section_bytes(debuginfo->image, part->section, &part->size);
		if (err)
			return err;
		/* One page more, of zeros: it closes the last text. */
		if (part->size > LAYOUT_MAX || at + part->size > LAYOUT_MAX - PAGE)
			return -E2BIG;
		at += round_up(part->size + 1);
	}
	debuginfo->layout_bytes = at;
	return debuginfo->parts[DEBUG_INFO].size && debuginfo->parts[DEBUG_ABBREV].size ? 0
											: -ENOENT;
}

static int fill_whole(struct debuginfo *debuginfo, enum debug_part number)
{
	struct debuginfo_part *part = &debuginfo->parts[number];
	int err;

	if (debuginfo->resident + part->size > debuginfo->limits.bytes)
		return -E2BIG;
	err = image_read_section(debuginfo->image, part->section, debuginfo->layout + part->at,
				 part->size);
	if (err)
		return err;
	debuginfo->resident += round_up(part->size);
	part->whole = true;
	return 0;
}

static bool read_by_offset(enum debug_part part)
{
	return part == DEBUG_STR || part == DEBUG_LINE_STR || part == DEBUG_LINE;
}

static int fill_parts(struct debuginfo *debuginfo)
{
	int err = 0;

	for (unsigned i = 0; !err && i < DEBUG_PART_COUNT; i++) {
		struct debuginfo_part *part = &debuginfo->parts[i];

		if (!part->section)
			continue;
		if (image_is_compressed(debuginfo->image, part->section)) {
			err = fill_whole(debuginfo, i);
		} else if (i == DEBUG_INFO) {
			part->filled = calloc(part->size / PAGE / 64 + 1, sizeof(*part->filled));
			err = part->filled ? 0 : -ENOMEM;
		} else if (!read_by_offset(i)) {
			err = fill_whole(debuginfo, i);
		}
	}
	return err;
}

static void write_head(struct debuginfo *debuginfo)
{
	struct layout_head *head = (struct layout_head *)debuginfo->layout;
	Elf64_Shdr *names = &head->sections[LAYOUT_SECTIONS - 1];

	head->header = (Elf64_Ehdr){
		.e_type = ET_DYN,
		.e_machine = debuginfo->image->machine,
		.e_version = EV_CURRENT,
		.e_shoff = offsetof(struct layout_head, sections),
		.e_ehsize = sizeof(head->header),
		.e_shentsize = sizeof(head->sections[0]),
		.e_shnum = LAYOUT_SECTIONS,
		.e_shstrndx = LAYOUT_SECTIONS - 1,
	};
	memcpy(head->header.e_ident, ELFMAG, SELFMAG);
	head->header.e_ident[EI_CLASS] = ELFCLASS64;
	head->header.e_ident[EI_DATA] =
		__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
	head->header.e_ident[EI_VERSION] = EV_CURRENT;
	for (unsigned i = 0; i < DEBUG_PART_COUNT; i++) {
		const struct debuginfo_part *part = &debuginfo->parts[i];

		if (!part->size)
			continue; /* stays SHT_NULL */
		memcpy(head->names[i + 1], part_names[i], sizeof(part_names[i]));
		head->sections[i + 1] = (Elf64_Shdr){
			.sh_name = (uint32_t)((i + 1) * sizeof(head->names[0])),
			.sh_type = SHT_PROGBITS,
			.sh_offset = part->at,
			.sh_size = part->size,
			.sh_addralign = 1,
		};
	}
	*names = (Elf64_Shdr){ .sh_type = SHT_STRTAB,
			       .sh_offset = offsetof(struct layout_head, names),
			       .sh_size = sizeof(head->names),
			       .sh_addralign = 1 };
}

int debuginfo_open(const struct image *image, const struct debuginfo_limits *limits,
		   struct debuginfo **ret_debuginfo)
{
	own(debuginfo_closep) struct debuginfo *debuginfo = calloc(1, sizeof(*debuginfo));
	int err;

	if (!debuginfo)
		return -ENOMEM;
	debuginfo->image = image;
	debuginfo->limits = *limits;
	err = place_parts(debuginfo);
	if (err)
		return err;
	debuginfo->layout = mmap(NULL, debuginfo->layout_bytes, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (debuginfo->layout == MAP_FAILED) {
		debuginfo->layout = NULL;
		return -ENOMEM;
	}
	debuginfo_start(debuginfo);
	err = fill_parts(debuginfo);
	if (err)
		return err;
	write_head(debuginfo);
	elf_version(EV_CURRENT);
	debuginfo->elf = elf_memory((char *)debuginfo->layout, debuginfo->layout_bytes);
	debuginfo->dwarf = dwarf_begin_elf(debuginfo->elf, DWARF_C_READ, NULL);
	if (!debuginfo->dwarf)
		return -EBADMSG;
	err = debuginfo_list_units(debuginfo);
	if (err)
		return err;
	debuginfo_stop(debuginfo);
	*ret_debuginfo = take(debuginfo);
	return 0;
}

void debuginfo_close(struct debuginfo *debuginfo)
{
	if (!debuginfo)
		return;
	dwarf_end(debuginfo->dwarf);
	elf_end(debuginfo->elf);
	for (unsigned i = 0; i < DEBUG_PART_COUNT; i++)
		free(debuginfo->parts[i].filled);
	vec_done(&debuginfo->units);
	if (debuginfo->layout)
		munmap(debuginfo->layout, debuginfo->layout_bytes);
	free(debuginfo);
}

static uint64_t cpu_ns(void)
{
	return clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
}

void debuginfo_start(struct debuginfo *debuginfo)
{
	debuginfo->began_ns = cpu_ns();
}

void debuginfo_stop(struct debuginfo *debuginfo)
{
	debuginfo->used_ns += cpu_ns() - debuginfo->began_ns;
}

int debuginfo_check_time(struct debuginfo *debuginfo)
{
	uint64_t used_ns = debuginfo->used_ns + (cpu_ns() - debuginfo->began_ns);

	return used_ns > debuginfo->limits.cpu_ns ? -ETIME : 0;
}

static int fill_page(struct debuginfo *debuginfo, struct debuginfo_part *part, uint64_t page)
{
	uint64_t offset = page * PAGE, len = part->size - offset;
	int err;

	if (part->filled[page / 64] >> page % 64 & 1)
		return 0;
	if (debuginfo->resident + PAGE > debuginfo->limits.bytes)
		return -E2BIG;
	len = len < PAGE ? len : PAGE;
	err = source_read(&debuginfo->image->source, debuginfo->layout + part->at + offset, len,
			  part->section->offset + offset);
	if (err)
		return err;
	part->filled[page / 64] |= 1ull << page % 64;
	debuginfo->resident += PAGE;
	return 0;
}

int debuginfo_need(struct debuginfo *debuginfo, enum debug_part number, uint64_t offset,
		   uint64_t len)
{
	struct debuginfo_part *part = &debuginfo->parts[number];
	int err = 0;

	if (offset > part->size || len > part->size - offset)
		return -ENODATA;
	if (part->whole || !len)
		return 0;
	for (uint64_t page = offset / PAGE; !err && page <= (offset + len - 1) / PAGE; page++)
		err = fill_page(debuginfo, part, page);
	return err;
}

void debuginfo_forget(struct debuginfo *debuginfo)
{
	struct debuginfo_part *part = &debuginfo->parts[DEBUG_INFO];
	uint64_t words = part->size / PAGE / 64 + 1;

	if (part->whole)
		return;
	for (uint64_t i = 0; i < words; i++) {
		debuginfo->resident -= PAGE * (uint64_t)__builtin_popcountll(part->filled[i]);
		part->filled[i] = 0;
	}
	/* Private anonymous memory: zeros again.  If it fails we only keep more than we need. */
	madvise(debuginfo->layout + part->at, round_up(part->size), MADV_DONTNEED);
}

uint32_t debuginfo_text_of(const struct debuginfo *debuginfo, Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attribute;
	const uint8_t *text;

	if (!dwarf_attr(die, name, &attribute))
		return DEBUGINFO_NO_TEXT;
	text = (const uint8_t *)dwarf_formstring(&attribute);
	if (!text || text < debuginfo->layout ||
	    text >= debuginfo->layout + debuginfo->layout_bytes)
		return DEBUGINFO_NO_TEXT;
	return (uint32_t)(text - debuginfo->layout);
}

uint32_t debuginfo_text_at(const struct debuginfo *debuginfo, enum debug_part number,
			   uint64_t offset)
{
	const struct debuginfo_part *part = &debuginfo->parts[number];

	return offset < part->size ? (uint32_t)(part->at + offset) : DEBUGINFO_NO_TEXT;
}

int debuginfo_text(const struct debuginfo *debuginfo, uint32_t text, char *buffer, size_t size)
{
	for (unsigned i = 0; i < DEBUG_PART_COUNT; i++) {
		const struct debuginfo_part *part = &debuginfo->parts[i];
		size_t len;

		if (text < part->at || text - part->at >= part->size)
			continue;
		if (!part->whole)
			return source_text(&debuginfo->image->source,
					   part->section->offset + (text - part->at),
					   part->section->offset + part->size, buffer, size);
		len = strnlen((const char *)debuginfo->layout + text, part->at + part->size - text);
		len = len < size - 1 ? len : size - 1;
		memcpy(buffer, debuginfo->layout + text, len);
		buffer[len] = '\0';
		return (int)len;
	}
	return -EBADMSG;
}

int debuginfo_read(const struct debuginfo *debuginfo, enum debug_part number, uint64_t offset,
		   void *buffer, size_t len)
{
	const struct debuginfo_part *part = &debuginfo->parts[number];

	if (offset > part->size || len > part->size - offset)
		return -ENODATA;
	if (!part->whole)
		return source_read(&debuginfo->image->source, buffer, len,
				   part->section->offset + offset);
	memcpy(buffer, debuginfo->layout + part->at + offset, len);
	return 0;
}
