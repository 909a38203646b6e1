/* SPDX-License-Identifier: MIT */
/* latency_sinks.h - how latencies are written: for `kymo latency`. */
#ifndef SHOW_LATENCY_SINKS_H
#define SHOW_LATENCY_SINKS_H

#include "model/latency.h"

extern const struct latency_sink show_latency_text, show_latency_calls, show_latency_json,
	show_latency_csv;

/* The percentiles that every output tells. */
struct latency_share {
	const char *key, *heading;
	double share;
};

#define LATENCY_SHARES 4
extern const struct latency_share latency_shares[LATENCY_SHARES];

#endif
