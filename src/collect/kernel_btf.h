/* SPDX-License-Identifier: MIT */
/* kernel_btf.h - a few facts out of the kernel's BTF without loading all of it.
 *
 * libbpf's parser needs 12 to 25 ms and 14 MB for the kernel's BTF; a start within 20 ms cannot
 * afford that for two numbers.  This reads the 5 MB once, in pieces of 64 KB.
 */
#ifndef COLLECT_KERNEL_BTF_H
#define COLLECT_KERNEL_BTF_H

#include <stddef.h>
#include <stdint.h>

#include "base/own.h"

/**
 * kernel_btf_percpu - where per-CPU variables lie in the per-CPU section
 * @names: @count names, at most KERNEL_BTF_MAX_NAMES
 *
 * Return: 0; -ENOENT when one is not there; -ENOTSUP when the kernel has no BTF or one that this
 * does not understand; -errno.
 */
#define KERNEL_BTF_MAX_NAMES 8
nodiscard int kernel_btf_percpu(const char *const *names, size_t count, uint32_t *ret_offsets);

#endif
