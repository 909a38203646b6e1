/* SPDX-License-Identifier: MIT */
/* timed - what a call of a probed function takes: batches of calls of one that does next to nothing.
 *
 * usage: timed FUNCTION SECONDS      returns, jumps or copies (strdup() and free())
 *
 * Prints nanoseconds of CPU time per call: the fastest batch and the median batch, and the number of calls.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/vec.h"

#define BATCH 1000

long timed_returns(long n), timed_jumps(long n), timed_callee(long n);

__asm__(".text\n.globl timed_returns\n.type timed_returns, @function\n"
	"timed_returns: push %rbx\n	mov %rdi, %rax\n	pop %rbx\n	ret\n"
	".size timed_returns, . - timed_returns\n"
	".globl timed_jumps\n.type timed_jumps, @function\n"
	"timed_jumps: push %rbx\n	pop %rbx\n	jmp timed_callee\n"
	".size timed_jumps, . - timed_jumps\n"
	".globl timed_callee\n.type timed_callee, @function\n"
	"timed_callee: mov %rdi, %rax\n	ret\n.size timed_callee, . - timed_callee\n");

static void batch(const char *function)
{
	for (long i = 0; i < BATCH; i++) {
		if (strcmp(function, "copies") == 0)
			free(strdup("text"));
		else if (strcmp(function, "jumps") == 0)
			timed_jumps(i);
		else
			timed_returns(i);
	}
}

static int order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	double seconds = argc > 2 ? atof(argv[2]) : 1;
	uint64_t end = clock_mono_ns() + (uint64_t)(seconds * NS_PER_S), before, after;
	vec(double) batches = { 0 };

	if (argc < 2)
		return 2;
	do {
		before = clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
		batch(argv[1]);
		after = clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
		if (vec_push(&batches, (double)(after - before) / BATCH))
			return 1;
	} while (clock_mono_ns() < end);
	qsort(batches.data, batches.len, sizeof(double), order);
	printf("%.1f %.1f %zu\n", batches.data[0], batches.data[batches.len / 2],
	       batches.len * BATCH);
	vec_done(&batches);
	return 0;
}
