/* SPDX-License-Identifier: MIT */
/* code_body.h - a function while it is examined: what its processor's decoder is given, and what any does. */
#ifndef ELF_CODE_BODY_H
#define ELF_CODE_BODY_H

#include <inttypes.h>

#include "elf/code.h"

#define CODE_MAX_TARGETS 65536u
#define CODE_MAX_PUSHED  65536u
#define CODE_PROLOGUE \
	24u /* instructions in which an entry is looked for, or another place for a return */

struct code_body {
	const struct code_request *request;
	uint8_t *bytes[CODE_MAX_RANGES];
	uint8_t *starts[CODE_MAX_RANGES]; /* a bit per byte: an instruction begins there */
	vec(uint64_t) targets;            /* of jumps that stay inside */
	bool has_table;                   /* of addresses of its own, through which it jumps */
	struct code *code;
};

/* Says what lacks; the first reason stands. */
void code_lack(struct code *code, const char *format, ...) __attribute__((format(printf, 2, 3)));

uint64_t code_range_bytes(const struct code_body *body, unsigned range);

/* Return: the number of the range that holds an address; -1: none. */
int code_range_of(const struct code_body *body, uint64_t address);

/* An instruction begins there. */
void code_set_start(struct code_body *body, unsigned range, uint64_t address);

bool code_is_start(const struct code_body *body, uint64_t address);

/* Keeps where a jump leads that stays inside. */
nodiscard int code_add_target(struct code_body *body, uint64_t to);

/* Keeps an exit, unless something lacks. */
nodiscard int code_add_exit(struct code_body *body, struct code_site site);
bool code_is_exit(const struct code *code, uint64_t address);

/* The first address that is executed again by a jump back; the entry must lie before it. */
uint64_t code_first_loop(const struct code_body *body);

/* What depends on the processor. */
struct code_processor {
	/* Decodes all instructions of a range into starts, targets and exits. */
	int (*sweep)(struct code_body *body, unsigned range);
	/* The entry, and other sites for exits where they are cheaper. */
	void (*choose)(struct code_body *body);
};

extern const struct code_processor code_x86, code_arm64;

#endif
