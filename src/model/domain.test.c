/* SPDX-License-Identifier: MIT */
#include "model/domain.h"

#include <string.h>

#include "base/test.h"

static void says(const char *bytes, size_t len, const char *wanted)
{
	char text[4 * 255 + 2];

	domain_text((const uint8_t *)bytes, len, text);
	assert_string_equal(text, wanted);
}

#define SAYS(bytes, wanted) says(bytes, sizeof(bytes) - 1, wanted)

static void names(void **state)
{
	(void)state;
	SAYS("\3www\7example\3com\0", "www.example.com");
	SAYS("\0", ".");
	SAYS("\1a\0", "a");
	SAYS("", "");
}

static void hostile_bytes(void **state)
{
	(void)state;
	SAYS("\5a.b\\c\0", "a\\.b\\\\c");
	SAYS("\4\n\0 \x1b\3com\0", "\\010\\000\\032\\027.com");
	SAYS("\2\xff<\0", "\\255<");
}

static void cut_or_broken(void **state)
{
	(void)state;
	SAYS("\3www\7exam", "www.exam");
	SAYS("\3www\xc0\x0c", "www"); /* a pointer has no place in a question */
	SAYS("\77", "");
	SAYS("\3www\100abc", "www");
}

static void the_longest(void **state)
{
	char bytes[255], text[4 * 255 + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = i % 64 ? (char)0xff : 63;
	domain_text((const uint8_t *)bytes, sizeof(bytes), text);
	assert_int_equal(strlen(text), 251 * 4 + 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(hostile_bytes),
		cmocka_unit_test(cut_or_broken),
		cmocka_unit_test(the_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
