/* SPDX-License-Identifier: MIT */
#include "elf/cfi_entry.h"

#include <dwarf.h>
#include <elf.h>

#define STATES_MAX 16 /* DW_CFA_remember_state within each other; compilers use one */

/* DWARF numbers of the registers that are followed. */
struct registers {
	uint8_t fp, sp, bx;
};

static struct registers registers_of(uint16_t machine)
{
	return machine == EM_AARCH64 ? (struct registers){ 29, 31, UINT8_MAX }
				     : (struct registers){ 6, 7, UNWIND_BX };
}

uint64_t cfi_pointer(struct cursor *cursor, const struct cfi_place *place, uint8_t encoding,
		     uint8_t address_bytes)
{
	uint64_t here =
		place->section_address + place->offset + (uint64_t)(cursor->at - place->bytes);
	uint64_t value;

	if (encoding == DW_EH_PE_omit)
		return CFI_NO_ADDRESS;
	switch (encoding & 0x0f) {
	case DW_EH_PE_absptr:
		value = cursor_number(cursor, address_bytes);
		break;
	case DW_EH_PE_uleb128:
		value = cursor_uleb(cursor);
		break;
	case DW_EH_PE_udata2:
		value = cursor_number(cursor, 2);
		break;
	case DW_EH_PE_udata4:
		value = cursor_number(cursor, 4);
		break;
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		value = cursor_number(cursor, 8);
		break;
	case DW_EH_PE_sleb128:
		value = (uint64_t)cursor_sleb(cursor);
		break;
	case DW_EH_PE_sdata2:
		value = (uint64_t)(int16_t)cursor_number(cursor, 2);
		break;
	case DW_EH_PE_sdata4:
		value = (uint64_t)(int32_t)cursor_number(cursor, 4);
		break;
	default:
		cursor->bad = true;
		return CFI_NO_ADDRESS;
	}
	switch (encoding & 0x70) {
	case DW_EH_PE_absptr:
		return value;
	case DW_EH_PE_pcrel:
		return value + here;
	default: /* textrel, datarel, funcrel, aligned: no compiler for these processors uses them */
		cursor->bad = true;
		return CFI_NO_ADDRESS;
	}
}

/* Of a register that is followed, what is known of it. */
static void set_saved(struct cfi_state *state, const struct cfi_cie *cie, struct registers at,
		      uint64_t number, int64_t offset)
{
	if (number == at.fp) {
		state->fp = offset;
		state->fp_saved = true;
		state->fp_hard = state->fp_by_fp = false;
	} else if (number == cie->ra_register) {
		state->ra = offset;
		state->ra_saved = true;
		state->ra_hard = state->ra_undefined = false;
		state->ra_register = 0;
	} else if (number == at.sp) {
		state->sp_hard = true;
	} else if (number == at.bx) {
		state->bx = offset;
		state->bx_saved = true;
		state->bx_hard = false;
	}
}

static void set_same(struct cfi_state *state, const struct cfi_cie *cie, struct registers at,
		     uint64_t number)
{
	if (number == at.fp)
		state->fp_saved = state->fp_hard = state->fp_by_fp = false;
	else if (number == cie->ra_register)
		state->ra_saved = state->ra_hard = state->ra_undefined = false;
	else if (number == at.bx)
		state->bx_saved = state->bx_hard = false;
}

/* An expression, a register, a value: saved in a way that is not followed. */
static void set_hard(struct cfi_state *state, const struct cfi_cie *cie, struct registers at,
		     uint64_t number)
{
	if (number == at.fp)
		state->fp_hard = true;
	else if (number == cie->ra_register)
		state->ra_hard = true;
	else if (number == at.sp)
		state->sp_hard = true;
	else if (number == at.bx)
		state->bx_hard = true;
}

/* The return address of x86-64 in another register: a function that must not return twice from one stack. */
static void set_register(struct cfi_state *state, const struct cfi_cie *cie,
			 const struct cfi_place *place, uint64_t number, uint64_t in)
{
	set_hard(state, cie, registers_of(place->machine), number);
	if (number == cie->ra_register && place->machine == EM_X86_64 && in && in < UNWIND_OTHERS) {
		state->ra_register = (uint8_t)in;
		state->ra_saved = state->ra_hard = false;
	}
}

