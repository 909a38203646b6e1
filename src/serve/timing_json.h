/* SPDX-License-Identifier: MIT */
/* timing_json.h - a measurement of latencies as keys of the JSON object that is open.
 *
 * But for timing_state() under timing_lock().
 */
#ifndef SERVE_TIMING_JSON_H
#define SERVE_TIMING_JSON_H

#include "base/json.h"
#include "serve/timing.h"

#define TIMING_ANY_ROW UINT64_MAX

/* Of a measurement, as it was under its lock. */
struct timing_state {
	char id[MEASUREMENT_ID_BYTES], why[256];
	enum measurement_stage stage;
	uint64_t at_unix_ns, expires_unix_ns;
	bool is_over;
};

/** timing_state - takes the lock of all measurements: not under timing_lock() */
struct timing_state timing_state(struct timing *timing);

/** timing_put_state - what was asked for, how far it is, and why it ended */
void timing_put_state(struct json *json, const struct timing *timing,
		      const struct timing_state *state);

/**
 * timing_put_found - each row with its figures, and the histogram and heat map of one
 * @number: of that; TIMING_ANY_ROW: the one with the most calls
 */
void timing_put_found(struct json *json, const struct timing *timing,
		      const struct timing_state *state, uint64_t number);

/**
 * timing_put_slow - the slowest calls, or while it runs the latest slow ones
 * @number: of the row that is meant; TIMING_ANY_ROW: all
 *
 * Return: 0; -ENOMEM.
 */
nodiscard int timing_put_slow(struct json *json, const struct timing *timing, uint64_t limit,
			      uint64_t number);

/** timing_put_texts - an array of texts */
void timing_put_texts(struct json *json, const char *key, char *const *texts, size_t count);

#endif
