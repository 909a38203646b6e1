/* SPDX-License-Identifier: MIT */
/* resolver.h - gives the frames of a profile their names.
 *
 *     FRAME_USER     symbols of the file, of its separate debug file (by build-id, then by
 *                    debuglink) and of .gnu_debugdata; PLT entries as name@plt; inlined calls and
 *                    source lines from DWARF; [file+0x1234] where nothing names the address, a
 *                    number that addr2line understands
 *     FRAME_KERNEL   kallsyms; functions of modules read `name [module]`; else [kernel+0x...]
 *     FRAME_JIT      jitdump, then perf-PID.map; else [jit+0x...]
 *     FRAME_UNKNOWN  [unknown]
 *     FRAME_MARK     its text
 *
 * A name is never guessed: an address that no symbol covers stays an address.  What could not be
 * named, and why, goes to profile.coverage.not_measured with resolver_report(), and the remedy.
 *
 * Frames are named file by file, each file's tables being built once and shared by all paths and
 * containers that show the same build-id; tables that were used last stay, under a ceiling.
 * Opens nothing itself: every descriptor comes from the opener.  Not thread-safe.
 */
#ifndef RESOLVE_RESOLVER_H
#define RESOLVE_RESOLVER_H

#include "model/opener.h"

struct resolver_options {
	bool mangled;           /* leave C++ and Rust symbols as they are */
	bool no_inline;         /* no inlined calls and no source lines */
	size_t table_bytes;     /* kept for later calls; 0: RESOLVER_TABLE_BYTES */
	size_t inline_bytes;    /* DWARF of one file in memory; 0: RESOLVER_INLINE_BYTES */
	uint64_t inline_cpu_ns; /* CPU time for the DWARF of one file; 0: RESOLVER_INLINE_CPU_NS */
};

#define RESOLVER_TABLE_BYTES   (12u << 20)
#define RESOLVER_INLINE_BYTES  (64u << 20)
#define RESOLVER_INLINE_CPU_NS 3000000000ull

struct resolver;

/**
 * resolver_new - prepare; nothing is opened before the first resolver_name()
 * @options: copied; NULL: all defaults
 * @opener:  copied; its context must outlive the resolver
 *
 * Return: 0; -ENOMEM.
 */
nodiscard int resolver_new(const struct resolver_options *options, const struct opener *opener,
			   struct resolver **ret_resolver);

/**
 * resolver_name - name all frames that have no name yet; fills file.build_id on the way
 *
 * Every frame has at least one name afterwards.  May be called again whenever frames came.
 * Return: 0; -ENOMEM; -E2BIG when the profile's text is full.  A file that cannot be read or makes
 * no sense is no error: its frames read as addresses.
 */
nodiscard int resolver_name(struct resolver *resolver, struct profile *profile);

/** resolver_report - once, at the end: what all calls could not name, and why.  0; -ENOMEM */
nodiscard int resolver_report(struct resolver *resolver, struct profile *profile);
void resolver_free(struct resolver *resolver);
own_define(struct resolver, resolver_free)

#endif
