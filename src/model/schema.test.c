/* SPDX-License-Identifier: MIT */
#include "base/test.h"

#include "model/records.test.h"

static const char *text_of(const struct record *record, const char *name)
{
	static char text[RECORD_TEXT_BYTES];

	record_text(record, schema_field(record->schema, name), text);
	return text;
}

static uint64_t number_of(const struct record *record, const char *name)
{
	return record_u64(record, schema_field(record->schema, name));
}

static bool has(const struct record *record, const char *name)
{
	return record_has(record, schema_field(record->schema, name));
}

static void fields_are_read_by_their_kind(void **state)
{
	struct made_record one = made_one();
	struct record record = made_record(&one);

	(void)state;
	assert_true(record_is_whole(&record));
	assert_null(schema_field(&made_schema, "nothing"));
	assert_int_equal(number_of(&record, "took"), 1500);
	assert_int_equal((int64_t)number_of(&record, "below"), -3);
	assert_string_equal(record_enum(&record, schema_field(&made_schema, "mode")), "half on");
	assert_string_equal(text_of(&record, "comm"), "me");
	assert_string_equal(text_of(&record, "address"), "127.0.0.1");
	assert_string_equal(text_of(&record, "file"), "f,\n");
	assert_string_equal(text_of(&record, "words"), "a  c d");
	assert_string_equal(text_of(&record, "path"), "/x/yz");
	one.path.bytes = 0;
	assert_string_equal(text_of(&record, "path"), "/");
	one.address = (struct net_address){ { [15] = 1 } };
	assert_string_equal(text_of(&record, "address"), "::1");
	one.mode = 9;
	assert_string_equal(record_enum(&record, schema_field(&made_schema, "mode")), "");
}

static void what_was_not_measured_is_told(void **state)
{
	struct made_record one = made_one();
	struct record record = made_record(&one);

	(void)state;
	assert_true(has(&record, "took") && has(&record, "port") && has(&record, "address") &&
		    has(&record, "file") && has(&record, "comm"));
	one.took = ~0ull;
	one.port = 0;
	one.address = (struct net_address){ 0 };
	one.file.bytes = 0;
	one.event.comm[0] = '\0';
	assert_false(has(&record, "took") || has(&record, "port") || has(&record, "address") ||
		     has(&record, "file") || has(&record, "comm"));
}

static void texts_outside_the_record_are_refused(void **state)
{
	struct made_record one = made_one();
	struct record record = made_record(&one);

	(void)state;
	one.file.at = 3; /* in the struct itself */
	assert_false(record_is_whole(&record));
	one = made_one();
	one.words.bytes = 65535;
	assert_false(record_is_whole(&record));
	one = made_one();
	one.path.at = sizeof(one) - 1;
	assert_false(record_is_whole(&record));
	one = made_one();
	record.len = MADE_SIZE - 1;
	assert_false(record_is_whole(&record));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_read_by_their_kind),
		cmocka_unit_test(what_was_not_measured_is_told),
		cmocka_unit_test(texts_outside_the_record_are_refused),
	};

	return test_run(tests);
}
