/* SPDX-License-Identifier: MIT */
/* run-times.c - how long single runs of a BPF program take: median and 99th percentile.
 *
 *     run-times NAME SECONDS LEAST_NS
 *
 * The kernel counts runs and their time (kernel.bpf_stats_enabled); looked at often enough, most looks
 * find one run more.  Runs shorter than LEAST_NS are left out: they found that nothing was wanted.
 * Prints {"runs":N,"median_ns":N,"p99_ns":N}.
 */
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RUNS_MAX 65536
#define PAUSE_NS 60000

/* The program of that name that was loaded last. */
static int find(const char *name)
{
	unsigned id = 0;
	int found = -1;

	while (bpf_prog_get_next_id(id, &id) == 0) {
		struct bpf_prog_info info = { 0 };
		unsigned len = sizeof(info);
		int fd = bpf_prog_get_fd_by_id(id);

		if (fd < 0)
			continue;
		if (bpf_obj_get_info_by_fd(fd, &info, &len) || strcmp(info.name, name) != 0) {
			close(fd);
			continue;
		}
		if (found >= 0)
			close(found);
		found = fd;
	}
	return found;
}

static int by_size(const void *a, const void *b)
{
	unsigned long x = *(const unsigned long *)a, y = *(const unsigned long *)b;

	return (x > y) - (x < y);
}

static double now_s(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	static unsigned long runs[RUNS_MAX];
	const struct timespec pause = { 0, PAUSE_NS };
	struct bpf_prog_info before = { 0 }, now = { 0 };
	unsigned long count = 0, least;
	unsigned len;
	double end;
	int fd;

	if (argc != 4)
		return 2;
	fd = find(argv[1]);
	if (fd < 0)
		return 1;
	least = strtoul(argv[3], NULL, 10);
	end = now_s() + atof(argv[2]);
	while (now_s() < end && count < RUNS_MAX) {
		memset(&now, 0, sizeof(now));
		len = sizeof(now);
		if (bpf_obj_get_info_by_fd(fd, &now, &len))
			return 1;
		if (before.run_cnt && now.run_cnt == before.run_cnt + 1 &&
		    now.run_time_ns - before.run_time_ns >= least)
			runs[count++] = now.run_time_ns - before.run_time_ns;
		before = now;
		nanosleep(&pause, NULL);
	}
	qsort(runs, count, sizeof(runs[0]), by_size);
	printf("{\"runs\":%lu,\"median_ns\":%lu,\"p99_ns\":%lu}\n", count,
	       count ? runs[count / 2] : 0, count ? runs[count * 99 / 100] : 0);
	return 0;
}
