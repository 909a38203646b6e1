/* SPDX-License-Identifier: MIT */
#include "base/test.h"

#include "model/records.test.h"
#include "report/totals.h"

static const char *const by_name[] = { "comm", NULL };
static const char *const by_file[] = { "file", "port", NULL };

static void add(struct totals *totals, const char *comm, uint64_t took, const char *const *group)
{
	struct made_record one = made_one();
	struct record record = made_record(&one);

	strcpy(one.event.comm, comm);
	one.took = took;
	assert_int_equal(totals_add(totals, &record, group), 0);
}

static void events_are_added_up_by_what_is_asked(void **state)
{
	struct totals totals = { 0 };
	uint32_t *order;

	(void)state;
	add(&totals, "a", 10, by_name);
	add(&totals, "b", 1, by_name);
	add(&totals, "b", ~0ull, by_name); /* not measured: counted, not added */
	add(&totals, "b", 2, by_name);
	assert_int_equal(totals.rows.len, 2);
	order = totals_order(&totals);
	assert_non_null(order);
	assert_int_equal(totals.rows.data[order[0]].count, 3);
	assert_int_equal(totals.rows.data[order[0]].sums[2], 3);
	assert_int_equal(totals.rows.data[order[1]].sums[2], 10);
	assert_false(totals_is_sum(schema_field(&made_schema, "error")));
	free(order);
	totals_done(&totals);
}

static void texts_are_keys_by_what_they_say(void **state)
{
	struct totals totals = { 0 };
	struct made_record one = made_one();
	struct record record = made_record(&one);

	(void)state;
	assert_int_equal(totals_add(&totals, &record, by_file), 0);
	one.texts[0] = 'g'; /* at the same place */
	assert_int_equal(totals_add(&totals, &record, by_file), 0);
	one.port = 81;
	assert_int_equal(totals_add(&totals, &record, by_file), 0);
	assert_int_equal(totals_add(&totals, &record, by_file), 0);
	assert_int_equal(totals.rows.len, 3);
	totals_done(&totals);
}

static void of_other_texts_the_last_stands(void **state)
{
	static const char *const by_port[] = { "port", NULL };
	struct totals totals = { 0 };
	struct record row;
	char text[RECORD_TEXT_BYTES];

	(void)state;
	add(&totals, "sh", 1, by_port);
	add(&totals, "gcc", 1, by_port);
	assert_int_equal(totals.rows.len, 1);
	row = totals_record(&totals.rows.data[0]);
	record_text(&row, schema_field(&made_schema, "comm"), text);
	assert_string_equal(text, "gcc");
	totals_done(&totals);
}

static void there_is_a_ceiling(void **state)
{
	struct totals totals = { 0 };
	struct made_record one = made_one();
	struct record record = made_record(&one);

	(void)state;
	for (uint32_t i = 0; i < TOTALS_ROWS_MAX + 5; i++) {
		snprintf(one.event.comm, sizeof(one.event.comm), "%u", i);
		assert_int_equal(totals_add(&totals, &record, by_name), 0);
	}
	assert_int_equal(totals.rows.len, TOTALS_ROWS_MAX);
	assert_int_equal(totals.refused, 5);
	totals_done(&totals);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_are_added_up_by_what_is_asked),
		cmocka_unit_test(texts_are_keys_by_what_they_say),
		cmocka_unit_test(of_other_texts_the_last_stands),
		cmocka_unit_test(there_is_a_ceiling),
	};

	return test_run(tests);
}
