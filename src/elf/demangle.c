/* SPDX-License-Identifier: MIT */
#include "elf/demangle.h"

#include <errno.h>
#include <libiberty/demangle.h>
#include <setjmp.h>
#include <string.h>

#define MAX_SYMBOL_BYTES 4096u /* libiberty keeps about 70 bytes of stack for each */

struct output {
	char *text;
	size_t len, size;
	jmp_buf full;
};

/* libiberty has no way to stop it from inside.  It holds no memory of the heap while it calls us
 * (the _callback functions exist for use in signal handlers), so leaving by longjmp() loses none;
 * only the Rust v0 decoder of identifiers beyond ASCII does, and it does not call us meanwhile.
 */
static void append(const char *piece, size_t len, void *opaque)
{
	struct output *output = opaque;
	size_t room = output->size - 1 - output->len;

	if (!len) /* and `piece` may be NULL */
		return;
	memcpy(output->text + output->len, piece, len < room ? len : room);
	output->len += len < room ? len : room;
	if (len > room)
		longjmp(output->full, 1);
}

/* Return: whether it was one; -E2BIG after its beginning has filled the output. */
static int run(const char *symbol, struct output *output)
{
	if (setjmp(output->full))
		return -E2BIG;
	/* Rust's legacy symbols are C++ ones of a special form: try Rust first, it is strict. */
	if (rust_demangle_callback(symbol, DMGL_NO_OPTS, append, output) && output->len)
		return 1;
	output->len = 0;
	return symbol[1] == 'Z' &&
	       cplus_demangle_v3_callback(symbol, DMGL_NO_OPTS, append, output) && output->len;
}

bool demangle(const char *symbol, char *text, size_t size)
{
	char result[MAX_SYMBOL_BYTES];
	struct output output = { .text = result };
	int got;

	output.size = size < sizeof(result) ? size : sizeof(result);
	if (symbol[0] != '_' || (symbol[1] != 'Z' && symbol[1] != 'R') || size < sizeof("...") ||
	    strnlen(symbol, MAX_SYMBOL_BYTES) == MAX_SYMBOL_BYTES)
		return false;
	got = run(symbol, &output);
	if (!got)
		return false;
	if (got == -E2BIG)
		memcpy(result + output.len - 3, "...", 3);
	memcpy(text, result, output.len);
	text[output.len] = '\0';
	return true;
}
