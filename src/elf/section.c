/* SPDX-License-Identifier: MIT */
/* Looking things up in an image, and the content of its sections. */
#include <elf.h>
#include <string.h>

#include "elf/image.h"
#include "elf/inflate.h"

#define GNU_ZLIB_HEADER \
	12u /* of a .zdebug_ section: "ZLIB", then the length in 8 bytes, big-endian */

const char *image_section_name(const struct image *image, const struct image_section *section)
{
	return section->name < image->section_names_bytes ? image->section_names + section->name
							  : "";
}

static bool has_bytes(const struct image *image, const struct image_section *section)
{
	return section->type != SHT_NOBITS && section->type != SHT_NULL && section->size &&
	       source_has(&image->source, section->offset, section->size);
}

const struct image_section *image_find_section(const struct image *image, const char *name)
{
	vec_each(section, &image->sections)
		if (has_bytes(image, section) &&
		    strcmp(image_section_name(image, section), name) == 0)
			return section;
	return NULL;
}

const struct image_section *image_find_type(const struct image *image, uint32_t type)
{
	vec_each(section, &image->sections)
		if (section->type == type && has_bytes(image, section))
			return section;
	return NULL;
}

const struct image_section *image_section_at(const struct image *image, uint32_t number)
{
	return number && number < image->sections.len ? &image->sections.data[number] : NULL;
}

static bool is_gnu_zlib(const struct image *image, const struct image_section *section)
{
	return strncmp(image_section_name(image, section), ".zdebug_", 8) == 0;
}

bool image_is_compressed(const struct image *image, const struct image_section *section)
{
	return (section->flags & SHF_COMPRESSED) || is_gnu_zlib(image, section);
}

/* What a compressed section says about itself. */
struct compression {
	uint64_t bytes;  /* inflated */
	uint32_t header; /* bytes in front of the deflated stream */
};

static int read_compression(const struct image *image, const struct image_section *section,
			    struct compression *ret)
{
	uint32_t type = ELFCOMPRESS_ZLIB;
	int err;

	if (is_gnu_zlib(image, section)) {
		uint8_t header[GNU_ZLIB_HEADER];

		err = source_read(&image->source, header, sizeof(header), section->offset);
		if (err)
			return err;
		if (memcmp(header, "ZLIB", 4) != 0)
			return -EBADMSG;
		memcpy(&ret->bytes, header + 4, sizeof(ret->bytes));
		ret->bytes = be64toh(ret->bytes);
		ret->header = sizeof(header);
	} else if (image->is_64) {
		Elf64_Chdr header;

		err = source_read(&image->source, &header, sizeof(header), section->offset);
		if (err)
			return err;
		type = header.ch_type;
		*ret = (struct compression){ header.ch_size, sizeof(header) };
	} else {
		Elf32_Chdr header;

		err = source_read(&image->source, &header, sizeof(header), section->offset);
		if (err)
			return err;
		type = header.ch_type;
		*ret = (struct compression){ header.ch_size, sizeof(header) };
	}
	if (type != ELFCOMPRESS_ZLIB)
		return -ENOTSUP;
	if (section->size < ret->header)
		return -EBADMSG;
	if (ret->bytes > IMAGE_MAX_INFLATED || ret->bytes / IMAGE_MAX_INFLATE_RATIO > section->size)
		return -E2BIG;
	return 0;
}

int image_section_bytes(const struct image *image, const struct image_section *section,
			uint64_t *ret_bytes)
{
	struct compression compression;
	int err;

	if (!source_has(&image->source, section->offset, section->size))
		return -ENODATA;
	if (!image_is_compressed(image, section)) {
		*ret_bytes = section->size;
		return 0;
	}
	err = read_compression(image, section, &compression);
	if (!err)
		*ret_bytes = compression.bytes;
	return err;
}

int image_read_section(const struct image *image, const struct image_section *section, void *buffer,
		       uint64_t bytes)
{
	struct compression compression;
	int err;

	if (!image_is_compressed(image, section))
		return source_read(&image->source, buffer, bytes, section->offset);
	err = read_compression(image, section, &compression);
	if (err)
		return err;
	if (compression.bytes != bytes)
		return -EBADMSG; /* changed since it was asked */
	return inflate_zlib(&image->source, section->offset + compression.header,
			    section->size - compression.header, buffer, bytes);
}

bool image_address(const struct image *image, uint64_t offset, uint64_t *ret_address)
{
	const struct image_segment *found = NULL;

	/* Pages at the seam of two segments belong to both; code is in the executable one. */
	vec_each(segment, &image->segments)
		if (offset >= segment->offset && offset - segment->offset < segment->file_bytes &&
		    (!found || (segment->executable && !found->executable)))
			found = segment;
	if (!found)
		return false;
	*ret_address = found->address + (offset - found->offset);
	return true;
}

bool image_offset(const struct image *image, uint64_t address, uint64_t *ret_offset)
{
	vec_each(segment, &image->segments)
		if (address >= segment->address &&
		    address - segment->address < segment->file_bytes) {
			*ret_offset = segment->offset + (address - segment->address);
			return true;
		}
	return false;
}

const struct image_range *image_code_at(const struct image *image, uint64_t address)
{
	size_t low = 0, high = image->code.len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (image->code.data[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || address >= image->code.data[low - 1].end)
		return NULL;
	return &image->code.data[low - 1];
}
