/* SPDX-License-Identifier: MIT */
#include "show/latency_heat.h"

#include <string.h>

#include "base/test.h"

static const struct latency_function function = { .name = "f" };

/* Calls of 1 us, and one of 2 us. */
static void add(struct heat *heat, uint64_t calls, bool with_slow, bool is_final)
{
	struct latency_figures figures = { 0 };
	struct latency_row row = { .function = &function, .figures = &figures };
	struct latency_report report = {
		.span_ns = 1000000000, .rows = &row, .count = 1, .is_final = is_final
	};

	for (uint64_t i = 0; i < calls; i++)
		latency_count(&figures, 1000);
	if (with_slow)
		latency_count(&figures, 2000);
	assert_int_equal(heat_add(heat, &report), 0);
}

static char *drawn(const struct heat *heat)
{
	struct latency_row row = { .function = &function };
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	heat_put(heat, &row, out, true);
	fclose(out);
	return text;
}

static void columns_are_intervals(void **state)
{
	struct heat heat = { .columns = 0 };
	char *text;

	(void)state;
	add(&heat, 4, false, false);
	add(&heat, 0, true, false);
	add(&heat, 0, false, false);
	add(&heat, 6, true, true); /* 5 of them are known */
	text = drawn(&heat);
	assert_string_equal(text, "   1.02 \xc2\xb5s | .  |\n"
				  "     512 ns |#  :|\n"
				  "              over time, 1.00 s a column; the darkest: 4\n");
	free(text);
	heat_done(&heat);
}

static void many_intervals_share_columns(void **state)
{
	struct heat heat = { .columns = 0 };
	char *text;

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		add(&heat, 1, false, false);
	assert_true(heat.columns <= HEAT_COLUMNS && heat.columns > HEAT_COLUMNS / 2);
	assert_int_equal(heat.merged, 32);
	text = drawn(&heat);
	assert_non_null(strstr(text, "32.0 s a column; the darkest: 32"));
	free(text);
	heat_done(&heat);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_intervals),
		cmocka_unit_test(many_intervals_share_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
