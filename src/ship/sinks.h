/* SPDX-License-Identifier: MIT */
/* sinks.h - the formats that other tools read. */
#ifndef SHIP_SINKS_H
#define SHIP_SINKS_H

#include "model/sink.h"

extern const struct sink ship_pprof, ship_speedscope, ship_firefox;

/* All of them, closed by NULL. */
extern const struct sink *const ship_sinks[];

#endif
