/* SPDX-License-Identifier: MIT */
/* image.h - the headers of one ELF file: what lies where, in the file and in memory.
 *
 * The headers are read once, through libelf, and copied; what they point at is read when it is
 * asked for.  Nothing in the file is believed before it is checked against the file's length and
 * the ceilings below.  An image is not changed after it was opened, so threads may share it.
 *
 * Addresses are those that the file itself states (p_vaddr), as addr2line and nm print them.
 * Files of the other byte order are refused; 32-bit and 64-bit ones are read.
 */
#ifndef ELF_IMAGE_H
#define ELF_IMAGE_H

#include "base/vec.h"
#include "elf/source.h"

#define IMAGE_MAX_SEGMENTS      512u
#define IMAGE_MAX_SECTIONS      8192u /* executables have less than 100 */
#define IMAGE_MAX_NAMES_BYTES   (1u << 20)
#define IMAGE_MAX_BUILD_ID      32u          /* bytes; SHA-1 makes 20 */
#define IMAGE_MAX_INFLATED      (256u << 20) /* of one compressed section */
#define IMAGE_MAX_INFLATE_RATIO 64u          /* of one compressed section */

struct image_segment { /* a PT_LOAD program header */
	uint64_t offset, file_bytes;
	uint64_t address, memory_bytes;
	bool executable;
};

struct image_section {
	uint64_t address, offset, size, entry_size;
	uint64_t flags; /* SHF_* */
	uint32_t type;  /* SHT_* */
	uint32_t link, info;
	uint32_t name; /* into section_names */
};

struct image_range { /* addresses that hold code */
	uint64_t start, end;
};

struct image {
	struct source source;
	bool is_64;
	uint16_t type;      /* ET_* */
	uint16_t machine;   /* EM_* */
	uint64_t entry;     /* address at which the program begins; 0: none */
	uint64_t base, end; /* of what PT_LOAD maps; 0, 0: nothing */
	vec(struct image_segment) segments;
	vec(struct image_section) sections; /* by section number */
	vec(struct image_range) code;       /* by address */
	char *section_names;                /* closed by NUL */
	uint32_t section_names_bytes;
	char build_id[2 * IMAGE_MAX_BUILD_ID + 1]; /* lower-case hex; "": none */
	char *debuglink;                           /* file name, NULL: none */
	uint32_t debuglink_crc;
};

/**
 * image_open - read the headers of an executable, shared library or separate debug file
 * @fd: read-only; belongs to the image from now on, also on failure
 *
 * Return: 0; -ENOEXEC no ELF file; -ENOTSUP of the other byte order; -EBADMSG the headers
 * contradict the file; -E2BIG above a ceiling; -ENODATA truncated; -EINVAL no regular file;
 * -errno of pread(); -ENOMEM.
 */
nodiscard int image_open(int fd, struct image **ret_image);

/** image_hold - the same for a file in memory.  @bytes: heap; belongs to the image, also on failure */
nodiscard int image_hold(void *bytes, size_t len, struct image **ret_image);
void image_free(struct image *image);
own_define(struct image, image_free)

/** image_section_name - never NULL */
const char *image_section_name(const struct image *image, const struct image_section *section);

/** image_find_section - the first section of a name that has bytes in the file; NULL if none */
const struct image_section *image_find_section(const struct image *image, const char *name);

/** image_find_type - the first section of a type that has bytes in the file; NULL if none */
const struct image_section *image_find_type(const struct image *image, uint32_t type);

/** image_section_at - a section by number; NULL if there is none */
const struct image_section *image_section_at(const struct image *image, uint32_t number);

/**
 * image_section_bytes - how long the content of a section is, once inflated
 *
 * Return: 0; -E2BIG when a compressed section claims more than the ceilings; -ENOTSUP for a
 * compression other than zlib; -ENODATA.
 */
nodiscard int image_section_bytes(const struct image *image, const struct image_section *section,
				  uint64_t *ret_bytes);

/**
 * image_read_section - the whole content of a section, inflated if it is compressed
 * @buffer: room for what image_section_bytes() said
 *
 * Return: 0; the errors of image_section_bytes(); -EBADMSG when it does not inflate to that.
 */
nodiscard int image_read_section(const struct image *image, const struct image_section *section,
				 void *buffer, uint64_t bytes);

/** image_is_compressed - whether the section must be inflated */
bool image_is_compressed(const struct image *image, const struct image_section *section);

/** image_address - the address that a byte of the file is mapped at.  Return: whether it is mapped */
bool image_address(const struct image *image, uint64_t offset, uint64_t *ret_address);

/** image_offset - where in the file the byte of an address lies.  Return: whether it lies there */
bool image_offset(const struct image *image, uint64_t address, uint64_t *ret_offset);

/** image_code_at - the range of code that holds an address; NULL if none */
const struct image_range *image_code_at(const struct image *image, uint64_t address);

#endif
