/* SPDX-License-Identifier: MIT */
#include "elf/image.h"

#include <elf.h>
#include <gelf.h>
#include <string.h>

#define NOTES_MAX_BYTES 65536u
#define DEBUGLINK_MAX   4096u
#define HOST_BYTE_ORDER (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB)

static int compare_ranges(const void *a, const void *b)
{
	const struct image_range *left = a, *right = b;

	return left->start < right->start ? -1 : left->start > right->start;
}

/* What libelf would allocate for before it looks at the file's length. */
static int check_counts(const struct source *source, bool is_64)
{
	uint64_t shoff, sections, segments, section_bytes;

	if (is_64) {
		Elf64_Ehdr header;
		int err = source_read(source, &header, sizeof(header), 0);

		if (err)
			return err;
		shoff = header.e_shoff;
		sections = header.e_shnum;
		segments = header.e_phnum;
		section_bytes = sizeof(Elf64_Shdr);
		if (header.e_shentsize != section_bytes && sections)
			return -EBADMSG;
	} else {
		Elf32_Ehdr header;
		int err = source_read(source, &header, sizeof(header), 0);

		if (err)
			return err;
		shoff = header.e_shoff;
		sections = header.e_shnum;
		segments = header.e_phnum;
		section_bytes = sizeof(Elf32_Shdr);
		if (header.e_shentsize != section_bytes && sections)
			return -EBADMSG;
	}
	/* More than 65,279 sections are counted elsewhere (e_shnum 0 with a table); nobody who
	 * is not up to something has them in an executable.
	 */
	if ((shoff && !sections) || sections > IMAGE_MAX_SECTIONS || segments > IMAGE_MAX_SEGMENTS)
		return -E2BIG;
	/* libelf would take such a file for one without sections, and us for one without symbols. */
	return source_has(source, shoff, sections * section_bytes) ? 0 : -ENODATA;
}

static int check_ident(const struct source *source, bool *ret_is_64)
{
	unsigned char ident[EI_NIDENT];

	if (source_read(source, ident, sizeof(ident), 0) != 0 ||
	    memcmp(ident, ELFMAG, SELFMAG) != 0 || ident[EI_VERSION] != EV_CURRENT)
		return -ENOEXEC;
	if (ident[EI_CLASS] != ELFCLASS64 && ident[EI_CLASS] != ELFCLASS32)
		return -ENOEXEC;
	if (ident[EI_DATA] != HOST_BYTE_ORDER)
		return -ENOTSUP;
	*ret_is_64 = ident[EI_CLASS] == ELFCLASS64;
	return check_counts(source, *ret_is_64);
}

/* The notes of one segment or section: namesz, descsz, type, name, descriptor, each padded to 4. */
static void read_build_id(struct image *image, uint64_t offset, uint64_t size)
{
	own(freep) uint8_t *notes = NULL;
	uint64_t at = 0;

	if (image->build_id[0] || size > NOTES_MAX_BYTES ||
	    !source_has(&image->source, offset, size))
		return;
	notes = malloc(size + 1);
	if (!notes || source_read(&image->source, notes, size, offset) != 0)
		return;
	while (at <= size && size - at >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr note;
		uint64_t name = at + sizeof(note), id;

		memcpy(&note, notes + at, sizeof(note));
		id = name + (((uint64_t)note.n_namesz + 3) & ~3ull);
		at = id + (((uint64_t)note.n_descsz + 3) & ~3ull);
		if (id > size || note.n_descsz > size - id)
			return;
		if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != sizeof("GNU") ||
		    memcmp(notes + name, "GNU", sizeof("GNU")) != 0 || !note.n_descsz ||
		    note.n_descsz > IMAGE_MAX_BUILD_ID)
			continue;
		for (uint32_t i = 0; i < note.n_descsz; i++)
			sprintf(image->build_id + 2 * i, "%02x", notes[id + i]);
		return;
	}
}

static int read_segments(struct image *image, Elf *elf)
{
	size_t count;

	if (elf_getphdrnum(elf, &count) != 0)
		return -EBADMSG;
	if (count > IMAGE_MAX_SEGMENTS)
		return -E2BIG;
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr header;
		uint64_t end;
		int err;

		if (!gelf_getphdr(elf, (int)i, &header))
			return -EBADMSG;
		if (header.p_type == PT_NOTE)
			read_build_id(image, header.p_offset, header.p_filesz);
		if (header.p_type != PT_LOAD || !header.p_memsz)
			continue;
		if (__builtin_add_overflow(header.p_vaddr, header.p_memsz, &end) ||
		    header.p_filesz > header.p_memsz)
			return -EBADMSG;
		err = vec_push(&image->segments, { header.p_offset, header.p_filesz, header.p_vaddr,
						   header.p_memsz, (header.p_flags & PF_X) != 0 });
		if (err)
			return err;
		if (image->segments.len == 1 || header.p_vaddr < image->base)
			image->base = header.p_vaddr;
		if (end > image->end)
			image->end = end;
	}
	return 0;
}

