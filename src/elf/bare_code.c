/* SPDX-License-Identifier: MIT */
#include "elf/bare_code.h"

#include <Zydis/Zydis.h>
#include <elf.h>
#include <string.h>

#define DEPTH_MAX   4096 /* bytes by which such a function grows the stack */
#define TARGETS_MAX 32u  /* of jumps forward; what jumps further is not followed */
#define SLOT        8
#define ALIGNED     16 /* where functions of crtbegin.o begin */

/* How an instruction finds the stack. */
struct depth {
	int32_t grown; /* bytes since the call */
	int32_t fp;    /* where rbp was pushed, from the CFA; 0: it was not */
	bool is_root;  /* the program's first code, whatever it does with the stack */
};

struct target {
	uint64_t address;
	struct depth depth;
};

struct reading {
	struct depth now;
	struct target targets[TARGETS_MAX];
	unsigned count;
	uint64_t entry;      /* where the program begins */
	bool is_between;     /* behind an instruction that never goes on */
	bool is_behind_call; /* which may be one that never comes back */
	bool is_padded;      /* only filling came since that call */
	bool is_lost;
};

struct instruction {
	ZydisDecodedInstruction in;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
};

static bool is_register(const ZydisDecodedOperand *operand, ZydisRegister reg)
{
	return operand->type == ZYDIS_OPERAND_TYPE_REGISTER && operand->reg.value == reg;
}

static void note_target(struct reading *reading, uint64_t behind,
			const ZydisDecodedOperand *operand)
{
	if (operand->type != ZYDIS_OPERAND_TYPE_IMMEDIATE || operand->imm.value.s <= 0)
		return;
	if (reading->count == TARGETS_MAX) {
		reading->is_lost = true;
		return;
	}
	reading->targets[reading->count++] =
		(struct target){ behind + (uint64_t)operand->imm.value.s, reading->now };
}

/* What a jump brought here, or a function that begins: those of crtbegin.o are aligned.  Where it cannot be
 * told how this is reached, the rest is not known.
 */
static void arrive(struct reading *reading, uint64_t address)
{
	bool is_target = address == reading->entry;

	for (unsigned i = 0; i < reading->count; i++)
		if (reading->targets[i].address == address) {
			reading->now = reading->targets[i].depth;
			is_target = true;
		}
	if (address == reading->entry)
		reading->now = (struct depth){ .is_root = true };
	if (is_target)
		reading->is_between = false;
	else if (reading->is_between && address % ALIGNED == 0)
		reading->is_between = false;
	else if (reading->is_between || (reading->is_behind_call && reading->is_padded))
		reading->is_lost = true;
}

static void grow(struct reading *reading, int64_t bytes)
{
	int64_t grown = reading->now.grown + bytes;

	if (bytes % SLOT || bytes > DEPTH_MAX || grown < 0 || grown > DEPTH_MAX)
		reading->is_lost = true;
	else
		reading->now.grown = (int32_t)grown;
}

/* Instructions that change rsp: those that compilers and linkers write into such code. */
static void move_stack(struct reading *reading, const struct instruction *one)
{
	const ZydisDecodedOperand *to = &one->operands[0], *by = &one->operands[1];

	switch (one->in.mnemonic) {
	case ZYDIS_MNEMONIC_PUSH:
		grow(reading, SLOT);
		if (is_register(to, ZYDIS_REGISTER_RBP) && !reading->now.fp)
			reading->now.fp = -SLOT - reading->now.grown;
		return;
	case ZYDIS_MNEMONIC_POP:
		grow(reading, -SLOT);
		if (is_register(to, ZYDIS_REGISTER_RBP))
			reading->now.fp = 0;
		else if (is_register(to, ZYDIS_REGISTER_RSP))
			reading->is_lost = true;
		return;
	case ZYDIS_MNEMONIC_SUB:
	case ZYDIS_MNEMONIC_ADD:
		if (by->type != ZYDIS_OPERAND_TYPE_IMMEDIATE || by->imm.value.s < 0)
			reading->is_lost = true;
		else
			grow(reading, one->in.mnemonic == ZYDIS_MNEMONIC_SUB ? by->imm.value.s
									     : -by->imm.value.s);
		return;
	default:
		reading->is_lost = true;
	}
}

