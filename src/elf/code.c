/* SPDX-License-Identifier: MIT */
#include "elf/code.h"

#include <elf.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "elf/code_body.h"

void code_lack(struct code *code, const char *format, ...)
{
	va_list words;

	if (code->lacks[0])
		return;
	va_start(words, format);
	vsnprintf(code->lacks, sizeof(code->lacks), format, words);
	va_end(words);
}

uint64_t code_range_bytes(const struct code_body *body, unsigned range)
{
	return body->request->ranges[range].end - body->request->ranges[range].start;
}

/* Return: the number of the range that holds an address; -1: none. */
int code_range_of(const struct code_body *body, uint64_t address)
{
	for (unsigned i = 0; i < body->request->count; i++)
		if (address >= body->request->ranges[i].start &&
		    address < body->request->ranges[i].end)
			return (int)i;
	return -1;
}

bool code_is_start(const struct code_body *body, uint64_t address)
{
	int range = code_range_of(body, address);
	uint64_t at = range < 0 ? 0 : address - body->request->ranges[range].start;

	return range >= 0 && body->starts[range][at / 8] >> (at % 8) & 1;
}

void code_set_start(struct code_body *body, unsigned range, uint64_t address)
{
	uint64_t at = address - body->request->ranges[range].start;

	body->starts[range][at / 8] |= (uint8_t)(1u << (at % 8));
}

int code_add_target(struct code_body *body, uint64_t to)
{
	if (body->targets.len < CODE_MAX_TARGETS)
		return vec_push(&body->targets, to);
	code_lack(body->code, "it has more than %u jumps", CODE_MAX_TARGETS);
	return 0;
}

int code_add_exit(struct code_body *body, struct code_site site)
{
	if (body->code->lacks[0])
		return 0;
	if (body->code->exits.len < CODE_MAX_EXITS)
		return vec_push(&body->code->exits, site);
	code_lack(body->code, "it has more than %u exits", CODE_MAX_EXITS);
	return 0;
}

/* The first address that is executed again by a jump back; the entry must lie before it. */
uint64_t code_first_loop(const struct code_body *body)
{
	uint64_t start = body->request->ranges[0].start, first = UINT64_MAX;

	vec_each(target, &body->targets) {
		if (*target == start && body->request->restarts)
			continue;
		if (*target >= start && *target < body->request->ranges[0].end && *target < first)
			first = *target;
	}
	return first;
}

bool code_is_exit(const struct code *code, uint64_t address)
{
	vec_each(exit, &code->exits)
		if (exit->address == address)
			return true;
	return false;
}

static void check_targets(struct code_body *body)
{
	vec_each(target, &body->targets)
		if (!code_is_start(body, *target))
			code_lack(body->code,
				  "0x%" PRIx64 " is jumped to, inside of an instruction", *target);
}

static int read_bytes(struct code_body *body, const struct image *image)
{
	for (unsigned i = 0; i < body->request->count; i++) {
		uint64_t bytes = code_range_bytes(body, i), offset;
		int err;

		if (!image_offset(image, body->request->ranges[i].start, &offset))
			return -ENODATA;
		body->bytes[i] = malloc(bytes);
		body->starts[i] = calloc(1, bytes / 8 + 1);
		if (!body->bytes[i] || !body->starts[i])
			return -ENOMEM;
		err = source_read(&image->source, body->bytes[i], bytes, offset);
		if (err)
			return err;
	}
	return 0;
}

static void body_done(struct code_body *body)
{
	for (unsigned i = 0; i < CODE_MAX_RANGES; i++) {
		free(body->bytes[i]);
		free(body->starts[i]);
	}
	vec_done(&body->targets);
}

static bool check_sizes(const struct code_request *request, struct code *code)
{
	for (unsigned i = 0; i < request->count; i++) {
		const struct image_range *range = &request->ranges[i];

		if (range->end <= range->start)
			code_lack(code, "its symbol has no size");
		else if (range->end - range->start > CODE_MAX_BYTES)
			code_lack(code, "it has more than %u bytes", CODE_MAX_BYTES);
	}
	return !code->lacks[0];
}

static const struct code_processor *processor_of(uint16_t machine)
{
	switch (machine) {
#ifndef KYMO_NO_ZYDIS
	case EM_X86_64:
		return &code_x86;
#endif
	case EM_AARCH64:
		return &code_arm64;
	default:
		return NULL;
	}
}

bool code_is_known(uint16_t machine)
{
	return processor_of(machine);
}

int code_examine(const struct image *image, const struct code_request *request,
		 struct code *ret_code)
{
	const struct code_processor *processor = processor_of(image->machine);
	struct code_body body = { .request = request, .code = ret_code };
	int err;

	*ret_code = (struct code){ 0 };
	if (!processor)
		return -ENOTSUP;
	if (!check_sizes(request, ret_code))
		return 0;
	err = read_bytes(&body, image);
	for (unsigned i = 0; !err && i < request->count; i++)
		err = processor->sweep(&body, i);
	if (!err) {
		check_targets(&body);
		processor->choose(&body);
		ret_code->never_returns = !ret_code->exits.len && !ret_code->lacks[0];
	}
	body_done(&body);
	if (err || ret_code->lacks[0])
		vec_done(&ret_code->exits);
	return err;
}

void code_done(struct code *code)
{
	vec_done(&code->exits);
}
