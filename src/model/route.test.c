/* SPDX-License-Identifier: MIT */
#include "model/route.h"

#include <string.h>

#include "base/test.h"

static void expect(const char *line, const char *route)
{
	char found[ROUTE_BYTES];

	assert_true(route_fold(line, strlen(line), found));
	assert_true(strcmp(found, route) == 0);
}

static void expect_none(const char *line)
{
	char found[ROUTE_BYTES];

	assert_true(!route_fold(line, strlen(line), found));
}

static void test_ids(void **state)
{
	(void)state;
	expect("GET / HTTP/1.1\r\n", "GET /");
	expect("GET /users/4711/orders?page=2 HTTP/1.1\r\n", "GET /users/{number}/orders");
	expect("DELETE /a/0f8fad5b-d9cb-469f-a165-70867728950e HTTP/1.1", "DELETE /a/{uuid}");
	expect("GET /blobs/da39a3ee5e6b4b0d HTTP/1.1", "GET /blobs/{hex}");
	expect("GET /facade/deadbeefs HTTP/1.1", "GET /facade/deadbeefs");
	expect("GET /cafebabe/ HTTP/1.1", "GET /cafebabe/"); /* a word: no digit */
	expect("GET /k/zq81TTx93kfQ2aab HTTP/1.1", "GET /k/{id}");
	expect("GET /v1/items/7.json HTTP/1.1", "GET /v1/items/{number}.json");
	expect("GET //a//7 HTTP/1.1", "GET //a//{number}");
}

static void test_forms(void **state)
{
	(void)state;
	expect("OPTIONS * HTTP/1.1\r\n", "OPTIONS *");
	expect("GET http://example.org:80/a/1?b HTTP/1.1\r\n", "GET /a/{number}");
	expect("GET /a#b HTTP/1.0\n", "GET /a");
	expect("GET /a/12", "GET /a/...");
	expect("GET /a?q=12", "GET /a");
	expect_none("");
	expect_none("GET");
	expect_none("GET  HTTP/1.1");
	expect_none("GETTER / HTTP/1.1");
	expect_none("PRI * HTTP/2.0\r\n");
}

/* A line of the greatest length, of segments that become longer. */
static void test_room(void **state)
{
	(void)state;
	char line[160] = "GET ", found[ROUTE_BYTES];

	for (size_t i = 4; i < sizeof(line); i += 2)
		memcpy(line + i, "/1", 2);
	assert_true(route_fold(line, sizeof(line), found));
	assert_true(strlen(found) == ROUTE_BYTES - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