static void set_restored(struct cfi_state *state, const struct cfi_cie *cie, struct registers at,
			 uint64_t number)
{
	const struct cfi_state *first = &cie->initial;

	if (number == at.fp) {
		state->fp = first->fp;
		state->fp_saved = first->fp_saved;
		state->fp_hard = first->fp_hard;
		state->fp_by_fp = first->fp_by_fp;
	} else if (number == cie->ra_register) {
		state->ra = first->ra;
		state->ra_saved = first->ra_saved;
		state->ra_hard = first->ra_hard;
		state->ra_undefined = first->ra_undefined;
		state->ra_register = first->ra_register;
	} else if (number == at.bx) {
		state->bx = first->bx;
		state->bx_saved = first->bx_saved;
		state->bx_hard = first->bx_hard;
	}
}

/* Saved at an address that an expression tells.  Of a realigned stack that is fp + N, for fp. */
static void set_expression(struct cfi_state *state, const struct cfi_cie *cie, struct registers at,
			   uint64_t number, struct cursor *cursor)
{
	uint64_t len = cursor_uleb(cursor);
	struct cursor bytes = { cursor->at, cursor->at, false };
	int64_t offset;

	cursor_skip(cursor, len);
	bytes.end = cursor->at;
	if (number == at.fp && cursor_u8(&bytes) == DW_OP_breg0 + at.fp) {
		offset = cursor_sleb(&bytes);
		if (!bytes.bad && !cursor_left(&bytes)) {
			set_saved(state, cie, at, number, offset);
			state->fp_by_fp = true;
			return;
		}
	}
	set_hard(state, cie, at, number);
}

static void set_cfa(struct cfi_state *state, uint64_t number, int64_t offset)
{
	state->cfa_register = number < UINT8_MAX ? (uint8_t)number : UINT8_MAX;
	state->cfa = offset;
	state->cfa_is_hard = false;
	state->expression = 0;
}

/* The expression that linkers write for .plt: sp + 8 + ((ip & 15) >= N) * 8. */
static bool is_plt(const uint8_t *bytes, size_t len, int64_t *ret_from)
{
	if (len != 11 || bytes[0] != DW_OP_breg7 || bytes[1] != 8 || bytes[2] != DW_OP_breg16 ||
	    bytes[3] != 0 || bytes[4] != DW_OP_lit15 || bytes[5] != DW_OP_and ||
	    bytes[6] < DW_OP_lit0 || bytes[6] > DW_OP_lit15 || bytes[7] != DW_OP_ge ||
	    bytes[8] != DW_OP_lit3 || bytes[9] != DW_OP_shl || bytes[10] != DW_OP_plus)
		return false;
	*ret_from = bytes[6] - DW_OP_lit0;
	return true;
}

/* *(register + a), and perhaps + b: what a function that realigned its stack has. */
static bool is_deref(const uint8_t *bytes, size_t len, struct registers at, uint8_t *ret_kind,
		     int64_t *ret_cfa)
{
	struct cursor cursor = { bytes, bytes + len, false };
	uint8_t op = cursor_u8(&cursor), number = (uint8_t)(op - DW_OP_breg0);
	int64_t before;
	uint64_t after = 0;

	if (op < DW_OP_breg0 || op > DW_OP_breg31 || (number != at.fp && number != at.sp))
		return false;
	before = cursor_sleb(&cursor);
	if (cursor_u8(&cursor) != DW_OP_deref)
		return false;
	if (cursor_left(&cursor)) {
		if (cursor_u8(&cursor) != DW_OP_plus_uconst)
			return false;
		after = cursor_uleb(&cursor);
	}
	if (cursor.bad || cursor_left(&cursor) || before % 8 || before / 8 < INT8_MIN ||
	    before / 8 > INT8_MAX || after > UINT8_MAX)
		return false;
	*ret_kind = number == at.fp ? UNWIND_DEREF_FP : UNWIND_DEREF_SP;
	*ret_cfa = before / 8 * 256 + (int64_t)after;
	return true;
}

/* What glibc writes of the frame that delivers a signal: *(sp + 160), where the kernel put sp. */
static bool is_signal(const uint8_t *bytes, size_t len)
{
	static const uint8_t expected[] = { DW_OP_breg7, 0xa0, 0x01, DW_OP_deref };

	return len == sizeof(expected) && memcmp(bytes, expected, len) == 0;
}

