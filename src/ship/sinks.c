/* SPDX-License-Identifier: MIT */
#include "ship/sinks.h"

const struct sink *const ship_sinks[] = { &ship_pprof, &ship_speedscope, &ship_firefox, NULL };
