/* SPDX-License-Identifier: MIT */
/* losses.c - what was lost when: one row each, for marks on axes of time. */
#include <errno.h>

#include "base/clock.h"
#include "serve/answers.h"
#include "serve/rows.h"
#include "serve/span.h"

#define LOSSES_DEFAULT 200
#define LOSSES_MAX     1000

const struct query_parameter loss_parameters[] = {
	SPAN_PARAMETERS,
	{ "limit", "at most so many, the newest; 200 if left out", "integer" },
	{ 0 },
};

struct losses {
	struct json json;
	uint64_t count;
};

static int put_one(void *context, const struct store_loss_row *loss)
{
	struct losses *losses = context;

	json_object(&losses->json, NULL);
	rows_put_loss(&losses->json, loss);
	json_object_end(&losses->json);
	losses->count++;
	return 0;
}

int answer_losses(struct api *api, const struct request *request, struct response *response)
{
	uint64_t start = 0, end = 0, limit = LOSSES_DEFAULT;
	struct store_reader *reader = NULL;
	struct losses losses = { 0 };
	FILE *out = NULL;
	int err = span_check_parameters(request, loss_parameters);

	err = err ?: span_read(request, "", clock_unix_ns(), &start, &end);
	err = err ?: span_number(request, "limit", 1, LOSSES_MAX, &limit);
	err = err ?: api_reader(api, &reader);
	if (!err)
		out = response_open_object(response, 200, &losses.json);
	if (!out)
		return err ?: -ENOMEM;
	rows_put_u64(&losses.json, "start_unix_ns", start);
	rows_put_u64(&losses.json, "end_unix_ns", end);
	json_array(&losses.json, "data");
	err = store_read_losses_of(reader, start, end, limit, put_one, &losses);
	json_array_end(&losses.json);
	json_bool(&losses.json, "truncated", losses.count == limit);
	return response_close_object(response, &losses.json, out) ?: err;
}
