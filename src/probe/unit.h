/* SPDX-License-Identifier: MIT */
/* unit.h - typedefs that name a unit.
 *
 * They survive into the BTF of a compiled program, so a reader of a record knows from the type of
 * a field what its number means.  Included on both sides of the kernel boundary.
 */
#ifndef PROBE_UNIT_H
#define PROBE_UNIT_H

#include <stdbool.h>

#ifdef __bpf__
#include <linux/types.h>
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;
#else
#include <stdint.h>
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;
#endif

typedef u64 unit_ns;      /* duration, nanoseconds */
typedef u64 unit_mono_ns; /* instant, CLOCK_MONOTONIC */
typedef u64 unit_bytes;
typedef u64 unit_count;
typedef u32 id_pid; /* of a process, in the initial PID namespace */
typedef u32 id_tid; /* of a thread, likewise */
typedef u32 id_cpu;
typedef u32 id_uid;    /* user, in the initial user namespace */
typedef u64 id_cgroup; /* inode number of a control group's directory */
typedef u32 id_netns;  /* inode number of a network namespace */
typedef u32 id_errno;  /* positive; 0: success */
typedef u32 id_signal;
typedef u32 id_status; /* exit code, 0 to 255 */
typedef u16 id_port;
typedef u16 id_syscall; /* number, of the native ABI */
typedef u32 id_device;  /* of a disk, major << 20 | minor */

#endif
