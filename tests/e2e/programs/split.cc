// SPDX-License-Identifier: MIT
// split.cc - split.c in C++: the three are a template, a method and a lambda's owner.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#define API __attribute__((noipa, noinline))

namespace load {

API uint64_t work(uint64_t seed)
{
	__asm__ volatile("" : : "r"(__builtin_frame_address(0))); /* a leaf has no frame else */
	for (int i = 0; i < 16000; i++)
		seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed;
}

template <typename Number> API Number seventy(Number seed)
{
	return work(seed) + 70;
}

struct Worker {
	uint64_t sum = 0;
	API void twenty(uint64_t seed)
	{
		sum += work(seed) + 20;
	}
	API void ten(uint64_t seed)
	{
		sum += work(seed) + 10;
	}
};

}

static double cpu_seconds()
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int, char **argv)
{
	uint64_t lot = 1, seventy = 0, twenty = 0, ten = 0;
	double until = atof(argv[1]), began = cpu_seconds();
	load::Worker worker;

	for (unsigned i = 0; i % 64 || cpu_seconds() < until; i++) {
		lot = lot * 6364136223846793005u + 1442695040888963407u;
		uint64_t drawn = (lot >> 33) % 10;
		if (drawn < 7)
			seventy++, worker.sum += load::seventy<uint64_t>(lot);
		else if (drawn < 9)
			twenty++, worker.twenty(lot);
		else
			ten++, worker.ten(lot);
	}
	double inside = cpu_seconds() - began;
	printf("{\"seventy\":%lu,\"twenty\":%lu,\"ten\":%lu,\"inside_seconds\":%f,"
	       "\"cpu_seconds\":%f,\"sum\":%lu}\n",
	       seventy, twenty, ten, inside, cpu_seconds(), worker.sum);
}
