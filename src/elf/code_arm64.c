/* SPDX-License-Identifier: MIT */
/* code_arm64.c - entry and exits of a function for arm64, whose instructions all have four bytes.
 *
 * The stack pointer at a return is what it was at the entry; a function that calls others keeps its
 * return address in a frame of its own, so calls of one thread are told apart by the stack pointer as on
 * x86-64.  Encodings: Arm Architecture Reference Manual, C4.  What the kernel emulates, steps and
 * refuses: arch/arm64/kernel/probes/decode-insn.c.
 */
#include <elf.h>
#include <string.h>

#include "elf/code_body.h"

#define WORD  4u
#define STACK 31u /* the number of the stack pointer, where an operand may be it */

enum arm_kind {
	ARM_OTHER,
	ARM_RETURN,
	ARM_RETURN_SIGNED, /* RETAA, RETAB: the kernel probes none */
	ARM_JUMP,
	ARM_JUMP_IF,
	ARM_JUMP_TEST, /* CBZ, CBNZ, TBZ, TBNZ */
	ARM_JUMP_REGISTER,
	ARM_JUMP_SIGNED, /* BRAA and the like */
	ARM_CALL,
	ARM_TRAP, /* SVC, BRK, UDF: the processor may not come back */
	ARM_LITERAL,
};

/* word & mask == value */
static const struct {
	uint32_t mask, value;
	enum arm_kind kind;
} encodings[] = {
	{ 0xfffffc1f, 0xd65f0000, ARM_RETURN },
	{ 0xfffffbff, 0xd65f0bff, ARM_RETURN_SIGNED },
	{ 0xfc000000, 0x14000000, ARM_JUMP },
	{ 0xfc000000, 0x94000000, ARM_CALL },
	{ 0xff000000, 0x54000000, ARM_JUMP_IF },
	{ 0x7c000000, 0x34000000, ARM_JUMP_TEST },
	{ 0xfffffc1f, 0xd61f0000, ARM_JUMP_REGISTER },
	{ 0xfefff800, 0xd61f0800, ARM_JUMP_SIGNED },
	{ 0xfffffc1f, 0xd63f0000, ARM_CALL },
	{ 0xfefff800, 0xd63f0800, ARM_CALL },
	{ 0xff000000, 0xd4000000, ARM_TRAP },
	{ 0xffff0000, 0x00000000, ARM_TRAP },
	{ 0x3b000000, 0x18000000, ARM_LITERAL },
};

static enum arm_kind kind_of(uint32_t word)
{
	for (size_t i = 0; i < array_len(encodings); i++)
		if ((word & encodings[i].mask) == encodings[i].value)
			return encodings[i].kind;
	return ARM_OTHER;
}

/* A field of a word as a signed number. */
static int64_t field(uint32_t word, unsigned low, unsigned bits)
{
	return (int64_t)((uint64_t)word << (64 - low - bits)) >> (64 - bits);
}

