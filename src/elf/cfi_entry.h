/* SPDX-License-Identifier: MIT */
/* cfi_entry.h - one entry of .eh_frame or .debug_frame: parsed, and its program run.  For cfi.c. */
#ifndef ELF_CFI_ENTRY_H
#define ELF_CFI_ENTRY_H

#include "elf/cfi.h"
#include "elf/cursor.h"

#define CFI_NO_ADDRESS UINT64_MAX

/* The rule where no entry says anything, until cfi_rows() has looked at the code there; where an entry is
 * damaged it is plain UNWIND_NONE.
 */
#define CFI_GAP        ((struct unwind_rule){ .kind = UNWIND_NONE, .cfa = 1 })

/* What the encodings of pointers are relative to. */
struct cfi_place {
	uint64_t section_address; /* of the section that the bytes are from */
	const uint8_t *bytes;     /* where the section's byte at `offset` is in memory */
	uint64_t offset;
	uint16_t machine; /* EM_* */
	bool is_debug;    /* .debug_frame */
	bool follows_bx;  /* x86-64: there are frames that are found by rbx */
};

/* A rule while it is made: of each register where it is saved, of the frame where it is. */
struct cfi_state {
	bool cfa_is_hard; /* by an expression that is not followed, or another register */
	int64_t cfa;
	int64_t fp, ra; /* offsets from the CFA */
	uint8_t cfa_register;
	bool sp_hard;  /* the caller's sp is not the CFA */
	bool fp_by_fp; /* `fp` is from the frame pointer, not from the CFA */
	bool fp_saved, fp_hard, ra_saved, ra_undefined, ra_hard, ra_signed;
	uint8_t ra_register; /* x86-64: the return address is there; 0: it is not */
	int64_t bx;          /* x86-64: rbx likewise */
	bool bx_saved, bx_hard;
	uint8_t expression; /* enum unwind_kind when the CFA is one of those that are known; else 0 */
};

struct cfi_cie {
	uint64_t offset; /* in the section */
	uint64_t code_align;
	int64_t data_align;
	uint64_t ra_register;
	uint8_t pointer_encoding;
	uint8_t address_bytes;
	bool has_augmentation; /* its data is preceded by a length */
	bool is_signal;
	struct cfi_state initial;
	int err; /* -EBADMSG: of no use */
};

struct cfi_fde {
	uint64_t start, end;
	const uint8_t *program;
	size_t program_bytes;
};

/** cfi_pointer - an encoded pointer; `place` says relative to what.  CFI_NO_ADDRESS when omitted */
uint64_t cfi_pointer(struct cursor *cursor, const struct cfi_place *place, uint8_t encoding,
		     uint8_t address_bytes);

/** cfi_parse_cie - from the byte behind the identifier.  Fills `err` as well */
void cfi_parse_cie(struct cursor *cursor, const struct cfi_place *place, struct cfi_cie *cie);

/** cfi_parse_fde - from the byte behind the CIE pointer.  Return: whether it makes sense */
bool cfi_parse_fde(struct cursor *cursor, const struct cfi_place *place, const struct cfi_cie *cie,
		   struct cfi_fde *fde);

/** cfi_run - append the rows of one entry, and one CFI_GAP where it ends.  0; -ENOMEM; -E2BIG */
nodiscard int cfi_run(const struct cfi_cie *cie, const struct cfi_place *place,
		      const struct cfi_fde *fde, struct cfi_rows *rows);

#endif
