/* SPDX-License-Identifier: MIT */
/* code.h - where the calls of one function can be seen: near its first instruction, and at each exit.
 *
 * The whole function is decoded, so a site is always the first byte of an instruction.  A function is
 * one or several ranges of addresses: compilers put what is seldom executed elsewhere (NAME.cold).
 *
 *     entry   an instruction that every call executes once, before the function does anything; among
 *             those the first that the kernel emulates, for the others cost ten times as much
 *     exits   every RET, or what the kernel emulates and leads straight to it (a conditional jump that is not
 *             taken); every jump that may lead out of all ranges.  Where a jump leads that goes
 *             through a register or by a condition is told when it is executed: a site says how
 *
 * What cannot be seen is said in `lacks`, and then there are no exits: a figure of some of the calls
 * would be a wrong one.  x86-64, where the library Zydis is part of the program, and arm64.
 */
#ifndef ELF_CODE_H
#define ELF_CODE_H

#include <elf.h>

#include "elf/image.h"

#define CODE_MAX_BYTES   (1u << 20) /* of one function */
#define CODE_MAX_RANGES  2u         /* itself and its cold part */
#define CODE_MAX_EXITS   256u
#define CODE_TEXT_BYTES  96u
#define CODE_NO_REGISTER 0xffu

/* The processor that this program runs on. */
#if defined(__aarch64__)
#define CODE_MACHINE EM_AARCH64
#else
#define CODE_MACHINE EM_X86_64
#endif

enum code_kind {
	CODE_ENTRY,
	CODE_RETURN,
	CODE_JUMP,          /* always out of the function */
	CODE_JUMP_IF,       /* out of it if `condition` holds */
	CODE_JUMP_REGISTER, /* to what is in the register `base` */
	CODE_JUMP_MEMORY,   /* to what is at `displacement` + base + index * scale */
};

/* What the kernel does with the probed instruction. */
enum code_step {
	CODE_EMULATED, /* it does the same itself */
	CODE_NOP5,     /* likewise; Linux 6.18 and later put a call in its place */
	CODE_STEPPED,  /* it executes a copy, and traps again behind it */
};

struct code_site {
	uint64_t address;
	enum code_kind kind;
	enum code_step step;
	bool is_if;                 /* CODE_JUMP_IF, and what else is a conditional jump */
	uint8_t condition;          /* the low four bits of the opcode of Jcc, or of B.cond */
	uint8_t base, index, scale; /* registers by the processor's numbers, or CODE_NO_REGISTER */
	int64_t displacement;       /* with `base` none: the address, as the file states it */
	uint32_t pushed; /* bytes by which the stack has grown since the call; not of jumps */
};

struct code {
	struct code_site entry;
	bool has_entry;
	bool is_first;      /* the entry is the first instruction, or follows ENDBR64 */
	bool never_returns; /* it has no exit at all */
	vec(struct code_site) exits;
	char lacks[CODE_TEXT_BYTES]; /* why there is no entry or no exits; "": nothing lacks */
};

struct code_request {
	struct image_range ranges[CODE_MAX_RANGES]; /* the first begins with the function */
	unsigned count;
	bool restarts;        /* Go: its beginning is executed again where the stack had to grow */
	bool keeps_arguments; /* at the entry the registers of arguments are still what they were, and at a
			       * return that of the result is what it will be */
};

/**
 * code_examine - decode a function and choose its sites
 *
 * Return: 0, also where something lacks; -ENOTSUP for another processor; -ENODATA, -errno when the
 * file cannot be read; -ENOMEM.
 */
nodiscard int code_examine(const struct image *image, const struct code_request *request,
			   struct code *ret_code);
/* Whether functions of this processor (EM_...) can be decoded. */
bool code_is_known(uint16_t machine);
void code_done(struct code *code);

#endif
