/* SPDX-License-Identifier: MIT */
/* jit.h - names for addresses of code that was made at run time.
 *
 * A compiler's list of what it made may have millions of entries, and few of them are asked for.  So
 * it is the addresses that are held and sorted, and the list that streams past them; of several
 * entries for one address, the one that was written last wins.
 */
#ifndef RESOLVE_JIT_H
#define RESOLVE_JIT_H

#include <stdbool.h>

#include "base/vec.h"

#define JIT_MAX_READ_BYTES (256u << 20) /* of one list */
#define JIT_NAME_BYTES     1024u        /* with NUL; longer ones are cut */
#define JIT_MAX_TEXT       (64u << 20)  /* of the names found for one process */
#define JIT_MAX_STEPS      (1u << 27)   /* entries times the addresses that each covers */
#define JIT_MAX_RECORDS    (1u << 20)   /* of one jitdump; two reads of the file each */

struct jit_ask {
	uint64_t address;
	uint32_t name;  /* into text; 0: none */
	uint32_t frame; /* the caller's */
	uint64_t moved; /* used by jitdump_read() */
	bool has_moved;
};

struct jit {
	vec(struct jit_ask) asks; /* by address */
	vec(char) text;
	uint64_t steps; /* left of JIT_MAX_STEPS */
};

/** jit_prepare - sort the addresses; before anything is read.  Return: 0; -ENOMEM */
nodiscard int jit_prepare(struct jit *jit);

/** jit_first - the first address at or above @address, the end if there is none */
struct jit_ask *jit_first(const struct jit *jit, uint64_t address);

/**
 * jit_name - name what lies from @start on, @bytes long
 * @name: @len bytes, cut to JIT_NAME_BYTES
 *
 * Return: 0, also when nothing asked for lies there; -E2BIG at JIT_MAX_TEXT or JIT_MAX_STEPS;
 * -ENOMEM.
 */
nodiscard int jit_name(struct jit *jit, uint64_t start, uint64_t bytes, const char *name,
		       size_t len);

/** jit_forget - take all names back, where a later entry that is not read might have changed them */
void jit_forget(struct jit *jit);

/**
 * perf_map_read - read lines of `START SIZE name`, both numbers in hexadecimal
 *
 * Lines that make no sense are passed over, and so is a last one without its end: it is still being
 * written.  Of a longer file only the last JIT_MAX_READ_BYTES are read: what stands there holds.
 * Return: 0; -EFBIG when the file is longer; -E2BIG when it is beyond another limit, then nothing
 * has a name; -ENOMEM; -errno of fstat(), pread().
 */
nodiscard int perf_map_read(int fd, struct jit *jit);

/**
 * jitdump_read - read the records of a jitdump file, version 1
 *
 * Format: tools/perf/Documentation/jitdump-specification.txt of the kernel.
 * Return: 0, also when the file ends within a record, as it does while it is written; -EBADMSG
 * when it is no jitdump file of this byte order; -E2BIG above a limit, then nothing has a name;
 * -ENOMEM; -errno of pread().
 */
nodiscard int jitdump_read(int fd, struct jit *jit);
void jit_done(struct jit *jit);

#endif
