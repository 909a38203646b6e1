/* SPDX-License-Identifier: Dual MIT/GPL */
/* tick-any.bpf.c - tick.bpf.h for every target, control groups and nested PID namespaces among them. */
#include "collect/cpu/tick.bpf.h"
