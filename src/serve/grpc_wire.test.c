/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/test.h"
#include "serve/grpc_wire.h"

struct seen {
	char text[64];
	size_t count, bytes;
	bool is_enough;
};

static bool see(void *context, const uint8_t *bytes, size_t len)
{
	struct seen *seen = context;

	seen->count++;
	seen->bytes += len;
	if (len < 20)
		strncat(seen->text, (const char *)bytes, len);
	strcat(seen->text, "|");
	return !seen->is_enough;
}

static void messages_come_in_any_pieces(void **state)
{
	static const uint8_t bytes[] = "\0\0\0\0\2hi\0\0\0\0\0\0\0\0\0\5hello";
	const size_t len = sizeof(bytes) - 1;

	(void)state;
	for (size_t step = 1; step <= len; step++) {
		struct grpc_reader reader = { 0 };
		struct seen seen = { 0 };

		for (size_t at = 0; at < len; at += step)
			assert_int_equal(grpc_read(&reader, bytes + at,
						   len - at < step ? len - at : step, see, &seen),
					 GRPC_OK);
		assert_string_equal(seen.text, "hi||hello|");
		assert_true(grpc_read_is_whole(&reader));
		grpc_reader_done(&reader);
	}
}

static enum grpc_status read_one(const uint8_t *bytes, size_t len, bool gzip, struct seen *seen)
{
	struct grpc_reader reader = { .takes_gzip = gzip };
	enum grpc_status status = grpc_read(&reader, bytes, len, see, seen);

	grpc_reader_done(&reader);
	return status;
}

static void what_is_written_can_be_read(void **state)
{
	static const size_t lengths[] = { 0, 1, 255, 256, 5000, GRPC_MAX_MESSAGE };
	uint8_t *text = calloc(1, GRPC_MAX_MESSAGE);

	(void)state;
	for (size_t i = 0; i < array_len(lengths); i++)
		for (int gzip = 0; gzip < 2; gzip++) {
			struct grpc_bytes out = { 0 };
			struct seen seen = { 0 };

			assert_int_equal(grpc_write(&out, text, lengths[i], gzip), 0);
			assert_true(!gzip || lengths[i] < 256 || out.data.data[0] == 1);
			assert_int_equal(read_one(out.data.data, out.data.len, gzip, &seen), 0);
			assert_int_equal(seen.count, 1);
			assert_int_equal(seen.bytes, lengths[i]);
			vec_done(&out.data);
		}
	free(text);
}

static void ceilings_hold(void **state)
{
	static const uint8_t too_long[] = { 0, 0, 1, 0, 1 }, endless[] = { 0, 255, 255, 255, 255 };
	uint8_t *text = calloc(1, GRPC_MAX_MESSAGE + 1);
	struct grpc_bytes bomb = { 0 };
	struct seen seen = { 0 };

	(void)state;
	assert_int_equal(read_one(too_long, 5, false, &seen), GRPC_RESOURCE_EXHAUSTED);
	assert_int_equal(read_one(endless, 5, false, &seen), GRPC_RESOURCE_EXHAUSTED);
	assert_int_equal(grpc_write(&bomb, text, GRPC_MAX_MESSAGE + 1, true), 0);
	assert_int_equal(read_one(bomb.data.data, bomb.data.len, true, &seen),
			 GRPC_RESOURCE_EXHAUSTED);
	assert_int_equal(read_one(bomb.data.data, bomb.data.len, false, &seen), GRPC_UNIMPLEMENTED);
	bomb.data.data[20] ^= 0xff;
	assert_true(read_one(bomb.data.data, bomb.data.len, true, &seen) != GRPC_OK);
	bomb.data.data[0] = 7;
	assert_int_equal(read_one(bomb.data.data, bomb.data.len, true, &seen), GRPC_INTERNAL);
	assert_int_equal(seen.count, 0);
	vec_done(&bomb.data);
	free(text);
}

static void nothing_comes_behind_the_last(void **state)
{
	static const uint8_t two[] = "\0\0\0\0\1a\0\0\0\0\1b";
	struct seen seen = { .is_enough = true };

	(void)state;
	assert_int_equal(read_one(two, sizeof(two) - 1, false, &seen), GRPC_OK);
	assert_string_equal(seen.text, "a|");
}

static void timeouts_have_six_units(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = { { "1H", 3600 * NS_PER_S },
		     { "2M", 120 * NS_PER_S },
		     { "3S", 3 * NS_PER_S },
		     { "4m", 4 * NS_PER_MS },
		     { "5u", 5 * NS_PER_US },
		     { "6n", 6 },
		     { "0n", 0 },
		     { "99999999S", 99999999 * NS_PER_S } };
	static const char *const bad[] = { "",   "1",    "S",   "123456789S", "-1S",
					   "1s", "1.5S", " 1S", "1S " };
	uint64_t ns = 0;

	(void)state;
	for (size_t i = 0; i < array_len(good); i++) {
		assert_int_equal(grpc_timeout(good[i].text, strlen(good[i].text), &ns), 0);
		assert_true(ns == good[i].ns);
	}
	assert_int_equal(grpc_timeout("99999999H", 9, &ns), 0);
	assert_true(ns >= UINT64_MAX / 5);
	for (size_t i = 0; i < array_len(bad); i++)
		assert_int_equal(grpc_timeout(bad[i], strlen(bad[i]), &ns), -EINVAL);
}

static void texts_are_plain(void **state)
{
	char out[16];

	(void)state;
	grpc_put_text(out, sizeof(out), "a b%\xc3\xa4");
	assert_string_equal(out, "a b%25%C3%A4");
	grpc_put_text(out, 6, "ab\n\n");
	assert_string_equal(out, "ab%0A");
	grpc_put_text(out, 1, "ab");
	assert_string_equal(out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_come_in_any_pieces),
		cmocka_unit_test(what_is_written_can_be_read),
		cmocka_unit_test(ceilings_hold),
		cmocka_unit_test(nothing_comes_behind_the_last),
		cmocka_unit_test(timeouts_have_six_units),
		cmocka_unit_test(texts_are_plain),
	};

	return test_run(tests);
}
