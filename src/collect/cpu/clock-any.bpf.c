/* SPDX-License-Identifier: Dual MIT/GPL */
/* clock-any.bpf.c - clock.bpf.h for every target, control groups and nested PID namespaces among them. */
#include "collect/cpu/clock.bpf.h"
