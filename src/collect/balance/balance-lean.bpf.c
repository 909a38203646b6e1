/* SPDX-License-Identifier: Dual MIT/GPL */
/* balance-lean.bpf.c - balance.bpf.h for who may not look up the kernel's symbols (CAP_SYSLOG): without the
 * timer's tick, which is told by the address of its function.
 */
#define BALANCE_WITHOUT_TICKS
#include "collect/balance/balance.bpf.h"