static void set_cfa_expression(struct cfi_state *state, const struct cfi_cie *cie,
			       const struct cfi_place *place, struct cursor *cursor, uint64_t len)
{
	struct registers at = registers_of(place->machine);
	const uint8_t *bytes = cursor->at;

	cursor_skip(cursor, len);
	set_cfa(state, UINT8_MAX, 0);
	if (cursor->bad)
		return;
	if (place->machine == EM_X86_64 && is_plt(bytes, len, &state->cfa))
		state->expression = UNWIND_PLT;
	else if (place->machine == EM_X86_64 && cie->is_signal && is_signal(bytes, len))
		state->expression = UNWIND_SIGNAL;
	else if (!is_deref(bytes, len, at, &state->expression, &state->cfa))
		state->cfa_is_hard = true;
}

static bool fits(int64_t value)
{
	return value >= INT16_MIN && value <= INT16_MAX;
}

/* What the kernel side will apply. */
static struct unwind_rule rule_of(const struct cfi_state *state, const struct cfi_cie *cie,
				  const struct cfi_place *place)
{
	struct registers at = registers_of(place->machine);
	struct unwind_rule rule = { .cfa = (s16)state->cfa };

	if (state->ra_undefined)
		return (struct unwind_rule){ .kind = UNWIND_ROOT };
	if (state->expression == UNWIND_SIGNAL || (cie->is_signal && place->machine == EM_AARCH64))
		return (struct unwind_rule){ .kind = UNWIND_SIGNAL }; /* laid out by the kernel */
	if (state->expression)
		rule.kind = state->expression;
	else if (state->cfa_register == at.sp)
		rule.kind = UNWIND_SP;
	else if (state->cfa_register == at.fp)
		rule.kind = UNWIND_FP;
	else if (place->machine == EM_X86_64 && state->cfa_register < UNWIND_OTHERS)
		rule.kind = UNWIND_OTHER;
	else
		rule.kind = UNWIND_HARD;
	if (state->cfa_is_hard || state->sp_hard || state->fp_hard || state->ra_hard ||
	    !fits(state->cfa) || (state->fp_saved && !fits(state->fp)) ||
	    (state->ra_saved && !fits(state->ra)) ||
	    (place->machine == EM_X86_64 && !state->ra_saved && !state->ra_register) ||
	    (state->ra_register && rule.kind == UNWIND_OTHER))
		rule.kind = UNWIND_HARD;
	if (rule.kind == UNWIND_HARD)
		return (struct unwind_rule){ .kind = UNWIND_HARD };
	if (state->fp_saved) {
		rule.saved |= UNWIND_FP_SAVED | (state->fp_by_fp ? UNWIND_FP_BY_FP : 0);
		rule.fp = (s16)state->fp;
	}
	if (state->ra_saved) {
		rule.saved |= UNWIND_RA_SAVED;
		rule.ra = (s16)state->ra;
	}
	if (state->ra_signed)
		rule.saved |= UNWIND_RA_SIGNED;
	if (rule.kind == UNWIND_OTHER)
		rule.saved |= (u8)(state->cfa_register << 4);
	if (state->ra_register)
		rule.saved |= (u8)(state->ra_register << 4);
	if (place->follows_bx && state->ra_saved && rule.ra == -8 && !state->bx_hard &&
	    fits(state->bx)) {
		rule.saved |= UNWIND_BX_FOLLOWED;
		rule.ra = (s16)(state->bx_saved ? state->bx : 0);
	}
	return rule;
}

/* A program in the course of being run. */
struct run {
	const struct cfi_cie *cie;
	const struct cfi_place *place;
	struct cfi_rows *rows; /* NULL: for the initial state only */
	struct cfi_state state, states[STATES_MAX];
	unsigned depth;
	uint64_t address, end;
	int err;
};

static void put_row(struct run *run, uint64_t address, struct unwind_rule rule)
{
	struct cfi_rows *rows = run->rows;

	if (rows->len && rows->data[rows->len - 1].address == address) {
		rows->data[rows->len - 1].rule = rule; /* the later one counts */
		return;
	}
	if (rows->len >= CFI_MAX_ROWS)
		run->err = -E2BIG;
	else
		run->err = vec_push(rows, { address, rule });
}

/* What is known so far holds up to an address; never backwards. */
static void advance(struct run *run, uint64_t address)
{
	if (!run->rows || address <= run->address)
		return;
	if (run->address < run->end)
		put_row(run, run->address, rule_of(&run->state, run->cie, run->place));
	run->address = address < run->end ? address : run->end;
}

