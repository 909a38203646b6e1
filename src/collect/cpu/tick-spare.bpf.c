/* SPDX-License-Identifier: Dual MIT/GPL */
/* tick-spare.bpf.c - tick.bpf.c, loaded before anyone knows what for: what it is to do stands in memory that
 * is written before it is attached, so nothing of it is left out by the verifier.
 */
#define TARGET_PLAIN
#define TARGET_LATER
#include "collect/cpu/tick.bpf.h"
