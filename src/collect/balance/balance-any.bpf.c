/* SPDX-License-Identifier: Dual MIT/GPL */
/* balance-any.bpf.c - balance.bpf.h for any PID namespace. */
#include "collect/balance/balance.bpf.h"