/* The instructions whose operand is in the opcode, and those that only move the address. */
static bool run_short(struct run *run, struct cursor *cursor, uint8_t op)
{
	struct registers at = registers_of(run->place->machine);
	const struct cfi_cie *cie = run->cie;
	uint8_t low = op & 0x3f;

	switch (op & 0xc0) {
	case DW_CFA_advance_loc:
		advance(run, run->address + low * cie->code_align);
		return true;
	case DW_CFA_offset:
		set_saved(&run->state, cie, at, low,
			  (int64_t)cursor_uleb(cursor) * cie->data_align);
		return true;
	case DW_CFA_restore:
		set_restored(&run->state, cie, at, low);
		return true;
	}
	switch (op) {
	case DW_CFA_set_loc:
		advance(run,
			cfi_pointer(cursor, run->place, cie->pointer_encoding, cie->address_bytes));
		return true;
	case DW_CFA_advance_loc1:
		advance(run, run->address + cursor_u8(cursor) * cie->code_align);
		return true;
	case DW_CFA_advance_loc2:
		advance(run, run->address + cursor_number(cursor, 2) * cie->code_align);
		return true;
	case DW_CFA_advance_loc4:
		advance(run, run->address + cursor_number(cursor, 4) * cie->code_align);
		return true;
	}
	return false;
}

static bool run_cfa(struct run *run, struct cursor *cursor, uint8_t op)
{
	struct cfi_state *state = &run->state;
	uint64_t number;

	switch (op) {
	case DW_CFA_def_cfa:
		number = cursor_uleb(cursor);
		set_cfa(state, number, (int64_t)cursor_uleb(cursor));
		return true;
	case DW_CFA_def_cfa_sf:
		number = cursor_uleb(cursor);
		set_cfa(state, number, cursor_sleb(cursor) * run->cie->data_align);
		return true;
	case DW_CFA_def_cfa_register:
		set_cfa(state, cursor_uleb(cursor), state->cfa);
		return true;
	case DW_CFA_def_cfa_offset:
		state->cfa = (int64_t)cursor_uleb(cursor);
		return true;
	case DW_CFA_def_cfa_offset_sf:
		state->cfa = cursor_sleb(cursor) * run->cie->data_align;
		return true;
	case DW_CFA_def_cfa_expression:
		set_cfa_expression(state, run->cie, run->place, cursor, cursor_uleb(cursor));
		return true;
	case DW_CFA_remember_state:
		if (run->depth < STATES_MAX)
			run->states[run->depth++] = *state;
		else
			cursor->bad = true;
		return true;
	case DW_CFA_restore_state:
		if (run->depth)
			*state = run->states[--run->depth];
		else
			cursor->bad = true;
		return true;
	}
	return false;
}

static void run_register(struct run *run, struct cursor *cursor, uint8_t op)
{
	struct registers at = registers_of(run->place->machine);
	struct cfi_state *state = &run->state;
	const struct cfi_cie *cie = run->cie;
	uint64_t number;

	switch (op) {
	case DW_CFA_nop:
		return;
	case DW_CFA_AARCH64_negate_ra_state: /* of SPARC, DW_CFA_GNU_window_save */
		state->ra_signed = run->place->machine == EM_AARCH64 && !state->ra_signed;
		return;
	case DW_CFA_GNU_args_size:
		cursor_uleb(cursor);
		return;
	}
	number = cursor_uleb(cursor);
	switch (op) {
	case DW_CFA_offset_extended:
		set_saved(state, cie, at, number, (int64_t)cursor_uleb(cursor) * cie->data_align);
		return;
	case DW_CFA_offset_extended_sf:
		set_saved(state, cie, at, number, cursor_sleb(cursor) * cie->data_align);
		return;
	case DW_CFA_GNU_negative_offset_extended:
		set_saved(state, cie, at, number, -(int64_t)cursor_uleb(cursor) * cie->data_align);
		return;
	case DW_CFA_restore_extended:
		set_restored(state, cie, at, number);
		return;
	case DW_CFA_same_value:
		set_same(state, cie, at, number);
		return;
	case DW_CFA_undefined:
		if (number == cie->ra_register)
			state->ra_undefined = true;
		else
			set_same(state, cie, at, number);
		return;
	case DW_CFA_register:
		set_register(state, cie, run->place, number, cursor_uleb(cursor));
		return;
	case DW_CFA_val_offset:
	case DW_CFA_val_offset_sf:
		cursor_uleb(cursor);
		set_hard(state, cie, at, number);
		return;
	case DW_CFA_expression:
		set_expression(state, cie, at, number, cursor);
		return;
	case DW_CFA_val_expression:
		cursor_skip(cursor, cursor_uleb(cursor));
		set_hard(state, cie, at, number);
		return;
	default:
		cursor->bad = true; /* of unknown length: the rest cannot be read */
	}
}

