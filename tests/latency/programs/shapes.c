/* SPDX-License-Identifier: MIT */
/* shapes.c - functions that are left in every way there is, called a known number of times.
 *
 * usage: shapes SHAPE N      waits for a line on standard input, calls, prints its answer, and how long
 *                            the median call took by its own clock, in ns
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define NOINLINE     __attribute__((noinline, noclone))
#define SAMPLES_MAX  100000
#define SLEEP_NS     5000000
#define STACK_BYTES  65536
#define KEPT_ON_WAY  __asm__ volatile("" ::: "memory")

static unsigned long samples[SAMPLES_MAX];
static unsigned sample_count;

static unsigned long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (unsigned long)now.tv_sec * 1000000000ul + (unsigned long)now.tv_nsec;
}

NOINLINE long callee(long n)
{
	KEPT_ON_WAY;
	return n * 3;
}

/* Returns. */
NOINLINE long returns(long n)
{
	KEPT_ON_WAY;
	return callee(n) + 1;
}

/* Ends by a jump to another function, whose probe-free instructions cost nothing. */
NOINLINE long jumps(long n);
__asm__(".text\n.globl jumps\n.type jumps, @function\n"
	"jumps: push %rbx\n	pop %rbx\n	jmp callee\n.size jumps, . - jumps\n");

/* Ends by a conditional jump to another function if n is even, else by its return. */
NOINLINE long jumps_if(long n);
__asm__(".globl jumps_if\n.type jumps_if, @function\n"
	"jumps_if: push %rbx\n	pop %rbx\n	test $1, %dil\n	je callee\n"
	"	lea 7(%rdi), %rax\n	ret\n.size jumps_if, . - jumps_if\n");

/* A jump through a register: into itself if n is odd, else to another function. */
NOINLINE long jumps_indirect(long n);
__asm__(".globl jumps_indirect\n.type jumps_indirect, @function\n"
	"jumps_indirect: push %rbx\n	pop %rbx\n	lea callee(%rip), %rax\n"
	"	test $1, %dil\n	jz 1f\n	lea 2f(%rip), %rax\n1:	jmp *%rax\n"
	"2:	lea 9(%rdi), %rax\n	ret\n.size jumps_indirect, . - jumps_indirect\n"
	".data\ntarget: .quad callee\n.text\n"
	".globl jumps_memory\n.type jumps_memory, @function\n"
	"jumps_memory: push %rbx\n	pop %rbx\n	jmp *target(%rip)\n"
	".size jumps_memory, . - jumps_memory\n");
NOINLINE long jumps_memory(long n);

/* Returns behind a jump that is not taken if n is even, else elsewhere. */
NOINLINE long guards(long n);
__asm__(".globl guards\n.type guards, @function\n"
	"guards: push %rbx\n	sub $16, %rsp\n	lea 5(%rdi), %rax\n	test $1, %dil\n"
	"	jne 1f\n	add $16, %rsp\n	pop %rbx\n	ret\n"
	"1:	add $1, %rax\n	add $16, %rsp\n	pop %rbx\n	ret\n"
	".size guards, . - guards\n");

NOINLINE long recurses(long n)
{
	long rest;

	KEPT_ON_WAY;
	if (n <= 1)
		return 1;
	rest = recurses(n - 1);
	__asm__ volatile("" : "+r"(rest));
	return rest + 1;
}

static jmp_buf mark;

/* Every other call does not return. */
NOINLINE long escapes(long n)
{
	KEPT_ON_WAY;
	if (n % 2)
		longjmp(mark, 1);
	return n;
}

static ucontext_t home, contexts[2];
static long steps[2], rounds;

/* Another coroutine runs meanwhile, on the same thread. */
NOINLINE long yields(long n, unsigned mine)
{
	KEPT_ON_WAY;
	swapcontext(&contexts[mine], &contexts[!mine]);
	KEPT_ON_WAY;
	return n + 1;
}

static void coroutine(unsigned mine)
{
	while (steps[mine] < rounds)
		steps[mine] = yields(steps[mine], mine);
	setcontext(&home);
}

NOINLINE void sleeps(void)
{
	unsigned long began = now_ns();
	struct timespec pause = { .tv_nsec = SLEEP_NS };

	nanosleep(&pause, NULL);
	if (sample_count < SAMPLES_MAX)
		samples[sample_count++] = now_ns() - began;
}

static long run_coroutines(long n)
{
	rounds = n;
	for (unsigned i = 0; i < 2; i++) {
		getcontext(&contexts[i]);
		contexts[i].uc_stack.ss_sp = malloc(STACK_BYTES);
		contexts[i].uc_stack.ss_size = STACK_BYTES;
		makecontext(&contexts[i], (void (*)(void))coroutine, 1, i);
	}
	swapcontext(&home, &contexts[0]);
	return steps[0] * 1000 + steps[1];
}

static long run(const char *shape, long n)
{
	static const struct {
		const char *name;
		long (*function)(long);
	} shapes[] = {
		{ "returns", returns },
		{ "jumps", jumps },
		{ "jumps_if", jumps_if },
		{ "jumps_indirect", jumps_indirect },
		{ "jumps_memory", jumps_memory },
		{ "guards", guards },
	};
	volatile long sum = 0, i;

	for (size_t shape_at = 0; shape_at < sizeof(shapes) / sizeof(shapes[0]); shape_at++) {
		if (strcmp(shape, shapes[shape_at].name) != 0)
			continue;
		for (i = 0; i < n; i++)
			sum += shapes[shape_at].function(i);
		return sum;
	}
	if (strcmp(shape, "recurses") == 0)
		return recurses(n);
	if (strcmp(shape, "yields") == 0)
		return run_coroutines(n);
	for (i = 0; strcmp(shape, "escapes") == 0 && i < n; i++)
		sum += setjmp(mark) ? 1000 : escapes(i);
	for (i = 0; strcmp(shape, "sleeps") == 0 && i < n; i++)
		sleeps();
	return sum;
}

static int compare(const void *a, const void *b)
{
	const unsigned long *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

int main(int argc, char **argv)
{
	char line[16];
	long answer;

	if (argc < 3 || (argc < 4 && !fgets(line, sizeof(line), stdin)))
		return 2;
	answer = run(argv[1], atol(argv[2]));
	if (sample_count)
		qsort(samples, sample_count, sizeof(samples[0]), compare);
	printf("%ld %lu\n", answer, sample_count ? samples[sample_count / 2] : 0);
	return 0;
}
