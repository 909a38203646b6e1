/* SPDX-License-Identifier: MIT */
/* stacks.c - a load with stacks of one depth, of which any number are distinct.
 *
 *     stacks DEPTH DISTINCT SECONDS
 *
 * Each unit of work (some 10 us) draws a number below DISTINCT by lot and goes down DEPTH calls,
 * through `left` or `right` as the bits of the number say.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define API __attribute__((noipa, noinline))

uint64_t left(uint64_t path, unsigned depth);
uint64_t right(uint64_t path, unsigned depth);

API static uint64_t spin(uint64_t seed)
{
	__asm__ volatile("" : : "r"(__builtin_frame_address(0))); /* a leaf has no frame else */
	for (int i = 0; i < 8000; i++)
		seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed;
}

static uint64_t down(uint64_t path, unsigned depth)
{
	if (!depth)
		return spin(path);
	return path & 1 ? right(path >> 1, depth - 1) : left(path >> 1, depth - 1);
}

API uint64_t left(uint64_t path, unsigned depth)
{
	return down(path, depth) + 1;
}

API uint64_t right(uint64_t path, unsigned depth)
{
	return down(path, depth) + 2;
}

int main(int argc, char **argv)
{
	unsigned depth = argc > 1 ? (unsigned)atoi(argv[1]) : 8;
	uint64_t distinct = argc > 2 ? strtoull(argv[2], NULL, 10) : 1, sum = 0, lot = 1;
	time_t end = time(NULL) + (argc > 3 ? atoi(argv[3]) : 5);

	while (time(NULL) < end) {
		lot = lot * 6364136223846793005u + 1442695040888963407u;
		sum += down((lot >> 33) % distinct, depth);
	}
	printf("%lu\n", sum);
	return 0;
}
