/* SPDX-License-Identifier: MIT */
/* shapes.c - runs one shape of stack until it is killed, for those who walk it.  Built without frame
 * pointers.
 *
 *     shapes deep N | climb N | dip N | signal | altstack | plt | drap | sort | library FILE | threads N | sleepers N
 *     shapes for MILLISECONDS | moving FILE | dropped spin|nap | libraries N PREFIX | made
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))

static volatile unsigned long sink;

NOINLINE static void spin(unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++)
		sink += i * sink + 1;
}

#pragma GCC diagnostic ignored "-Winfinite-recursion" /* it is: the last one stays */
NOINLINE static unsigned deep(unsigned frames)
{
	volatile char some[40];

	some[0] = (char)frames;
	if (frames > 0)
		return deep(frames - 1) + (unsigned)some[0];
	for (;;)
		spin(1000);
	return 1;
}

/* Down and up again, for probes of its entry and its return. */
NOINLINE static unsigned climb(unsigned frames)
{
	volatile char some[24];

	some[0] = (char)frames;
	spin(300);
	if (frames > 0)
		return climb(frames - 1) + (unsigned)some[0];
	return 1;
}

/* Down, and up again with the next byte of standard input. */
NOINLINE static unsigned dip(unsigned frames)
{
	volatile char some[24];

	some[0] = (char)frames;
	if (frames > 0)
		return dip(frames - 1) + (unsigned)some[0];
	if (read(STDIN_FILENO, (char *)some, 1) != 1)
		exit(0);
	return 1;
}

NOINLINE static void work_in_handler(void)
{
	spin(300000);
}

static void on_signal(int number)
{
	(void)number;
	work_in_handler();
}

/* Handlers run most of the time; every instruction of spin() is interrupted sooner or later. */
static void take_signals(int flags)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags | SA_RESTART };
	struct itimerval timer = { { 0, 1500 }, { 0, 1500 } };
	stack_t stack = { .ss_sp = malloc(1 << 16), .ss_size = 1 << 16 };

	if (flags & SA_ONSTACK)
		sigaltstack(&stack, NULL);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	for (;;)
		spin(1000);
}

/* Short functions of another library, through the PLT: the stubs are a good part of it. */
NOINLINE static void call_plt(void)
{
	static char text[64] = "the quick brown fox";

	for (unsigned i = 0; i < 100; i++) {
		sink += strlen(text + (i & 7));
		sink += (unsigned long)abs((int)sink);
		sink += (unsigned long)labs((long)sink);
		sink += (unsigned long)getppid();
	}
}

/* A realigned stack and one of a length unknown to the compiler: addressed by rbp and r10. */
NOINLINE static void drap(unsigned n, unsigned left)
{
	alignas(64) volatile char wide[128];
	volatile char *many = __builtin_alloca(n);

	for (unsigned i = 0; i < 2000; i++) {
		wide[i & 127] = (char)i;
		many[i % n] = wide[(i + 1) & 127];
	}
	if (left)
		drap(n + 8, left - 1);
	sink += (unsigned long)wide[3] + (unsigned long)many[1];
}

NOINLINE static int by_library(const void *a, const void *b)
{
	spin(20);
	return memcmp(a, b, 4);
}

static void sort(void)
{
	static uint32_t numbers[500];

	for (unsigned i = 0; i < 500; i++)
		numbers[i] = (uint32_t)rand();
	qsort(numbers, 500, 4, by_library);
}

static void run_library(const char *path)
{
	for (;;) {
		void *library = dlopen(path, RTLD_NOW);
		void (*run)(void (*)(unsigned)) =
			library ? (void (*)(void (*)(unsigned)))dlsym(library, "run") : NULL;

		if (!run)
			exit(3);
		for (unsigned i = 0; i < 20; i++)
			run(spin);
		dlclose(library);
	}
}

/* Goes through as many libraries, some milliseconds in each, and ends. */
static void run_libraries(unsigned count, const char *prefix)
{
	void (**runs)(void (*)(unsigned)) = calloc(count, sizeof(*runs));
	char path[4096];

	for (unsigned i = 0; i < count; i++) {
		void *library;

		snprintf(path, sizeof(path), "%s%u", prefix, i);
		library = dlopen(path, RTLD_NOW);
		runs[i] = library ? (void (*)(void (*)(unsigned)))dlsym(library, "run") : NULL;
		if (!runs[i])
			exit(3);
	}
	for (unsigned i = 0; i < count; i++)
		for (clock_t end = clock() + 2 * CLOCKS_PER_SEC / 1000; clock() < end;)
			runs[i](spin);
	exit(0);
}

/* The code of a library, which needs nothing at a fixed distance, goes from place to place: mremap()
 * tells nobody.  Every other time it stays where it was, too.
 */
static void move_library(const char *path)
{
	void (*run)(void (*)(unsigned)) =
		(void (*)(void (*)(unsigned)))dlsym(dlopen(path, RTLD_NOW), "run");
	char *page = (char *)((uintptr_t)run & ~4095ul), *to = NULL;
	struct timespec start, now;

	for (unsigned turn = 0;; turn++) {
		to = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		to = mremap(page, 4096, 4096,
			    MREMAP_MAYMOVE | MREMAP_FIXED | (turn % 2 ? MREMAP_DONTUNMAP : 0), to);
		if (to == MAP_FAILED)
			exit(3);
		clock_gettime(CLOCK_MONOTONIC, &start);
		do {
			((void (*)(void (*)(unsigned)))(to + ((uintptr_t)run & 4095)))(spin);
			clock_gettime(CLOCK_MONOTONIC, &now);
		} while ((now.tv_sec - start.tv_sec) * 1000 +
				 (now.tv_nsec - start.tv_nsec) / 1000000 <
			 400);
		page = to;
	}
}

