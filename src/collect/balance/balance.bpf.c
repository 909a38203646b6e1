/* SPDX-License-Identifier: Dual MIT/GPL */
/* balance.bpf.c - balance.bpf.h for the initial PID namespace.  Less to look up in the kernel's BTF: it
 * starts some milliseconds earlier.
 */
#define TARGET_PLAIN
#include "collect/balance/balance.bpf.h"
