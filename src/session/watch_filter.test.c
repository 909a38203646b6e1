/* SPDX-License-Identifier: MIT */
#include "base/test.h"

#include "model/records.test.h"
#include "session/watch_filter.h"

static void each_filter_asks_its_own_field(void **state)
{
	struct made_record one = made_one();
	struct record record = made_record(&one);
	struct watch_request request = { 0 };

	(void)state;
	assert_true(watch_filter_wants(&request, &record));
	request = (struct watch_request){ .port = 80, .error = 2, .min_duration_ns = 1500 };
	assert_true(watch_filter_wants(&request, &record));
	request = (struct watch_request){ .port = 81 };
	assert_false(watch_filter_wants(&request, &record));
	request = (struct watch_request){ .error = 80 };
	assert_false(watch_filter_wants(&request, &record));
	request = (struct watch_request){ .min_duration_ns = 1501 };
	assert_false(watch_filter_wants(&request, &record));
	request = (struct watch_request){ .has_address = true, .address = one.address };
	assert_true(watch_filter_wants(&request, &record));
	one.address.bytes[15] = 2;
	assert_false(watch_filter_wants(&request, &record));
}

/* A duration that was not measured is not long. */
static void what_was_not_measured_lasts_not(void **state)
{
	struct made_record one = made_one();
	struct record record = made_record(&one);
	struct watch_request request = { .min_duration_ns = 1 };

	(void)state;
	one.took = ~0ull;
	assert_false(watch_filter_wants(&request, &record));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_filter_asks_its_own_field),
		cmocka_unit_test(what_was_not_measured_lasts_not),
	};

	return test_run(tests);
}
