/* SPDX-License-Identifier: MIT */
#include "report/metrics.h"

#include <math.h>
#include <string.h>

#include "base/test.h"

static void p_is_that_of_the_tables(void **state)
{
	const double low[] = { 1, 2, 3, 4 }, high[] = { 5, 6, 7, 8 };
	const double mixed[] = { 1, 4, 5, 8 }, others[] = { 2, 3, 6, 7 };

	(void)state;
	/* The least that 3, 4 and 6 runs on each side can reach: 0.10, 0.029, 0.0022. */
	assert_true(fabs(mann_whitney(low, 3, high, 3) - 0.1) < 1e-9);
	assert_true(fabs(mann_whitney(low, 4, high, 4) - 2.0 / 70) < 1e-9);
	assert_true(fabs(mann_whitney(mixed, 4, others, 4) - 1) < 1e-9);
	assert_true(fabs(mann_whitney(low, 4, high, 4) - mann_whitney(high, 4, low, 4)) < 1e-12);
	assert_true(mann_whitney(low, 0, high, 4) == 1);
}

static void ties_are_allowed_for(void **state)
{
	const double same[] = { 5, 5, 5, 5, 5 }, other[] = { 5, 5, 5, 5, 6 };

	(void)state;
	assert_true(mann_whitney(same, 5, same, 5) == 1);
	assert_true(mann_whitney(same, 5, other, 5) > 0.3);
}

static void fill(struct metric_series *series, unsigned number, double from, double step,
		 size_t len)
{
	for (size_t i = 0; i < len; i++)
		assert_int_equal(vec_push(&series->values[number], from + step * (double)i), 0);
	series->runs = len;
}

static const struct metric_difference *row_of(const struct metric_differences *all, unsigned number)
{
	vec_each(row, &all->rows)
		if (row->number == number)
			return row;
	return NULL;
}

static void a_cause_is_told_from_noise(void **state)
{
	unsigned wall = metric_find("wall_ns"), disk = metric_find("blocked_disk_ns");
	unsigned cpu = metric_find("cpu_ns");
	struct metric_series before = { 0 }, after = { 0 };
	struct metric_differences found;

	(void)state;
	fill(&before, wall, 1e9, 1e6, 8);
	fill(&after, wall, 1.3e9, 1e6, 8);
	fill(&before, disk, 1e8, 1e6, 8);
	fill(&after, disk, 4e8, 1e6, 8);
	fill(&before, cpu, 5e8, 1e6, 8);
	fill(&after, cpu, 5.005e8, 1e6, 8);
	assert_int_equal(series_compare(&before, &after, &found), 0);
	assert_int_equal(found.rows.len, 3);
	assert_int_equal(row_of(&found, wall)->verdict, METRIC_MORE);
	assert_int_equal(row_of(&found, disk)->verdict, METRIC_MORE);
	assert_int_equal(row_of(&found, cpu)->verdict, METRIC_SAME);
	assert_true(fabs(row_of(&found, disk)->shift - 3e8) < 1);
	assert_true(row_of(&found, disk)->low < 3e8 && row_of(&found, disk)->high > 3e8);
	assert_false(found.is_busier);
	vec_done(&found.rows);
	series_done(&before);
	series_done(&after);
}

static void too_few_runs_show_nothing(void **state)
{
	unsigned wall = metric_find("wall_ns");
	struct metric_series before = { 0 }, after = { 0 };
	struct metric_differences found;

	(void)state;
	fill(&before, wall, 1e9, 1e6, 3);
	fill(&after, wall, 9e9, 1e6, 3);
	assert_int_equal(series_compare(&before, &after, &found), 0);
	assert_int_equal(row_of(&found, wall)->verdict, METRIC_TOO_FEW);
	vec_done(&found.rows);
	series_done(&before);
	series_done(&after);
}

static void a_busy_machine_is_no_slow_command(void **state)
{
	unsigned wall = metric_find("wall_ns"), runq = metric_find("runq_ns");
	struct metric_series before = { 0 }, after = { 0 };
	struct metric_differences found;

	(void)state;
	fill(&before, wall, 1e9, 1e6, 8);
	fill(&after, wall, 2e9, 1e6, 8);
	fill(&before, runq, 1e8, 1e6, 8);
	fill(&after, runq, 1.1e9, 1e6, 8);
	assert_int_equal(series_compare(&before, &after, &found), 0);
	assert_true(found.is_busier);
	vec_done(&found.rows);
	series_done(&before);
	series_done(&after);
}

static void a_summary_names_its_outliers(void **state)
{
	unsigned wall = metric_find("wall_ns");
	struct metric_series series = { 0 };
	struct metric_summary summary;

	(void)state;
	fill(&series, wall, 100, 1, 9);
	assert_int_equal(vec_push(&series.values[wall], 1000), 0);
	summary = series_summary(&series, wall);
	assert_int_equal(summary.outliers, 1);
	assert_true(summary.median > 104 && summary.median < 105);
	assert_true(summary.min == 100 && summary.max == 1000);
	series_done(&series);
}

static void names_lead_back_to_their_number(void **state)
{
	char name[48];

	(void)state;
	for (unsigned i = 0; i < METRICS_COUNT; i++)
		assert_int_equal(metric_find(metric_at(i, name).name), i);
	assert_int_equal(metric_find("nothing"), METRICS_COUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p_is_that_of_the_tables),
		cmocka_unit_test(ties_are_allowed_for),
		cmocka_unit_test(a_cause_is_told_from_noise),
		cmocka_unit_test(too_few_runs_show_nothing),
		cmocka_unit_test(a_busy_machine_is_no_slow_command),
		cmocka_unit_test(a_summary_names_its_outliers),
		cmocka_unit_test(names_lead_back_to_their_number),
	};

	return test_run(tests);
}