/* Return: whether the program made sense to its end */
static bool run_program(struct run *run, struct cursor *cursor)
{
	while (cursor->at < cursor->end && !cursor->bad && !run->err) {
		uint8_t op = cursor_u8(cursor);

		if (!run_short(run, cursor, op) && !run_cfa(run, cursor, op))
			run_register(run, cursor, op);
	}
	return !cursor->bad;
}

/* The letters behind `z` say what the augmentation data holds, in order. */
static void parse_augmentation(struct cursor *cursor, const struct cfi_place *place,
			       const char *letters, const char *end, struct cfi_cie *cie)
{
	uint64_t len = cursor_uleb(cursor);
	struct cursor data = { cursor->at, cursor->at, false };

	cursor_skip(cursor, len);
	data.end = cursor->at;
	cie->has_augmentation = true;
	for (letters++; letters < end; letters++) {
		if (*letters == 'R')
			cie->pointer_encoding = cursor_u8(&data);
		else if (*letters == 'L')
			cursor_u8(&data);
		else if (*letters == 'P')
			cfi_pointer(&data, place, cursor_u8(&data) & 0x7f, cie->address_bytes);
		else if (*letters == 'S')
			cie->is_signal = true;
		else if (*letters != 'B') /* 'B': arm64, signed with the B key */
			break;
	}
}

void cfi_parse_cie(struct cursor *cursor, const struct cfi_place *place, struct cfi_cie *cie)
{
	uint8_t version = cursor_u8(cursor);
	const char *letters = (const char *)cursor->at, *end;
	struct run run = { .cie = cie, .place = place };

	cie->err = -EBADMSG;
	cie->address_bytes = 8;
	cie->pointer_encoding = DW_EH_PE_absptr;
	cursor_skip_text(cursor);
	if (cursor->bad || (version != 1 && version != 3 && version != 4))
		return;
	end = (const char *)cursor->at - 1;
	if (version == 4) {
		cie->address_bytes = cursor_u8(cursor);
		if (cursor_u8(cursor) != 0 || (cie->address_bytes != 8 && cie->address_bytes != 4))
			return;
	}
	cie->code_align = cursor_uleb(cursor);
	cie->data_align = cursor_sleb(cursor);
	cie->ra_register = version == 1 ? cursor_u8(cursor) : cursor_uleb(cursor);
	if (letters < end && *letters == 'z')
		parse_augmentation(cursor, place, letters, end, cie);
	else if (letters < end && strcmp(letters, "S") == 0)
		cie->is_signal = true; /* in .debug_frame, which has no data for the others */
	else if (letters < end)
		return; /* "eh" of GCC 2, or something unknown whose length nobody knows */
	if (cursor->bad || cie->code_align > 64)
		return;
	if (run_program(&run, cursor)) {
		cie->initial = run.state;
		cie->err = 0;
	}
}

bool cfi_parse_fde(struct cursor *cursor, const struct cfi_place *place, const struct cfi_cie *cie,
		   struct cfi_fde *fde)
{
	fde->start = cfi_pointer(cursor, place, cie->pointer_encoding, cie->address_bytes);
	fde->end = fde->start +
		   cfi_pointer(cursor, place, cie->pointer_encoding & 0x0f, cie->address_bytes);
	if (cie->has_augmentation)
		cursor_skip(cursor, cursor_uleb(cursor));
	fde->program = cursor->at;
	fde->program_bytes = cursor_left(cursor);
	return !cursor->bad && fde->start < fde->end && fde->end != CFI_NO_ADDRESS;
}

int cfi_run(const struct cfi_cie *cie, const struct cfi_place *place, const struct cfi_fde *fde,
	    struct cfi_rows *rows)
{
	struct cursor cursor = { fde->program, fde->program + fde->program_bytes, false };
	struct run run = {
		.cie = cie,
		.place = place,
		.rows = rows,
		.state = cie->initial,
		.address = fde->start,
		.end = fde->end,
	};
	bool makes_sense = run_program(&run, &cursor);

	if (!run.err && makes_sense && run.address < run.end)
		put_row(&run, run.address, rule_of(&run.state, cie, place));
	else if (!run.err && run.address < run.end)
		put_row(&run, run.address, (struct unwind_rule){ .kind = UNWIND_NONE });
	if (!run.err)
		put_row(&run, fde->end, CFI_GAP);
	return run.err;
}
