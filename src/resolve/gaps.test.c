/* SPDX-License-Identifier: MIT */
#include "resolve/gaps.h"

#include <string.h>

#include "base/test.h"

static void add(struct gaps *gaps, struct gap gap)
{
	assert_int_equal(gaps_add(gaps, &gap), 0);
}

static void tell(struct gaps *gaps, struct coverage *coverage)
{
	assert_int_equal(gaps_tell(gaps, coverage), 0);
}

#define sentence(coverage, i) ((coverage).not_measured.data[i])

static void adds_up_what_lies_in_one_place(void **state)
{
	struct coverage coverage = { 0 };
	struct gaps gaps = { 0 };

	(void)state;
	add(&gaps, (struct gap){ .where = "/lib/a", .addresses = 2, .kind = FRAME_USER });
	add(&gaps, (struct gap){ .where = "/lib/b", .addresses = 3, .kind = FRAME_USER });
	add(&gaps, (struct gap){ .where = "/lib/a", .addresses = 2, .kind = FRAME_USER });
	add(&gaps, (struct gap){ .where = "/lib/a", .err = -ENOENT, .addresses = 1 });
	tell(&gaps, &coverage);
	assert_int_equal(coverage.not_measured.len, 3);
	assert_string_equal(sentence(coverage, 0),
			    "names of 4 addresses in /lib/a: no symbol is there; a package of its "
			    "debug symbols would name them");
	assert_non_null(strstr(sentence(coverage, 1), "names of 3 addresses in /lib/b:"));
	assert_string_equal(sentence(coverage, 2),
			    "names of 1 address in /lib/a: the file is gone");
	gaps_done(&gaps);
	coverage_done(&coverage);
}

/* Symbols may be missing and inlined calls be refused in one file: both are said. */
static void tells_of_refused_units_too(void **state)
{
	struct coverage coverage = { 0 };
	struct gaps gaps = { 0 };

	(void)state;
	add(&gaps, (struct gap){ .where = "/a", .addresses = 1, .refused = 1, .kind = FRAME_USER });
	add(&gaps, (struct gap){ .where = "/b", .refused = 7, .kind = FRAME_USER });
	add(&gaps, (struct gap){ .where = "/c", .err = -ENOTSUP, .kind = FRAME_USER });
	tell(&gaps, &coverage);
	assert_int_equal(coverage.not_measured.len, 4);
	assert_non_null(strstr(sentence(coverage, 0), "names of 1 address in /a"));
	assert_non_null(strstr(sentence(coverage, 1), "inlined calls of 1 compile unit of /a"));
	assert_non_null(strstr(sentence(coverage, 2), "inlined calls of 7 compile units of /b"));
	assert_non_null(strstr(sentence(coverage, 3), "inlined calls and source lines of /c"));
	gaps_done(&gaps);
	coverage_done(&coverage);
}

static void tells_the_largest_and_counts_the_rest(void **state)
{
	struct coverage coverage = { 0 };
	struct gaps gaps = { 0 };
	char where[16];

	(void)state;
	for (unsigned i = 1; i <= 20; i++) {
		sprintf(where, "/lib/%u", i);
		add(&gaps, (struct gap){ .where = where, .addresses = i, .kind = FRAME_USER });
	}
	tell(&gaps, &coverage);
	assert_int_equal(coverage.not_measured.len, GAPS_MAX_TOLD + 1);
	assert_non_null(strstr(sentence(coverage, 0), "/lib/20:"));
	assert_string_equal(sentence(coverage, GAPS_MAX_TOLD),
			    "names of 78 addresses in 12 further places");
	gaps_done(&gaps);
	coverage_done(&coverage);
}

static void says_nothing_of_nothing(void **state)
{
	struct coverage coverage = { 0 };
	struct gaps gaps = { 0 };

	(void)state;
	tell(&gaps, &coverage);
	assert_int_equal(coverage.not_measured.len, 0);
	gaps_done(&gaps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adds_up_what_lies_in_one_place),
		cmocka_unit_test(tells_of_refused_units_too),
		cmocka_unit_test(tells_the_largest_and_counts_the_rest),
		cmocka_unit_test(says_nothing_of_nothing),
	};

	return test_run(tests);
}
