/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/hash.h"
#include "base/test.h"

#define MANY 200000u

static bool number_same(const void *owner, uint32_t entry, const void *key)
{
	return ((const uint64_t *)owner)[entry] == *(const uint64_t *)key;
}

/* A weak hash on purpose: every key shares its place with others. */
static uint64_t weak(uint64_t key)
{
	return (key % 1000) << 32;
}

static void finds_every_key_again(void **state)
{
	uint64_t *keys = calloc(MANY, sizeof(*keys));
	struct index index = { 0 };

	(void)state;
	assert_non_null(keys);
	for (uint32_t i = 0; i < MANY; i++) {
		keys[i] = i * 7919ull;
		assert_int_equal(index_add(&index, hash_mix(0, keys[i]), i), 0);
	}
	assert_int_equal(index.len, MANY);
	for (uint32_t i = 0; i < MANY; i++) {
		uint64_t absent = keys[i] + 1;

		assert_int_equal(
			index_find(&index, hash_mix(0, keys[i]), number_same, keys, &keys[i]), i);
		assert_int_equal(
			index_find(&index, hash_mix(0, absent), number_same, keys, &absent),
			INDEX_NONE);
	}
	index_done(&index);
	free(keys);
}

static void tells_equal_hashes_apart(void **state)
{
	uint64_t keys[5000];
	struct index index = { 0 };

	(void)state;
	for (uint32_t i = 0; i < array_len(keys); i++) {
		keys[i] = i;
		assert_int_equal(index_add(&index, weak(i), i), 0);
	}
	for (uint64_t i = 0; i < array_len(keys); i++)
		assert_int_equal(index_find(&index, weak(i), number_same, keys, &i), i);
	index_done(&index);
}

/* Chains that run over the end of the table go on at its beginning. */
static void wraps_around(void **state)
{
	uint64_t keys[40];
	struct index index = { 0 };

	(void)state;
	for (uint32_t i = 0; i < array_len(keys); i++) {
		keys[i] = i;
		assert_int_equal(index_add(&index, UINT64_MAX, i), 0);
	}
	for (uint64_t i = 0; i < array_len(keys); i++)
		assert_int_equal(index_find(&index, UINT64_MAX, number_same, keys, &i), i);
	index_done(&index);
}

static void empty_and_cleared_find_nothing(void **state)
{
	struct index index = { 0 };
	uint64_t keys[1] = { 5 };

	(void)state;
	assert_int_equal(index_find(&index, 5, number_same, keys, keys), INDEX_NONE);
	index_clear(&index);
	assert_int_equal(index_add(&index, 5, 0), 0);
	assert_int_equal(index_find(&index, 5, number_same, keys, keys), 0);
	index_clear(&index);
	assert_int_equal(index.len, 0);
	assert_int_equal(index_find(&index, 5, number_same, keys, keys), INDEX_NONE);
	index_done(&index);
	index_done(&index);
}

static void hash_depends_on_every_byte(void **state)
{
	unsigned char bytes[33] = { 0 };

	(void)state;
	for (size_t len = 0; len < sizeof(bytes); len++) {
		uint64_t hash = hash_bytes(bytes, len, 1);

		assert_true(hash == hash_bytes(bytes, len, 1));
		assert_true(hash != hash_bytes(bytes, len, 2));
		assert_true(hash != hash_bytes(bytes, len + 1, 1)); /* zeros, but one more */
		for (size_t i = 0; i < len; i++) {
			bytes[i] ^= 1;
			assert_true(hash != hash_bytes(bytes, len, 1));
			bytes[i] ^= 1;
		}
	}
}

/* The high half gives the place, so it must spread; 64 buckets, 6,400 keys, 100 expected in each. */
static void high_half_spreads(void **state)
{
	uint32_t buckets[64] = { 0 };

	(void)state;
	for (uint64_t i = 0; i < 6400; i++)
		buckets[(hash_mix(0, i << 4) >> 32) & 63]++;
	for (size_t i = 0; i < 64; i++)
		assert_in_range(buckets[i], 50, 150);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_every_key_again),
		cmocka_unit_test(tells_equal_hashes_apart),
		cmocka_unit_test(wraps_around),
		cmocka_unit_test(empty_and_cleared_find_nothing),
		cmocka_unit_test(hash_depends_on_every_byte),
		cmocka_unit_test(high_half_spreads),
	};

	return test_run(tests);
}
