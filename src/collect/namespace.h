/* SPDX-License-Identifier: MIT */
/* namespace.h - which PID namespace this process lives in, and whether /proc shows it. */
#ifndef COLLECT_NAMESPACE_H
#define COLLECT_NAMESPACE_H

#include <stdint.h>

#include "base/own.h"

/**
 * namespace_of_pids - the PID namespace of this process
 * @ret_inum: its inode number; 0: it is the initial one
 *
 * Return: 0; -ENOENT when /proc is not mounted; -EXDEV when it shows the processes of another
 * namespace, so that its numbers are not those of the system calls; with fail() said.
 */
nodiscard int namespace_of_pids(uint32_t *ret_inum);

#endif
