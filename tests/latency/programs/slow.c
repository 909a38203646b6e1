/* SPDX-License-Identifier: MIT */
/* slow FOLDER: at the first line of input, one slow call for each reason; prints how long by_cpu() waited
 * for a CPU by the kernel's count, in ns.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SLOW_MS 60

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int held[2];

static uint64_t now(clockid_t id)
{
	struct timespec time;

	clock_gettime(id, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void *hold(void *unused)
{
	pthread_mutex_lock(&lock);
	if (write(held[1], "", 1) != 1)
		abort();
	usleep(SLOW_MS * 1000);
	pthread_mutex_unlock(&lock);
	return unused;
}

__attribute__((noinline)) int by_lock(void)
{
	pthread_mutex_lock(&lock);
	pthread_mutex_unlock(&lock);
	return 1;
}

__attribute__((noinline)) int by_disk(int fd)
{
	uint64_t end = now(CLOCK_MONOTONIC) + SLOW_MS * 1000000ull;

	do {
		if (pwrite(fd, "text", 4, 0) != 4 || fsync(fd))
			return 0;
	} while (now(CLOCK_MONOTONIC) < end);
	return 1;
}

__attribute__((noinline)) int by_child(void)
{
	pid_t child = fork();

	if (!child) {
		usleep(SLOW_MS * 1000);
		_exit(0);
	}
	return waitpid(child, NULL, 0) == child;
}

static uint64_t waited(void)
{
	unsigned long long ran, delay = 0;
	FILE *file = fopen("/proc/thread-self/schedstat", "r");

	if (!file || fscanf(file, "%llu %llu", &ran, &delay) != 2)
		abort();
	fclose(file);
	return delay;
}

static uint64_t own;

__attribute__((noinline)) int by_cpu(void)
{
	uint64_t end = now(CLOCK_THREAD_CPUTIME_ID) + SLOW_MS * 1000000ull, before = waited();

	while (now(CLOCK_THREAD_CPUTIME_ID) < end)
		;
	own = waited() - before;
	return 1;
}

/* As long as somebody else wants the same CPU. */
static int crowded(void)
{
	pid_t others[2], self = getpid();
	cpu_set_t here;
	int done;

	CPU_ZERO(&here);
	CPU_SET(sched_getcpu(), &here);
	sched_setaffinity(0, sizeof(here), &here);
	for (int i = 0; i < 2; i++) {
		others[i] = fork();
		if (others[i] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			while (getppid() == self)
				;
			_exit(0);
		}
	}
	done = by_cpu();
	for (int i = 0; i < 2; i++) {
		kill(others[i], SIGKILL);
		waitpid(others[i], NULL, 0);
	}
	return done;
}

int main(int argc, char **argv)
{
	int file, done = 0;
	pthread_t holder;
	char line[9];

	if (argc != 2 || chdir(argv[1]) || !fgets(line, sizeof(line), stdin) || pipe(held))
		return 2;
	file = open("slow.tmp", O_RDWR | O_CREAT | O_TRUNC, 0600);
	pthread_create(&holder, NULL, hold, NULL);
	if (read(held[0], line, 1) != 1)
		return 1;
	done += by_lock();
	pthread_join(holder, NULL);
	done += by_disk(file);
	done += by_child();
	done += crowded();
	unlink("slow.tmp");
	printf("%d %llu\n", done, (unsigned long long)own);
	return 0;
}