static volatile sig_atomic_t is_told;

static void on_told(int number)
{
	(void)number;
	is_told = 1;
}

NOINLINE static void from_made(void)
{
	spin(1000);
}

/* From SIGUSR1 on, by code that did not exist before, and that may be written as a JIT compiler's. */
static void make_code(void)
{
	/* push %rbp; mov %rsp, %rbp; call *%rdi; pop %rbp; ret */
	static const unsigned char code[] = { 0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3 };
	void *page;

	signal(SIGUSR1, on_told);
	while (!is_told)
		sort();
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		exit(3);
	memcpy(page, code, sizeof(code));
	for (;;)
		((void (*)(void (*)(void)))page)(from_made);
}

#define WIDE_STACK (1u << 20)

static char *wide_stack;
static bool naps;

/* Frames of more than a page.  At the bottom those above are not in memory, only in their file, until
 * somebody touches them.
 */
NOINLINE static unsigned dropped(unsigned frames)
{
	volatile char some[6000];
	char *above = (char *)(((uintptr_t)some + sizeof(some) + 8191) & ~4095ul);
	struct timespec pause = { 0, 5000000 };

	some[0] = (char)frames;
	if (frames > 0)
		return dropped(frames - 1) + (unsigned)some[0];
	for (;;) {
		if (madvise(above, (size_t)(wide_stack + WIDE_STACK - above), MADV_DONTNEED))
			exit(3);
		if (naps)
			nanosleep(&pause, NULL);
		else
			spin(100000);
	}
	return 1;
}

static void *on_wide_stack(void *depth)
{
	dropped((unsigned)(uintptr_t)depth);
	return NULL;
}

static void start_dropped(void)
{
	int file = memfd_create("stack", 0);
	pthread_attr_t attributes;
	pthread_t id;

	wide_stack = ftruncate(file, WIDE_STACK) == 0
			     ? mmap(NULL, WIDE_STACK, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
			     : MAP_FAILED;
	pthread_attr_init(&attributes);
	if (wide_stack == MAP_FAILED ||
	    pthread_attr_setstack(&attributes, wide_stack, WIDE_STACK) ||
	    pthread_create(&id, &attributes, on_wide_stack, (void *)12ul))
		exit(3);
	for (;;)
		pause();
}

static void *thread(void *depth)
{
	deep(1 + (unsigned)(uintptr_t)depth % 20);
	return NULL;
}

/* Each runs for a moment every second. */
static void *sleeper(void *unused)
{
	(void)unused;
	for (;;) {
		struct timespec pause = { 1, 0 };

		nanosleep(&pause, NULL);
		spin(50000);
	}
	return NULL;
}

static void start(unsigned count, void *(*run)(void *))
{
	pthread_attr_t attributes;
	pthread_t id;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 65536);
	for (unsigned i = 0; i < count; i++)
		if (pthread_create(&id, &attributes, run, (void *)(uintptr_t)i)) {
			fprintf(stderr, "%u threads\n", i);
			break;
		}
	puts("started");
	fflush(stdout);
	for (;;)
		pause();
}

static void run_for(double seconds)
{
	struct timespec now, end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_nsec += (long)(seconds * 1e9);
	do {
		sort();
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - end.tv_sec) * 1000000000L + now.tv_nsec - end.tv_nsec < 0);
}

int main(int argc, char **argv)
{
	const char *shape = argc > 1 ? argv[1] : "";
	unsigned number = argc > 2 ? (unsigned)atoi(argv[2]) : 0;

	if (strcmp(shape, "deep") == 0)
		deep(number);
	else if (strcmp(shape, "signal") == 0)
		take_signals(0);
	else if (strcmp(shape, "altstack") == 0)
		take_signals(SA_ONSTACK);
	else if (strcmp(shape, "library") == 0)
		run_library(argv[2]);
	else if (strcmp(shape, "dropped") == 0) {
		naps = strcmp(argv[2], "nap") == 0;
		start_dropped();
	} else if (strcmp(shape, "moving") == 0)
		move_library(argv[2]);
	else if (strcmp(shape, "made") == 0)
		make_code();
	else if (strcmp(shape, "libraries") == 0)
		run_libraries(number, argv[3]);
	else if (strcmp(shape, "threads") == 0)
		start(number, thread);
	else if (strcmp(shape, "sleepers") == 0)
		start(number, sleeper);
	else if (strcmp(shape, "for") == 0)
		run_for(number / 1e3);
	for (; strcmp(shape, "climb") == 0;)
		sink += climb(number);
	for (; strcmp(shape, "dip") == 0;)
		sink += dip(number);
	for (; strcmp(shape, "plt") == 0;)
		call_plt();
	for (; strcmp(shape, "drap") == 0;)
		drap(100, 5);
	for (; strcmp(shape, "sort") == 0;)
		sort();
	return strcmp(shape, "for") != 0;
}
