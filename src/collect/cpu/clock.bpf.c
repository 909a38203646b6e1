/* SPDX-License-Identifier: Dual MIT/GPL */
/* clock.bpf.c - clock.bpf.h for processes, threads and the host, in the initial PID namespace.  Less to look
 * up in the kernel's BTF: it starts some milliseconds earlier.
 */
#define TARGET_PLAIN
#include "collect/cpu/clock.bpf.h"
