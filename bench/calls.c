/* SPDX-License-Identifier: MIT */
/* calls - what a system call takes: batches of getppid(), which does next to nothing.
 *
 * usage: calls SECONDS [open PATH]
 *
 * Prints nanoseconds per call: the fastest batch, the median batch.  With a path: an open() that fails or
 * is closed again, as one call.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/vec.h"

#define BATCH 100

static int order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void call(const char *path)
{
	int fd;

	if (!path) {
		syscall(SYS_getppid);
		return;
	}
	fd = open(path, O_RDONLY);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 1;
	const char *path = argc > 3 ? argv[3] : NULL;
	uint64_t end = clock_mono_ns() + (uint64_t)(seconds * NS_PER_S), before, after;
	vec(double) batches = { 0 };

	do {
		before = clock_mono_ns();
		for (int i = 0; i < BATCH; i++)
			call(path);
		after = clock_mono_ns();
		if (vec_push(&batches, (double)(after - before) / BATCH))
			return 1;
	} while (after < end);
	qsort(batches.data, batches.len, sizeof(double), order);
	printf("%.1f %.1f %zu\n", batches.data[0], batches.data[batches.len / 2],
	       batches.len * BATCH);
	vec_done(&batches);
	return 0;
}