static bool changes_rsp(const struct instruction *one)
{
	for (unsigned i = 0; i < one->in.operand_count; i++)
		if (is_register(&one->operands[i], ZYDIS_REGISTER_RSP) &&
		    (one->operands[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			return true;
	return false;
}

static struct unwind_rule rule_of(struct depth depth)
{
	if (depth.is_root)
		return (struct unwind_rule){ .kind = UNWIND_ROOT };
	return (struct unwind_rule){
		.kind = UNWIND_SP,
		.saved = UNWIND_RA_SAVED | (depth.fp ? UNWIND_FP_SAVED : 0),
		.cfa = (s16)(depth.grown + SLOT),
		.fp = (s16)depth.fp,
		.ra = -SLOT,
	};
}

static void end_function(struct reading *reading)
{
	reading->now = (struct depth){ 0 };
	reading->is_between = true;
}

static bool is_filling(const struct instruction *one)
{
	return one->in.mnemonic == ZYDIS_MNEMONIC_NOP || one->in.mnemonic == ZYDIS_MNEMONIC_INT3;
}

/* A jump back to where the stack was found in another way: something was misread. */
static bool contradicts(const struct cfi_rows *rows, size_t first, const struct reading *reading,
			const struct instruction *one, uint64_t behind)
{
	const ZydisDecodedOperand *operand = &one->operands[0];
	struct unwind_rule rule = rule_of(reading->now);
	uint64_t to;

	if ((one->in.meta.category != ZYDIS_CATEGORY_COND_BR &&
	     one->in.meta.category != ZYDIS_CATEGORY_UNCOND_BR) ||
	    operand->type != ZYDIS_OPERAND_TYPE_IMMEDIATE || operand->imm.value.s > 0)
		return false;
	to = behind + (uint64_t)operand->imm.value.s;
	for (size_t i = rows->len; i-- > first;)
		if (rows->data[i].address == to)
			return memcmp(&rows->data[i].rule, &rule, sizeof(rule)) != 0;
	return rows->len > first && to >= rows->data[first].address;
}

static void step(struct reading *reading, const struct instruction *one, uint64_t behind)
{
	switch (one->in.meta.category) {
	case ZYDIS_CATEGORY_CALL: /* and what is called returns */
		return;
	case ZYDIS_CATEGORY_COND_BR:
		note_target(reading, behind, &one->operands[0]);
		return;
	case ZYDIS_CATEGORY_UNCOND_BR:
		note_target(reading, behind, &one->operands[0]);
		end_function(reading);
		return;
	case ZYDIS_CATEGORY_RET:
		end_function(reading);
		return;
	default:
		break;
	}
	if (one->in.mnemonic == ZYDIS_MNEMONIC_HLT || one->in.mnemonic == ZYDIS_MNEMONIC_UD2)
		end_function(reading);
	else if (!reading->now.is_root && changes_rsp(one))
		move_stack(reading, one);
}

static int read_functions(const struct image *image, uint64_t start, uint64_t end,
			  struct cfi_rows *rows)
{
	struct reading reading = { .entry = image->entry };
	size_t first = rows->len;
	uint8_t bytes[BARE_CODE_MAX];
	ZydisDecoder decoder;
	uint64_t offset, at = 0, len = end - start;
	int err = 0;

	if (image->machine != EM_X86_64 || start >= end || len > sizeof(bytes) ||
	    !image_offset(image, start, &offset) || source_read(&image->source, bytes, len, offset))
		return 0;
	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	while (!err && at < len && !reading.is_lost) {
		struct instruction one;

		if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes + at, len - at, &one.in,
							 one.operands)))
			break;
		if (is_filling(&one) && (reading.is_between || reading.is_behind_call)) {
			reading.is_padded = true;
			err = vec_push(rows, { start + at, rule_of(reading.now) });
			at += one.in.length;
			continue;
		}
		arrive(&reading, start + at);
		if (reading.is_lost)
			break;
		err = vec_push(rows, { start + at, rule_of(reading.now) });
		at += one.in.length;
		if (contradicts(rows, first, &reading, &one, start + at)) {
			rows->len = first;
			return err;
		}
		reading.is_behind_call = one.in.meta.category == ZYDIS_CATEGORY_CALL;
		reading.is_padded = false;
		step(&reading, &one, start + at);
	}
	return err ?: vec_push(rows, { start + at, { .kind = UNWIND_NONE } });
}

struct bare_code bare_code_find(const struct image *image)
{
	static const char *const names[BARE_CODE_SECTIONS] = { ".init", ".text", ".fini" };
	struct bare_code bare = { 0 };
	uint64_t last = 0;

	for (unsigned i = 0; i < BARE_CODE_SECTIONS; i++) {
		const struct image_section *section = image_find_section(image, names[i]);

		if (!section || section->address < last ||
		    section->size > UINT64_MAX - section->address)
			continue;
		last = section->address + section->size;
		bare.sections[bare.count++] = (struct image_range){ section->address, last };
	}
	return bare;
}

int bare_code_rows(const struct bare_code *bare, const struct image *image, uint64_t start,
		   uint64_t end, struct cfi_rows *rows)
{
	int err = 0;

	for (unsigned i = 0; !err && i < bare->count; i++) {
		const struct image_range *section = &bare->sections[i];
		uint64_t from = start > section->start ? start : section->start;
		uint64_t to = end < section->end ? end : section->end;

		if (from < to && (to - from > BARE_CODE_PADDING || from == section->start))
			err = read_functions(image, from, to, rows);
	}
	return err;
}
