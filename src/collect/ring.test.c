/* SPDX-License-Identifier: MIT */
/* Rings in memory; the test writes as the kernel does. */
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#include "base/test.h"
#include "collect/ring.h"

#define BYTES 256

struct fixture {
	struct ring ring;
	uint64_t consumer, producer;
	uint8_t data[BYTES] __attribute__((aligned(8)));
	size_t seen, lens[16];
	uint8_t firsts[16], lasts[16];
	int fail_at;     /* of what was seen; 0: never */
	bool is_flooded; /* each record that is read brings a new one */
};

static void start(struct fixture *fixture, uint64_t at)
{
	*fixture = (struct fixture){ .consumer = at, .producer = at };
	fixture->ring = (struct ring){ .consumer = &fixture->consumer,
				       .producer = &fixture->producer,
				       .data = fixture->data,
				       .bytes = BYTES };
}

/* Bytes of a value each. */
static void put(struct fixture *fixture, size_t len, uint8_t value, uint32_t flags)
{
	uint32_t head[2] = { (uint32_t)len | flags, 0 };

	memcpy(fixture->data + fixture->producer % BYTES, head, sizeof(head));
	for (size_t i = 0; i < len; i++)
		fixture->data[(fixture->producer + BPF_RINGBUF_HDR_SZ + i) % BYTES] = value;
	fixture->producer += (BPF_RINGBUF_HDR_SZ + len + 7) / 8 * 8;
}

static int see(void *context, const void *bytes, size_t len)
{
	struct fixture *fixture = context;
	const uint8_t *of = bytes;

	fixture->lens[fixture->seen] = len;
	fixture->firsts[fixture->seen] = of[0];
	fixture->lasts[fixture->seen++] = of[len - 1];
	if (fixture->is_flooded && fixture->seen < 16)
		put(fixture, 8, 99, 0);
	return fixture->fail_at && fixture->seen == (size_t)fixture->fail_at ? -EPIPE : 0;
}

static bool read_all(struct fixture *fixture)
{
	bool is_whole;

	assert_int_equal(ring_read(&fixture->ring, see, fixture, &is_whole), 0);
	return is_whole;
}

static void in_order(void **state)
{
	struct fixture fixture;

	(void)state;
	start(&fixture, 7 * BYTES + BYTES - 40);
	put(&fixture, 3, 1, 0);
	put(&fixture, 33, 2, 0);
	put(&fixture, 8, 3, 0);
	assert_true(read_all(&fixture));
	assert_int_equal(fixture.seen, 3);
	assert_int_equal(fixture.lens[1], 33);
	for (int i = 0; i < 3; i++)
		assert_true(fixture.firsts[i] == i + 1 && fixture.lasts[i] == i + 1);
	assert_int_equal(fixture.consumer, fixture.producer);
	assert_true(read_all(&fixture));
	assert_int_equal(fixture.seen, 3);
	vec_done(&fixture.ring.wrapped);
}

static void given_up_and_being_written(void **state)
{
	struct fixture fixture;
	uint64_t at;

	(void)state;
	start(&fixture, 0);
	put(&fixture, 8, 1, BPF_RINGBUF_DISCARD_BIT);
	put(&fixture, 8, 2, 0);
	at = fixture.producer;
	put(&fixture, 8, 3, BPF_RINGBUF_BUSY_BIT);
	put(&fixture, 8, 4, 0);
	assert_true(!read_all(&fixture));
	assert_int_equal(fixture.seen, 1);
	assert_int_equal(fixture.consumer, at);
	memcpy(fixture.data + at, &(uint32_t){ 8 }, sizeof(uint32_t));
	assert_true(read_all(&fixture));
	assert_int_equal(fixture.seen, 3);
	assert_int_equal(fixture.firsts[2], 4);
}

static void a_flood(void **state)
{
	struct fixture fixture;

	(void)state;
	start(&fixture, 0);
	fixture.is_flooded = true;
	put(&fixture, 8, 1, 0);
	put(&fixture, 8, 2, 0);
	assert_true(read_all(&fixture));
	assert_int_equal(fixture.seen, 2);
	assert_true(fixture.consumer < fixture.producer);
}

static void an_error_of_the_reader(void **state)
{
	struct fixture fixture;
	bool is_whole;

	(void)state;
	start(&fixture, 0);
	put(&fixture, 8, 1, 0);
	put(&fixture, 8, 2, 0);
	fixture.fail_at = 1;
	assert_int_equal(ring_read(&fixture.ring, see, &fixture, &is_whole), -EPIPE);
	assert_true(read_all(&fixture));
	assert_int_equal(fixture.seen, 2);
	assert_int_equal(fixture.firsts[1], 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order),
		cmocka_unit_test(given_up_and_being_written),
		cmocka_unit_test(a_flood),
		cmocka_unit_test(an_error_of_the_reader),
	};

	return test_run(tests);
}
