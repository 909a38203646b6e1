/* SPDX-License-Identifier: MIT */
/* Threads that wait for locks of each kind.  usage: locks WAY
 *
 * mutex, pi, robust  the thread "keeper" holds a mutex for 60 ms, once it knows that the thread "asker"
 *                    is about to take it; 3 times over
 * condition          a thread that waits 60 ms for a condition
 *
 * Prints: PID, keeper's TID, asker's TID, address of the mutex, nanoseconds that the asker waited.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t mutex;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static sem_t held, asked;
static long keeper, asker, waited;

static long now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return at.tv_sec * 1000000000 + at.tv_nsec;
}

/* Whether a thread sleeps: only then does the keeper begin to count. */
static int sleeps(long tid)
{
	char path[64], text[256] = "", *end;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%ld/stat", tid);
	file = fopen(path, "r");
	if (!file)
		return 0;
	end = fgets(text, sizeof(text), file) ? strrchr(text, ')') : NULL;
	fclose(file);
	return end && end[2] == 'S';
}

static void *keep(void *unused)
{
	prctl(PR_SET_NAME, "keeper");
	keeper = syscall(SYS_gettid);
	for (int i = 0; i < 3; i++) {
		pthread_mutex_lock(&mutex);
		sem_post(&held);
		sem_wait(&asked);
		while (!sleeps(asker))
			usleep(1000);
		usleep(60000);
		pthread_mutex_unlock(&mutex);
		sem_wait(&asked);
	}
	return unused;
}

static void *ask(void *unused)
{
	prctl(PR_SET_NAME, "asker");
	asker = syscall(SYS_gettid);
	for (int i = 0; i < 3; i++) {
		long before;

		sem_wait(&held);
		sem_post(&asked);
		before = now();
		pthread_mutex_lock(&mutex);
		waited += now() - before;
		pthread_mutex_unlock(&mutex);
		sem_post(&asked);
	}
	return unused;
}

static void *await(void *unused)
{
	struct timespec until;
	long before = now();

	prctl(PR_SET_NAME, "asker");
	asker = syscall(SYS_gettid);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 60000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&mutex);
	pthread_cond_timedwait(&condition, &mutex, &until);
	pthread_mutex_unlock(&mutex);
	waited = now() - before;
	return unused;
}

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "mutex";
	pthread_mutexattr_t attributes;
	pthread_t first, second;

	pthread_mutexattr_init(&attributes);
	if (strcmp(way, "pi") == 0)
		pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
	if (strcmp(way, "robust") == 0)
		pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&mutex, &attributes);
	sem_init(&held, 0, 0);
	sem_init(&asked, 0, 0);
	if (strcmp(way, "condition") == 0) {
		pthread_create(&first, NULL, await, NULL);
	} else {
		pthread_create(&first, NULL, keep, NULL);
		pthread_create(&second, NULL, ask, NULL);
		pthread_join(second, NULL);
	}
	pthread_join(first, NULL);
	printf("%d %ld %ld %lu %ld\n", getpid(), keeper, asker, (unsigned long)&mutex, waited);
	return 0;
}
