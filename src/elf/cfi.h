/* SPDX-License-Identifier: MIT */
/* cfi.h - call frame information: how to find the caller of any instruction of a file.
 *
 * Source is .eh_frame, which nearly every binary has, else .debug_frame.  Entries are found through
 * .eh_frame_hdr or by one pass over the section, and evaluated for the addresses that are asked for.
 * What comes out are rows: from this address on, this rule (probe/unwind.wire.h).  Only the stack
 * pointer, the frame pointer and the return address are followed, and rbx in small files that find a frame
 * by it; what needs more becomes UNWIND_HARD.  x86-64 and arm64.
 *
 * Formats: System V ABI AMD64 supplement 3.7; LSB 5.0, 10.6; DWARF 5, 6.4.
 * Foreign bytes: entries are bounded by their section, programs by their length and CFI_MAX_ROWS,
 * and what one call does by CFI_MAX_OPEN_WORK and CFI_MAX_WORK.
 * Not thread-safe.
 */
#ifndef ELF_CFI_H
#define ELF_CFI_H

#include "elf/image.h"
#include "probe/unwind.wire.h"

#define CFI_MAX_ENTRIES     (4u << 20)   /* libLLVM-14 has 95,000 */
#define CFI_MAX_ENTRY_BYTES (1u << 16)   /* the longest on a Debian system has some 10,000 */
#define CFI_MAX_ROWS        (1u << 17)   /* of one call */
#define CFI_MAX_OPEN_WORK   (512u << 20) /* bytes read and run by cfi_open() */
#define CFI_MAX_WORK        (16u << 20)  /* likewise by cfi_rows(); a page takes some 300,000 */
#define CFI_MAX_INFLATED    (64u << 20)  /* a compressed .debug_frame */

struct cfi_row {
	uint64_t address;
	struct unwind_rule rule;
};

struct cfi_rows {
	struct cfi_row *data;
	size_t len, cap;
};

struct cfi;

/**
 * cfi_open - find the entries of a file
 * @image: must outlive the result
 *
 * Return: 0; -ENOENT when it has no call frame information; -ENOTSUP another processor; -EBADMSG
 * damaged; -ENODATA truncated; -E2BIG; -ENOMEM; -errno of pread().
 */
nodiscard int cfi_open(const struct image *image, struct cfi **ret_cfi);
void cfi_close(struct cfi *cfi);
own_define(struct cfi, cfi_close)

/**
 * cfi_rows - the rows in force from @start to @end
 * @rows: replaced; ascending by address, the first at @start, neighbours of different rules
 *
 * What is damaged reads as UNWIND_NONE.  Return: 0; -ENOMEM; -errno of pread().
 */
nodiscard int cfi_rows(struct cfi *cfi, uint64_t start, uint64_t end, struct cfi_rows *rows);

/** cfi_bytes - the memory it holds */
size_t cfi_bytes(const struct cfi *cfi);

#endif
