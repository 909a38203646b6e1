/* SPDX-License-Identifier: MIT */
/* system.c - CPU time of which about two thirds are spent in the kernel, reading /dev/zero.
 *
 *     system CPU_SECONDS
 *
 * Prints the CPU time inside and outside of read(), by the thread's own clock, and that of the process.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double now(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

__attribute__((noipa, noinline)) uint64_t spin(uint64_t seed)
{
	for (int i = 0; i < 15000; i++)
		seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed;
}

int main(int argc, char **argv)
{
	static char buffer[4 << 20];
	int zero = open("/dev/zero", O_RDONLY);
	double until = argc > 1 ? atof(argv[1]) : 0, system = 0, user = 0;
	uint64_t seed = 1;

	if (read(zero, buffer, sizeof(buffer)) != sizeof(buffer)) /* page faults come first */
		return 1;
	while (system + user < until) {
		double start = now(CLOCK_THREAD_CPUTIME_ID), middle;

		/* A random number of units, so that no sampling clock runs in step. */
		for (uint64_t i = 0; i <= (seed >> 33) % 4; i++)
			seed = spin(seed);
		middle = now(CLOCK_THREAD_CPUTIME_ID);
		if (read(zero, buffer, sizeof(buffer)) != sizeof(buffer))
			return 1;
		user += middle - start;
		system += now(CLOCK_THREAD_CPUTIME_ID) - middle;
	}
	printf("{\"system_seconds\":%f,\"user_seconds\":%f,\"cpu_seconds\":%f,\"sum\":%lu}\n",
	       system, user, now(CLOCK_PROCESS_CPUTIME_ID), seed);
	return 0;
}
