/* SPDX-License-Identifier: MIT */
#include "elf/inflate.h"

#include <errno.h>
#include <lzma.h>
#include <string.h>
#include <zlib.h>

#include "base/test.h"

#define PLAIN_BYTES 300000u

static uint8_t plain[PLAIN_BYTES], packed[PLAIN_BYTES * 2];

/* Half noise, half repetition. */
static void fill_plain(void)
{
	unsigned random = 3;

	for (size_t i = 0; i < sizeof(plain); i++)
		plain[i] = (uint8_t)(i / 1000 % 2 ? rand_r(&random) : (int)(i % 7));
}

static struct source source_of(const void *bytes, size_t len)
{
	struct source source;

	assert_int_equal(source_open(&source, test_file(bytes, len)), 0);
	return source;
}

static size_t pack_zlib(size_t len)
{
	uLongf got = sizeof(packed);

	fill_plain();
	assert_int_equal(compress2(packed, &got, plain, len, 6), Z_OK);
	return got;
}

static size_t pack_xz(size_t len)
{
	size_t got = 0;

	fill_plain();
	assert_int_equal(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC32, NULL, plain, len, packed,
						 &got, sizeof(packed)),
			 LZMA_OK);
	return got;
}

static void unpacks_zlib_to_its_exact_length(void **state)
{
	static const size_t lengths[] = { 1, 100, 16384, 65536, PLAIN_BYTES };
	static uint8_t result[PLAIN_BYTES + 1];

	(void)state;
	for (size_t i = 0; i < array_len(lengths); i++) {
		size_t len = lengths[i], bytes = pack_zlib(len);
		struct source source = source_of(packed, bytes);

		memset(result, 0, sizeof(result));
		assert_int_equal(inflate_zlib(&source, 0, bytes, result, len), 0);
		assert_memory_equal(result, plain, len);
		assert_int_equal(inflate_zlib(&source, 0, bytes, result, len + 1), -EBADMSG);
		assert_int_equal(inflate_zlib(&source, 0, bytes, result, len - 1), -EBADMSG);
		assert_int_equal(inflate_zlib(&source, 0, bytes - 1, result, len), -EBADMSG);
		assert_int_equal(inflate_zlib(&source, 0, bytes + 1, result, len), -ENODATA);
		source_done(&source);
	}
}

static void refuses_damaged_zlib(void **state)
{
	static uint8_t result[PLAIN_BYTES];
	size_t bytes = pack_zlib(PLAIN_BYTES);
	struct source source;

	(void)state;
	packed[bytes / 2] ^= 0x55;
	source = source_of(packed, bytes);
	assert_int_equal(inflate_zlib(&source, 0, bytes, result, PLAIN_BYTES), -EBADMSG);
	assert_int_equal(inflate_zlib(&source, 0, 0, result, PLAIN_BYTES), -EBADMSG);
	source_done(&source);
}

static void unpacks_xz(void **state)
{
	static const size_t lengths[] = { 1, 65536, PLAIN_BYTES };

	(void)state;
	for (size_t i = 0; i < array_len(lengths); i++) {
		size_t len = lengths[i], bytes = pack_xz(len), got = 0;
		struct source source = source_of(packed, bytes);
		void *result = NULL;

		assert_int_equal(inflate_xz(&source, 0, bytes, 1 << 20, &result, &got), 0);
		assert_int_equal(got, len);
		assert_memory_equal(result, plain, len);
		free(result);
		assert_int_equal(inflate_xz(&source, 0, bytes, len, &result, &got), 0);
		free(result);
		assert_int_equal(inflate_xz(&source, 0, bytes - 1, 1 << 20, &result, &got),
				 -EBADMSG);
		assert_int_equal(inflate_xz(&source, 0, bytes + 1, 1 << 20, &result, &got),
				 -ENODATA);
		source_done(&source);
	}
}

static void unpacks_no_more_than_it_may(void **state)
{
	size_t bytes = pack_xz(PLAIN_BYTES), got;
	struct source source = source_of(packed, bytes);
	void *result;

	(void)state;
	assert_int_equal(inflate_xz(&source, 0, bytes, PLAIN_BYTES - 1, &result, &got), -E2BIG);
	source_done(&source);
}

static void refuses_damaged_xz(void **state)
{
	size_t bytes = pack_xz(PLAIN_BYTES), got;
	struct source source;
	void *result;

	(void)state;
	packed[bytes / 2] ^= 0x55;
	source = source_of(packed, bytes);
	assert_int_equal(inflate_xz(&source, 0, bytes, 1 << 20, &result, &got), -EBADMSG);
	assert_int_equal(inflate_xz(&source, 0, 0, 1 << 20, &result, &got), -EBADMSG);
	source_done(&source);
}

/* The head of a stream made with `xz --lzma2=dict=1536MiB`: it asks for 1.5 GB before it gives
 * anything.
 */
static void refuses_xz_that_asks_for_too_much_memory(void **state)
{
	lzma_options_lzma options;
	lzma_filter filters[] = { { LZMA_FILTER_LZMA2, &options }, { LZMA_VLI_UNKNOWN, NULL } };
	lzma_block block = { .check = LZMA_CHECK_NONE,
			     .filters = filters,
			     .compressed_size = 20,
			     .uncompressed_size = 20 };
	lzma_stream_flags flags = { .check = LZMA_CHECK_NONE };
	struct source source;
	void *result;
	size_t got;

	(void)state;
	assert_false(lzma_lzma_preset(&options, 0));
	options.dict_size = 1536u << 20;
	assert_int_equal(lzma_stream_header_encode(&flags, packed), LZMA_OK);
	assert_int_equal(lzma_block_header_size(&block), LZMA_OK);
	assert_int_equal(lzma_block_header_encode(&block, packed + LZMA_STREAM_HEADER_SIZE),
			 LZMA_OK);
	source = source_of(packed, 1000);
	assert_int_equal(inflate_xz(&source, 0, 1000, 1 << 20, &result, &got), -E2BIG);
	source_done(&source);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unpacks_zlib_to_its_exact_length),
		cmocka_unit_test(refuses_damaged_zlib),
		cmocka_unit_test(unpacks_xz),
		cmocka_unit_test(unpacks_no_more_than_it_may),
		cmocka_unit_test(refuses_damaged_xz),
		cmocka_unit_test(refuses_xz_that_asks_for_too_much_memory),
	};

	return test_run(tests);
}
