/* SPDX-License-Identifier: MIT */
#include "base/test.h"

#include <errno.h>
#include <string.h>

#include "store/rollup.h"

static void what_is_packed_is_read_again(void **state)
{
	struct histogram in = { 0 }, out = { 0 };
	uint8_t packed[ROLLUP_PACKED_BYTES];
	size_t len;

	(void)state;
	assert_int_equal(rollup_pack(&in, packed), 0);
	for (uint64_t value = 1; value < UINT64_MAX / 3; value *= 3)
		in.buckets[histogram_bucket(value)] += value;
	in.buckets[0] = 1;
	in.buckets[HISTOGRAM_BUCKETS - 1] = UINT64_MAX;
	len = rollup_pack(&in, packed);
	assert_int_equal(rollup_unpack(packed, len, &out), 0);
	assert_memory_equal(in.buckets, out.buckets, sizeof(in.buckets));
	/* Cut anywhere, it is refused or fewer buckets, never more. */
	for (size_t i = 0; i < len; i++) {
		int err = rollup_unpack(packed, i, &out);

		assert_true(err == 0 || err == -EUCLEAN);
	}
	memset(packed, 0xff, sizeof(packed));
	assert_int_equal(rollup_unpack(packed, sizeof(packed), &out), -EUCLEAN);
	packed[0] = 0;
	packed[1] = 1;
	packed[2] = 0xff, packed[3] = 1; /* 255 are skipped */
	packed[4] = 1;
	assert_int_equal(rollup_unpack(packed, 5, &out), -EUCLEAN);
}

static void every_value_is_below_the_bound_it_is_counted_for(void **state)
{
	(void)state;
	for (uint64_t value = 1; value < 1ull << 40; value = value * 2 + value / 3 + 1) {
		uint64_t buckets[HISTOGRAM_BUCKETS] = { 0 }, below[ROLLUP_BOUNDS];

		buckets[histogram_bucket(value)] = 1;
		rollup_below(buckets, below);
		for (size_t i = 0; i < ROLLUP_BOUNDS; i++)
			assert_int_equal(below[i], value <= rollup_bound(i));
	}
}

static void labels_are_harmless(void **state)
{
	char labels[ROLLUP_LABELS_BYTES] = "", wanted[ROLLUP_LABELS_BYTES * 2];
	char large[1000];

	(void)state;
	rollup_put_label(labels, "a", "b\"c\\d\ne");
	assert_string_equal(labels, "a=\"b\\\"c\\\\d\\ne\"");
	rollup_put_label(labels, "x", "\xff");
	snprintf(wanted, sizeof(wanted), "%s", "a=\"b\\\"c\\\\d\\ne\",x=\"\xef\xbf\xbd\"");
	assert_string_equal(labels, wanted);
	memset(large, 'y', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	rollup_put_label(labels, "z", large);
	assert_int_equal(labels[strlen(labels) - 1], '"');
	rollup_put_label(labels, "there is no room", large);
	assert_int_equal(labels[strlen(labels) - 1], '"');
	assert_null(strstr(labels, "room"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_packed_is_read_again),
		cmocka_unit_test(every_value_is_below_the_bound_it_is_counted_for),
		cmocka_unit_test(labels_are_harmless),
	};

	return test_run(tests);
}