static int read_section_names(struct image *image, Elf *elf)
{
	const struct image_section *table;
	size_t number;

	if (elf_getshdrstrndx(elf, &number) != 0 || number >= image->sections.len)
		return 0; /* nameless sections are as good as none */
	table = &image->sections.data[number];
	if (table->type != SHT_STRTAB || !table->size ||
	    !source_has(&image->source, table->offset, table->size))
		return 0;
	if (table->size > IMAGE_MAX_NAMES_BYTES)
		return -E2BIG;
	image->section_names = malloc(table->size + 1);
	if (!image->section_names)
		return -ENOMEM;
	image->section_names[table->size] = '\0';
	image->section_names_bytes = (uint32_t)table->size;
	return source_read(&image->source, image->section_names, table->size, table->offset);
}

static int read_sections(struct image *image, Elf *elf)
{
	size_t count;

	if (elf_getshdrnum(elf, &count) != 0)
		return -EBADMSG;
	if (count > IMAGE_MAX_SECTIONS)
		return -E2BIG;
	for (size_t i = 0; i < count; i++) {
		GElf_Shdr header;
		int err;

		if (!gelf_getshdr(elf_getscn(elf, i), &header))
			return -EBADMSG;
		err = vec_push(&image->sections,
			       { header.sh_addr, header.sh_offset, header.sh_size,
				 header.sh_entsize, header.sh_flags, header.sh_type, header.sh_link,
				 header.sh_info, header.sh_name });
		if (err)
			return err;
	}
	vec_each(section, &image->sections)
		if (section->type == SHT_NOTE)
			read_build_id(image, section->offset, section->size);
	return read_section_names(image, elf);
}

/* Sorts the ranges; those that overlap, as no linker makes them, become one. */
static void order_code(struct image *image)
{
	size_t kept = 0;

	if (image->code.len)
		qsort(image->code.data, image->code.len, sizeof(*image->code.data), compare_ranges);
	vec_each(range, &image->code) {
		struct image_range *last = kept ? &image->code.data[kept - 1] : NULL;

		if (!last || range->start >= last->end)
			image->code.data[kept++] = *range;
		else if (range->end > last->end)
			last->end = range->end;
	}
	image->code.len = kept;
}

/* Sections say it finely; a file without section headers still has executable segments. */
static int find_code(struct image *image)
{
	int err = 0;

	vec_each(section, &image->sections) {
		uint64_t end;

		if ((section->flags & (SHF_ALLOC | SHF_EXECINSTR)) != (SHF_ALLOC | SHF_EXECINSTR) ||
		    !section->size || __builtin_add_overflow(section->address, section->size, &end))
			continue;
		err = err ?: vec_push(&image->code, { section->address, end });
	}
	if (!image->code.len)
		vec_each(segment, &image->segments)
			if (segment->executable)
				err = err
					      ?: vec_push(&image->code,
							  { segment->address,
							    segment->address +
								    segment->memory_bytes });
	order_code(image);
	return err;
}

static int read_debuglink(struct image *image)
{
	const struct image_section *section = image_find_section(image, ".gnu_debuglink");
	char link[DEBUGLINK_MAX] = "";
	size_t crc;

	if (!section || section->size > sizeof(link) || section->size < 8)
		return 0;
	if (source_read(&image->source, link, section->size, section->offset) != 0)
		return 0;
	crc = (strnlen(link, section->size) + 4) & ~(size_t)3;
	if (crc + sizeof(image->debuglink_crc) > section->size || !link[0] || strchr(link, '/'))
		return 0;
	memcpy(&image->debuglink_crc, link + crc, sizeof(image->debuglink_crc));
	image->debuglink = strdup(link);
	return image->debuglink ? 0 : -ENOMEM;
}

static int read_headers(struct image *image)
{
	Elf *elf = image->source.bytes ? elf_memory((char *)image->source.bytes, image->source.len)
				       : elf_begin(image->source.fd, ELF_C_READ, NULL);
	GElf_Ehdr header;
	int err;

	if (!elf)
		return -EBADMSG;
	if (elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &header)) {
		elf_end(elf);
		return -EBADMSG;
	}
	image->type = header.e_type;
	image->machine = header.e_machine;
	image->entry = header.e_entry;
	err = read_segments(image, elf);
	err = err ?: read_sections(image, elf);
	elf_end(elf);
	err = err ?: find_code(image);
	return err ?: read_debuglink(image);
}

/* Takes the source over. */
static int image_new(struct source *source, struct image **ret_image)
{
	own(image_freep) struct image *image = calloc(1, sizeof(*image));
	int err;

	if (!image) {
		source_done(source);
		return -ENOMEM;
	}
	image->source = *source;
	elf_version(EV_CURRENT);
	err = check_ident(&image->source, &image->is_64);
	err = err ?: read_headers(image);
	if (err)
		return err;
	*ret_image = take(image);
	return 0;
}

int image_open(int fd, struct image **ret_image)
{
	struct source source;
	int err = source_open(&source, fd);

	if (err) {
		close(fd);
		return err;
	}
	return image_new(&source, ret_image);
}

int image_hold(void *bytes, size_t len, struct image **ret_image)
{
	struct source source;

	source_hold(&source, bytes, len);
	return image_new(&source, ret_image);
}

void image_free(struct image *image)
{
	if (!image)
		return;
	source_done(&image->source);
	vec_done(&image->segments);
	vec_done(&image->sections);
	vec_done(&image->code);
	free(image->section_names);
	free(image->debuglink);
	free(image);
}
