/* SPDX-License-Identifier: MIT */
#include "serve/steps.h"

#include <errno.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/number.h"
#include "serve/rows.h"

/* Round numbers of seconds, so that steps are those of a clock. */
static uint64_t round_step(uint64_t ns)
{
	static const unsigned seconds[] = { 1,   2,   5,   10,   15,   30,   60,    120,
					    300, 600, 900, 1800, 3600, 7200, 21600, 86400 };

	for (size_t i = 0; i < array_len(seconds); i++)
		if (seconds[i] * NS_PER_S >= ns)
			return seconds[i] * NS_PER_S;
	return 7 * 86400 * NS_PER_S;
}

int steps_read(const struct request *request, uint64_t span_ns, uint64_t finest_ns,
	       uint64_t *ret_step_ns)
{
	const char *text = request_parameter(request, "step");
	uint64_t usual = span_ns / STEPS_USUAL;
	int err;

	if (!text) {
		*ret_step_ns = round_step(usual > finest_ns ? usual : finest_ns);
		return 0;
	}
	err = number_parse_duration(text, ret_step_ns);
	if (err)
		return fail(-EINVAL, "'step' is a span of time, such as 10s");
	if (*ret_step_ns >= finest_ns)
		return 0;
	err = fail(-EINVAL, "'step' is at least %lu s here", (unsigned long)(finest_ns / NS_PER_S));
	if (finest_ns > NS_PER_S)
		hint("samples are kept by slices of [profile] slice_s");
	return err;
}

void steps_put(struct json *json, uint64_t start_unix_ns, uint64_t step_ns, size_t steps)
{
	rows_put_instant(json, "start", start_unix_ns);
	rows_put_u64(json, "step_ns", step_ns);
	json_u64(json, "steps", steps);
}
