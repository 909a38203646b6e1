/* SPDX-License-Identifier: MIT */
/* kernel_btf.h - a few facts out of the kernel's BTF without loading all of it.
 *
 * libbpf's parser needs 12 to 25 ms and 14 MB for the kernel's BTF; a start within 20 ms cannot
 * afford that for two numbers.  This goes through the 5 MB once, mapped or in pieces of 64 KB.
 */
#ifndef COLLECT_KERNEL_BTF_H
#define COLLECT_KERNEL_BTF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"

#define KERNEL_BTF           "/sys/kernel/btf/vmlinux"

/**
 * kernel_btf_percpu - where per-CPU variables lie in the per-CPU section
 * @names: @count names, at most KERNEL_BTF_MAX_NAMES
 *
 * Return: 0; -ENOENT when one is not there; -ENOTSUP when the kernel has no BTF or one that this
 * does not understand; -errno.
 */
#define KERNEL_BTF_MAX_NAMES 8
nodiscard int kernel_btf_percpu(const char *const *names, size_t count, uint32_t *ret_offsets);

/** kernel_btf_percpu_in - likewise in an open file, which kernels before 6.16 do not map */
nodiscard int kernel_btf_percpu_in(int fd, bool may_map, const char *const *names, size_t count,
				   uint32_t *ret_offsets);

#endif