static uint32_t word_at(const struct code_body *body, unsigned range, uint64_t address)
{
	const uint8_t *bytes = body->bytes[range] + (address - body->request->ranges[range].start);

	return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* Where a jump by a distance leads, and what a literal load reads. */
static uint64_t target_of(uint32_t word, uint64_t address)
{
	switch (kind_of(word)) {
	case ARM_JUMP:
		return address + (uint64_t)field(word, 0, 26) * WORD;
	case ARM_JUMP_TEST:
		if (word & 0x02000000)
			return address + (uint64_t)field(word, 5, 14) * WORD;
		/* fall through */
	default:
		return address + (uint64_t)field(word, 5, 19) * WORD;
	}
}

/* Hints that are executed as a copy; others wait, or mean what a later processor makes of them. */
static bool is_known_hint(uint32_t word)
{
	uint32_t hint = word >> 5 & 0x7f;

	return hint == 0 || hint == 7 || (hint >= 8 && hint <= 14 && !(hint & 1)) ||
	       (hint >= 24 && hint <= 31) || (hint >= 32 && hint <= 38 && !(hint & 1));
}

static bool is_refused(uint32_t word)
{
	switch (kind_of(word)) {
	case ARM_RETURN_SIGNED:
	case ARM_JUMP_SIGNED:
	case ARM_TRAP:
		return true;
	case ARM_JUMP_IF:
		return word & 0x10; /* BC.cond */
	case ARM_CALL:
		return (word & 0xfefff800) == 0xd63f0800; /* BLRAA and the like */
	case ARM_LITERAL:
		return word & 0x04000000 || word >> 30 == 3; /* into a vector; PRFM */
	default:
		break;
	}
	if ((word & 0xfffff01f) == 0xd503201f)
		return !is_known_hint(word);
	return (word & 0xfff8f01f) == 0xd500401f || /* MSR */
	       (word & 0xfff00000) == 0xd5100000 ||
	       (word & 0x3f000000) == 0x08000000; /* exclusive loads and stores, and their kin */
}

static enum code_step step_of(uint32_t word)
{
	enum arm_kind kind = kind_of(word);

	if ((word & 0x1f000000) == 0x10000000) /* ADR, ADRP */
		return CODE_EMULATED;
	return kind == ARM_OTHER || kind == ARM_TRAP ? CODE_STEPPED : CODE_EMULATED;
}

static int add_exit(struct code_body *body, uint32_t word, struct code_site site)
{
	if (is_refused(word)) {
		code_lack(body->code,
			  "the kernel probes no return or jump that checks a signature, "
			  "at 0x%" PRIx64,
			  site.address);
		return 0;
	}
	site.step = step_of(word);
	return code_add_exit(body, site);
}

static int take_jump(struct code_body *body, uint32_t word, struct code_site site)
{
	uint64_t to = target_of(word, site.address);
	enum arm_kind kind = kind_of(word);

	if (code_range_of(body, to) >= 0)
		return code_add_target(body, to);
	site.kind = kind == ARM_JUMP ? CODE_JUMP : CODE_JUMP_IF;
	site.is_if = kind == ARM_JUMP_IF;
	site.condition = word & 0xf;
	if (kind != ARM_JUMP_TEST)
		return add_exit(body, word, site);
	code_lack(body->code, "a jump by a tested bit or register leads out of it, at 0x%" PRIx64,
		  site.address);
	return 0;
}

static int take_word(struct code_body *body, uint64_t address, uint32_t word)
{
	struct code_site site = {
		.address = address,
		.base = CODE_NO_REGISTER,
		.index = CODE_NO_REGISTER,
	};

	switch (kind_of(word)) {
	case ARM_RETURN:
	case ARM_RETURN_SIGNED:
		site.kind = CODE_RETURN;
		return add_exit(body, word, site);
	case ARM_JUMP:
	case ARM_JUMP_IF:
	case ARM_JUMP_TEST:
		return take_jump(body, word, site);
	case ARM_JUMP_REGISTER:
	case ARM_JUMP_SIGNED:
		site.kind = CODE_JUMP_REGISTER;
		site.base = word >> 5 & 31;
		return add_exit(body, word, site);
	case ARM_LITERAL: /* a probe there would change what the program reads */
		if (code_range_of(body, target_of(word, address)) >= 0)
			code_lack(body->code, "it has data among its instructions, at 0x%" PRIx64,
				  target_of(word, address));
		return 0;
	default:
		return 0;
	}
}

/* Whether the processor never executes what follows; a call as the last thing is one that does not
 * return.
 */
static bool is_last(uint32_t word)
{
	switch (kind_of(word)) {
	case ARM_RETURN:
	case ARM_RETURN_SIGNED:
	case ARM_JUMP:
	case ARM_JUMP_REGISTER:
	case ARM_JUMP_SIGNED:
	case ARM_CALL:
	case ARM_TRAP:
		return true;
	default:
		return (word & 0xfffff01f) == 0xd503201f;
	}
}

static int sweep(struct code_body *body, unsigned range)
{
	const struct image_range *at = &body->request->ranges[range];
	uint64_t address = at->start;
	uint32_t word = 0;
	int err = 0;

	if ((at->start | at->end) % WORD) {
		code_lack(body->code, "it does not consist of whole instructions");
		return 0;
	}
	for (; !err && address < at->end; address += WORD) {
		word = word_at(body, range, address);
		code_set_start(body, range, address);
		err = take_word(body, address, word);
	}
	if (!err && !is_last(word) && code_range_of(body, address) < 0)
		code_lack(body->code, "it runs on into what follows it, at 0x%" PRIx64, address);
	return err;
}

/* By how much a load or store moves the stack pointer that it goes through. */
static int64_t written_back(uint32_t word)
{
	unsigned size = word >> 30;
	bool is_vector = word & 0x04000000;

	if ((word >> 5 & 31) != STACK)
		return 0;
	if ((word & 0x3a800000) == 0x28800000) /* of a pair, with write-back */
		return field(word, 15, 7) * (is_vector ? 4 << size : size == 2 ? 8 : 4);
	if ((word & 0x3b200400) == 0x38000400) /* of one register, likewise */
		return field(word, 12, 9);
	return 0;
}

/* What an instruction does to the stack pointer.  Return: whether that is known. */
static bool follow_stack(uint32_t word, int64_t *pushed)
{
	bool to_stack = (word & 31) == STACK, of_stack = (word >> 5 & 31) == STACK;
	int64_t value = (int64_t)(word >> 10 & 0xfff) << (word & 0x00400000 ? 12 : 0);

	if ((word & 0xff800000) == 0x91000000 && to_stack) { /* ADD, immediate */
		if (!of_stack)
			return false;
		*pushed -= value;
	} else if ((word & 0xff800000) == 0xd1000000 && to_stack) { /* SUB, immediate */
		if (!of_stack)
			return false;
		*pushed += value;
	} else if (to_stack && ((word & 0x3fe00000) == 0x0b200000 || /* ADD, SUB, extended */
				((word & 0x1f800000) == 0x12000000 && (word >> 29 & 3) != 3))) {
		return false; /* AND, ORR, EOR, immediate: alignment */
	} else if (of_stack && (word & 0xbe800000) == 0x0c800000) {
		return false; /* vectors, with write-back */
	} else if (of_stack && (word & 0xff200000) == 0xd9200000) {
		return false; /* tags of memory */
	}
	*pushed -= written_back(word);
	return *pushed >= 0 && *pushed <= CODE_MAX_PUSHED;
}

/* Whether a register may be written that can have an argument: x0 to x15 for Go, fewer for others. */
static bool writes_argument(const struct code_request *request, uint32_t word)
{
	bool is_pair = (word & 0x3a000000) == 0x28000000;
	bool is_store = (is_pair && !(word & 0x00400000)) || (word & 0x3ac00000) == 0x38000000;

	return request->keeps_arguments && !is_store && ((word & 31) < 16 || is_pair);
}

static void set_entry(struct code *code, uint64_t address, uint32_t word, int64_t pushed)
{
	code->entry = (struct code_site){
		.address = address,
		.kind = CODE_ENTRY,
		.step = step_of(word),
		.is_if = kind_of(word) == ARM_JUMP_IF,
		.condition = word & 0xf,
		.pushed = (uint32_t)pushed,
		.base = CODE_NO_REGISTER,
		.index = CODE_NO_REGISTER,
	};
	code->has_entry = true;
}

static bool is_branch(uint32_t word)
{
	enum arm_kind kind = kind_of(word);

	return kind != ARM_OTHER && kind != ARM_LITERAL;
}

/* BTI: where an indirect call may land. */
static bool is_landing(uint32_t word)
{
	return (word & 0xffffff3f) == 0xd503241f;
}

static void choose_entry(struct code_body *body)
{
	const struct image_range *at = &body->request->ranges[0];
	uint64_t address = at->start, loop = code_first_loop(body);
	struct code *code = body->code;
	bool is_first = true, is_refused_one = false;
	int64_t pushed = 0;

	for (unsigned i = 0; i < CODE_PROLOGUE && address < loop && address + WORD <= at->end;
	     i++) {
		uint32_t word = word_at(body, 0, address);
		bool can_be = !is_refused(word) && !code_is_exit(code, address);

		is_refused_one |= is_refused(word);
		if (can_be && (is_first || !code->has_entry || step_of(word) != CODE_STEPPED)) {
			set_entry(code, address, word, pushed);
			code->is_first = is_first;
		}
		is_first = is_first && is_landing(word);
		/* Between an exclusive load and its store nothing may trap. */
		if ((code->has_entry && code->entry.step != CODE_STEPPED) || is_branch(word) ||
		    is_refused(word) || !follow_stack(word, &pushed) ||
		    writes_argument(body->request, word))
			break;
		address += WORD;
	}
	if (code->has_entry)
		return;
	if (address >= loop)
		code_lack(code, "it begins with a loop, so calls and rounds look alike");
	else if (is_refused_one)
		code_lack(code, "the kernel probes nothing of what it begins with");
	else
		code_lack(code, "it does nothing but leave again");
}

const struct code_processor code_arm64 = { sweep, choose_entry };
