/* SPDX-License-Identifier: MIT */
/* family.c - processes whose life is known.
 *
 *     family use MIB KIB SPINS   touches MIB of memory, writes KIB to a file, spins SPINS ms in each of
 *                                two threads; prints what the kernel counts of it
 *     family storm COUNT WORD    so many children, one after the other, that end at once
 *     family image               executes `true` by a descriptor of a file in memory
 *     family thread              executes `true` from another thread than the first
 *     family leader MS           the first thread ends, another one runs MS ms and exits with 7
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void check(long result)
{
	if (result < 0) {
		perror("family");
		exit(1);
	}
}

static double cpu_ms(void)
{
	struct timespec at;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
	return (double)at.tv_sec * 1e3 + (double)at.tv_nsec / 1e6;
}

static void *spin(void *ms)
{
	while (cpu_ms() < *(double *)ms)
		;
	return NULL;
}

static void use(size_t mib, size_t kib, double ms)
{
	char *memory = malloc(mib << 20), line[4096] = { 0 };
	int file = open("family.out", O_CREAT | O_WRONLY | O_TRUNC, 0600);
	pthread_t other;

	check(file);
	memset(memory, 1, mib << 20);
	for (size_t i = 0; i < kib / 4; i++)
		check(write(file, line, sizeof(line)));
	check(-pthread_create(&other, NULL, spin, &ms));
	spin(&ms);
	check(-pthread_join(other, NULL));
	free(memory); /* what it used most is more than what it has at its end */
}

static void storm(long count)
{
	for (long i = 0; i < count; i++) {
		pid_t pid = fork();

		check(pid);
		if (!pid)
			_exit(0);
		check(waitpid(pid, NULL, 0));
	}
}

static void image(void)
{
	char *const words[] = { "from memory", "one\ntwo", NULL };
	int from = open("/bin/true", O_RDONLY), to = memfd_create("image", MFD_CLOEXEC);
	struct stat status;

	check(from);
	check(to);
	check(fstat(from, &status));
	check(sendfile(to, from, NULL, (size_t)status.st_size));
	check(syscall(SYS_execveat, to, "", words, environ, AT_EMPTY_PATH));
}

static void *execute(void *unused)
{
	char *const words[] = { "true", "from a thread", NULL };

	execv("/bin/true", words);
	return unused;
}

static void *outlive(void *ms)
{
	spin(ms);
	exit(7);
}

int main(int argc, char **argv)
{
	double ms = argc > 2 ? atof(argv[2]) : 0;
	pthread_t other;

	if (argc == 5 && !strcmp(argv[1], "use"))
		use(strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10), atof(argv[4]));
	else if (argc == 4 && !strcmp(argv[1], "storm"))
		storm(atol(argv[2]));
	else if (argc == 2 && !strcmp(argv[1], "image"))
		image();
	else if (argc == 2 && !strcmp(argv[1], "thread")) {
		check(-pthread_create(&other, NULL, execute, NULL));
		pause();
	} else if (argc == 3 && !strcmp(argv[1], "leader")) {
		check(-pthread_create(&other, NULL, outlive, &ms));
		pthread_exit(NULL);
	} else
		return 2;
	return 0;
}
