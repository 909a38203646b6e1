/* SPDX-License-Identifier: MIT */
/* stack-copy.c - what the chunked copy of a user stack costs, against bpf_get_stack() in one run.
 *
 *	stack-copy hot DEPTH            both in turn, 40 rounds of 2,000, on a stack of our own
 *	stack-copy compare SECONDS HZ   every sample of the host both ways: are they equal?
 *
 * One line of JSON each.  The kernel's own accounting (BPF_ENABLE_STATS) measures, so that what
 * else the machine does hardly matters.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "collect/perf_ring.h"

#include "bench/stack-copy.skel.h"

#define ROUNDS 40
#define CALLS  2000

static int hot_programs[2];
static double hot_ns[2][ROUNDS];

static double run_ns(int program)
{
	struct bpf_prog_info before = { 0 }, after = { 0 };
	__u32 len = sizeof(before);
	LIBBPF_OPTS(bpf_test_run_opts, options);

	bpf_obj_get_info_by_fd(program, &before, &len);
	for (int i = 0; i < CALLS; i++)
		bpf_prog_test_run_opts(program, &options);
	bpf_obj_get_info_by_fd(program, &after, &len);
	return (double)(after.run_time_ns - before.run_time_ns) /
	       (double)(after.run_cnt - before.run_cnt);
}

__attribute__((noinline)) static int measure(void)
{
	for (int round = 0; round < ROUNDS; round++)
		for (int i = 0; i < 2; i++)
			hot_ns[i][round] = run_ns(hot_programs[i]);
	return 0;
}

/* Frames of 48 to 112 bytes, as compiled code has them. */
__attribute__((noinline)) static int descend(int depth)
{
	volatile char room[32];
	int result;

	room[0] = (char)depth;
	result = depth > 0 ? descend(depth - 1) : measure();
	return result + room[0];
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values)
{
	qsort(values, ROUNDS, sizeof(*values), by_value);
	return values[ROUNDS / 2];
}

static void hot(struct bench_stack_copy *skel, int depth)
{
	double theirs, ours;

	hot_programs[0] = bpf_program__fd(skel->progs.hot_theirs);
	hot_programs[1] = bpf_program__fd(skel->progs.hot_ours);
	descend(depth);
	theirs = median(hot_ns[0]);
	ours = median(hot_ns[1]);
	printf("{\"frames\": %.1f, \"frames_ours\": %.1f, \"bpf_get_stack_ns\": %.0f, \"chunked_ns\": %.0f, \"ratio\": %.3f}\n",
	       (double)skel->bss->frames_theirs / (ROUNDS * CALLS),
	       (double)skel->bss->frames_ours / (ROUNDS * CALLS), theirs, ours, ours / theirs);
}

static int compare(struct bench_stack_copy *skel, double seconds, int rate_hz)
{
	struct cpu_list cpus;
	int err = perf_cpus(&cpus);

	vec_each(cpu, &cpus.ids) {
		struct perf_event_attr attr = {
			.type = PERF_TYPE_SOFTWARE,
			.config = PERF_COUNT_SW_CPU_CLOCK,
			.freq = 1,
			.sample_freq = (__u64)rate_hz,
		};
		int fd = perf_open(&attr, -1, (int)*cpu, -1, 0);

		if (fd < 0 || !bpf_program__attach_perf_event(skel->progs.compare_both, fd))
			return -1;
	}
	usleep((useconds_t)(seconds * 1e6));
	printf("{\"samples\": %" PRIu64 ", \"equal\": %" PRIu64 ", \"one_is_longer\": %" PRIu64
	       ", \"different\": %" PRIu64 ", \"frames\": %.1f, \"equal_pct\": %.3f}\n",
	       skel->bss->samples, skel->bss->equal, skel->bss->cut, skel->bss->different,
	       (double)skel->bss->frames_theirs / (double)skel->bss->samples,
	       100.0 * (double)skel->bss->equal / (double)skel->bss->samples);
	return err;
}

int main(int argc, char **argv)
{
	struct bench_stack_copy *skel;
	int stats = bpf_enable_stats(BPF_STATS_RUN_TIME);

	if (argc < 3 || stats < 0)
		return 2;
	skel = bench_stack_copy__open_and_load();
	if (!skel)
		return 1;
	if (strcmp(argv[1], "hot") == 0)
		hot(skel, atoi(argv[2]));
	else if (argc > 3 && compare(skel, atof(argv[2]), atoi(argv[3])))
		return 1;
	bench_stack_copy__destroy(skel);
	return 0;
}
