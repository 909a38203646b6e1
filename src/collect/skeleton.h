/* SPDX-License-Identifier: MIT */
/* skeleton.h - loads a light skeleton, also where the kernel does not take it as a whole.
 *
 * A light skeleton is a program that loads programs, which Linux has from 5.14 on.  Where there are none,
 * and where a part of what is loaded is refused, libbpf loads the same object out of the same bytes into the
 * same struct: in 25 ms instead of 4, and, if the caller can do with less, without what the kernel refuses.
 */
#ifndef COLLECT_SKELETON_H
#define COLLECT_SKELETON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"

/* The object behind a struct that bpftool has written, and where in that struct things are. */
struct skeleton {
	const void *bytes;
	size_t len;
	size_t maps, programs,
		links; /* offsets: of struct bpf_map_desc and bpf_prog_desc, and behind those */
};

/* In bpf_loader_ctx.flags, where nobody else has more than the first bit: programs that the kernel refuses
 * are left out; their descriptors are 0.
 */
#define SKELETON_IN_PARTS (1u << 31)

struct bpf_load_and_run_opts;

/**
 * skeleton_load - what bpf_load_and_run() does, or else skeleton_load_plain()
 *
 * Return: 0; -errno of the light skeleton, or of libbpf where the kernel knows no such.
 */
nodiscard int skeleton_load(struct bpf_load_and_run_opts *light, const struct skeleton *skeleton);

/**
 * skeleton_load_plain - by libbpf
 * @into: the struct of the light skeleton; sizes and initial values of its maps are heeded
 * @in_parts: what is refused is left out, unless it is all
 *
 * Return: 0; -errno.
 */
nodiscard int skeleton_load_plain(const struct skeleton *skeleton, void *into, bool in_parts);

/** skeleton_is_known - whether the kernel has programs that load programs, and we may load them */
bool skeleton_is_known(void);

#endif
