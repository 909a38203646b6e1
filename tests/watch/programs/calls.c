/* SPDX-License-Identifier: MIT */
/* System calls of which there is a known number.  usage: calls WAY
 *
 * some   THREADS threads with 1,000 getppid() each; 70 close() of what is not open; 30 open() of what is
 *        not there; 5 sleeps of 10 ms; 20 signals to itself; 3 children that only end
 * crowd  800 children with 10 getuid() each and one call each of ten others
 * odd    20,000 calls with numbers from 1,000 on, which do not exist
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define THREADS 3

static void on_signal(int number)
{
	(void)number;
}

static void *ask(void *unused)
{
	for (int i = 0; i < 1000; i++)
		syscall(SYS_getppid);
	return unused;
}

static void some(void)
{
	struct timespec pause = { 0, 10000000 };
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, ask, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 70; i++)
		close(-1);
	for (int i = 0; i < 30; i++)
		open("/nonexistent", O_RDONLY);
	for (int i = 0; i < 5; i++)
		syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &pause, NULL);
	signal(SIGUSR1, on_signal);
	for (int i = 0; i < 20; i++)
		raise(SIGUSR1);
	for (int i = 0; i < 3; i++) {
		if (!fork())
			_exit(0);
		wait(NULL);
	}
}

static void child(void)
{
	struct utsname name;
	struct rusage usage;
	struct stat status;

	for (int i = 0; i < 10; i++)
		syscall(SYS_getuid);
	syscall(SYS_geteuid);
	syscall(SYS_getgid);
	syscall(SYS_getegid);
	syscall(SYS_getppid);
	syscall(SYS_gettid);
	uname(&name);
	getrusage(RUSAGE_SELF, &usage);
	umask(0);
	fstat(0, &status);
	getpriority(PRIO_PROCESS, 0);
	_exit(0);
}

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "some";

	if (strcmp(way, "some") == 0)
		some();
	for (int i = 0; i < 800 && strcmp(way, "crowd") == 0; i++) {
		if (!vfork()) /* quicker */
			child();
		wait(NULL);
	}
	for (int i = 0; i < 20000 && strcmp(way, "odd") == 0; i++)
		syscall(1000 + i);
	return 0;
}
