/* SPDX-License-Identifier: MIT */
/* reasons.c - waits of one kind at a time, until a moment that the program itself decides.
 *
 *     reasons hang          two threads wait for ever; prints the number of the second
 *     reasons exec MS       a second thread executes sleep
 *     reasons pair ROUNDS   two processes that switch; prints how long both lived and ran
 *     reasons disk FILE     likewise, in wait_in_disk()
 *     reasons KIND MS       waits MS milliseconds in wait_in_KIND(); prints the seconds it took, and at
 *                           least: from the last instant before it to whatever ended it
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define API     __attribute__((noipa, noinline))
#define NO_TAIL __asm__ volatile("")

static struct timespec nap;
static const char *disk_file;

static double seconds_of(struct timespec span)
{
	return (double)span.tv_sec + (double)span.tv_nsec / 1e9;
}

static double now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return seconds_of(at);
}

/* Shared with children. */
static volatile double *about_to_wait, *least;

static double waits(void)
{
	return *about_to_wait = now();
}

/* What ends it comes now. */
static void ends(void)
{
	*least = *about_to_wait ? now() - *about_to_wait : 0;
}

#define WAIT(call) (waits(), check(call))

static void check(long result)
{
	if (result < 0) {
		perror("reasons");
		exit(1);
	}
}

static void begin_thread(void *(*run)(void *), void *context)
{
	pthread_t thread;

	check(-pthread_create(&thread, NULL, run, context));
	pthread_detach(thread);
}

/* Of whoever ends the wait. */
API void rest(void)
{
	struct timespec left = nap;

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left))
		;
	ends();
}

/* What ends the wait of the main thread, after a nap. */
static int fd_to_write = -1;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *write_later(void *unused)
{
	uint64_t one = 1;

	(void)unused;
	rest();
	check(write(fd_to_write, &one, sizeof(one)));
	return NULL;
}

API void wait_in_pipe(void)
{
	uint64_t word;
	int ends[2];

	check(pipe(ends));
	fd_to_write = ends[1];
	begin_thread(write_later, NULL);
	WAIT(read(ends[0], &word, sizeof(word)));
	NO_TAIL;
}

API void wait_in_terminal(void)
{
	char bytes[64];
	int master, slave;

	check(openpty(&master, &slave, NULL, NULL, NULL));
	check(tcflush(slave, TCIFLUSH));
	fd_to_write = dup(slave); /* what is written to it is read at the master's end */
	begin_thread(write_later, NULL);
	WAIT(read(master, bytes, sizeof(bytes)));
	NO_TAIL;
}

API void wait_in_eventfd(void)
{
	uint64_t word;
	int fd = eventfd(0, 0);

	check(fd);
	fd_to_write = fd;
	begin_thread(write_later, NULL);
	WAIT(read(fd, &word, sizeof(word)));
	NO_TAIL;
}

API void wait_in_epoll(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	int ends[2], epoll = epoll_create1(0);

	check(epoll);
	check(pipe(ends));
	check(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event));
	fd_to_write = ends[1];
	begin_thread(write_later, NULL);
	WAIT(epoll_wait(epoll, &event, 1, -1));
	NO_TAIL;
}

API void wait_in_select(void)
{
	fd_set set;
	int ends[2];

	check(pipe(ends));
	FD_ZERO(&set);
	FD_SET(ends[0], &set);
	fd_to_write = ends[1];
	begin_thread(write_later, NULL);
	WAIT(select(ends[0] + 1, &set, NULL, NULL, NULL));
	NO_TAIL;
}

static void *connect_later(void *address)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	rest();
	check(connect(fd, address, sizeof(struct sockaddr_in)));
	return NULL;
}

API void wait_in_accept(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	check(bind(fd, (struct sockaddr *)&address, sizeof(address)));
	check(listen(fd, 1));
	check(getsockname(fd, (struct sockaddr *)&address, &len));
	begin_thread(connect_later, &address);
	WAIT(accept(fd, NULL, NULL));
	NO_TAIL;
}

static void *hold_mutex(void *held)
{
	pthread_mutex_lock(&mutex);
	pthread_barrier_wait(held);
	rest();
	pthread_mutex_unlock(&mutex);
	return NULL;
}

API void wait_in_mutex(void)
{
	static pthread_barrier_t held;

	pthread_barrier_init(&held, NULL, 2);
	begin_thread(hold_mutex, &held);
	pthread_barrier_wait(&held);
	waits();
	pthread_mutex_lock(&mutex);
	NO_TAIL;
}

static int lock_whole(int fd, int type)
{
	struct flock lock = { .l_type = (short)type, .l_whence = SEEK_SET };

	return fcntl(fd, F_OFD_SETLKW, &lock);
}

static void *unlock_later(void *waiting_for)
{
	int fd = *(int *)waiting_for; /* on a stack that goes away with the first lock */

	rest();
	check(flock(fd, LOCK_UN));
	check(lock_whole(fd, F_UNLCK));
	return NULL;
}

/* Two descriptions of one file that exists nowhere else. */
static void open_twice(int fds[2])
{
	char path[64];

	fds[0] = memfd_create("locked", 0);
	check(fds[0]);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[0]);
	fds[1] = open(path, O_RDWR);
	check(fds[1]);
}

API void wait_in_flock(void)
{
	int fds[2];

	open_twice(fds);
	check(flock(fds[0], LOCK_EX));
	begin_thread(unlock_later, &fds[0]);
	WAIT(flock(fds[1], LOCK_EX));
	NO_TAIL;
}

API void wait_in_fcntl(void)
{
	int fds[2];

	open_twice(fds);
	check(lock_whole(fds[0], F_WRLCK));
	begin_thread(unlock_later, &fds[0]);
	WAIT(lock_whole(fds[1], F_WRLCK));
	NO_TAIL;
}

API void wait_in_vfork(void)
{
	pid_t pid;

	waits();
	pid = vfork();
	if (pid == 0) {
		rest();
		_exit(0);
	}
	check(pid);
	check(waitpid(pid, NULL, 0));
	NO_TAIL;
}

API void wait_in_waitid(void)
{
	siginfo_t info;
	pid_t pid = fork();

	if (pid == 0) {
		rest();
		_exit(0);
	}
	WAIT(waitid(P_PID, (id_t)pid, &info, WEXITED));
	NO_TAIL;
}

API void wait_in_sigwait(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	check(-sigprocmask(SIG_BLOCK, &set, NULL));
	if (sigtimedwait(&set, NULL, &nap) >= 0)
		exit(1);
	NO_TAIL;
}

/* Stopped by a child, which lets it go on after a nap. */
API void wait_in_stop(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == 0) {
		rest();
		kill(parent, SIGCONT);
		_exit(0);
	}
	check(pid);
	waits();
	raise(SIGSTOP);
	NO_TAIL;
}

/* A page that another thread fills in after a nap. */
static void *fill_later(void *range)
{
	static char page[4096] __attribute__((aligned(4096)));
	struct uffdio_copy copy = { .dst = ((struct uffdio_range *)range)->start,
				    .src = (uintptr_t)page,
				    .len = sizeof(page) };

	rest();
	check(ioctl(fd_to_write, UFFDIO_COPY, &copy));
	return NULL;
}

API void wait_in_fault(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register page = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	fd_to_write = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	check(fd_to_write);
	check(ioctl(fd_to_write, UFFDIO_API, &api));
	page.range = (struct uffdio_range){ (uintptr_t)memory, 4096 };
	check(ioctl(fd_to_write, UFFDIO_REGISTER, &page));
	begin_thread(fill_later, &page.range);
	waits();
	*(volatile char *)memory;
	NO_TAIL;
}

/* A sleep that a stop interrupts: the rest of it is restart_syscall(). */
API void wait_in_restart(void)
{
	struct timespec both = { nap.tv_sec * 2, nap.tv_nsec * 2 };
	pid_t parent = getpid(), pid = fork();

	if (pid == 0) {
		rest();
		kill(parent, SIGSTOP);
		kill(parent, SIGCONT);
		_exit(0);
	}
	check(pid);
	both.tv_sec += both.tv_nsec / 1000000000;
	both.tv_nsec %= 1000000000;
	check(syscall(SYS_nanosleep, &both, NULL));
	*least = seconds_of(nap); /* and again as much, unless the stop lasts long */
	NO_TAIL;
}

/* Blocks of a file that go to the device and come from it, not to memory. */
API void wait_in_disk(void)
{
	static char block[65536] __attribute__((aligned(4096)));
	int fd = open(disk_file, O_RDWR | O_DIRECT);

	check(fd);
	for (int i = 0; i < 64; i++)
		check(pwrite(fd, block, sizeof(block), i * (off_t)sizeof(block)));
	for (int i = 0; i < 64; i++)
		check(pread(fd, block, sizeof(block), i * (off_t)sizeof(block)));
	NO_TAIL;
}

static void *execute(void *ms)
{
	char seconds[32];

	snprintf(seconds, sizeof(seconds), "%f", *(long *)ms / 1e3);
	execl("/bin/sleep", "sleep", seconds, NULL);
	exit(1);
}

/* A byte to and fro: two processes that switch as fast as they can. */
static void pair(long rounds)
{
	int there[2], back[2];
	double before = now(), ran;
	struct rusage used;
	char byte = 0;
	pid_t pid;

	check(pipe(there));
	check(pipe(back));
	pid = fork();
	if (pid == 0) {
		close(there[1]);
		while (read(there[0], &byte, 1) == 1)
			check(write(back[1], &byte, 1));
		_exit(0);
	}
	close(there[0]);
	for (long i = 0; i < rounds; i++) {
		check(write(there[1], &byte, 1));
		check(read(back[0], &byte, 1));
	}
	close(there[1]);
	check(waitpid(pid, NULL, 0));
	ran = 0;
	for (int who = RUSAGE_CHILDREN; who <= RUSAGE_SELF; who++) {
		getrusage(who, &used);
		ran += (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
		       (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
	}
	printf("{\"lived\":%f,\"ran\":%f}\n", now() - before, ran);
}

API void hang_in_join(void)
{
	static uint32_t word;

	for (;;)
		syscall(SYS_futex, &word, 0 /* FUTEX_WAIT */, 0, NULL, NULL, 0);
}

API void *hang_in_read(void *unused)
{
	int ends[2];
	char byte;

	check(pipe(ends));
	printf("%ld\n", (long)syscall(SYS_gettid));
	fflush(stdout);
	while (read(ends[0], &byte, 1) < 0)
		;
	return unused;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*wait)(void);
	} kinds[] = {
		{ "pipe", wait_in_pipe },       { "terminal", wait_in_terminal },
		{ "eventfd", wait_in_eventfd }, { "epoll", wait_in_epoll },
		{ "select", wait_in_select },   { "accept", wait_in_accept },
		{ "mutex", wait_in_mutex },     { "flock", wait_in_flock },
		{ "fcntl", wait_in_fcntl },     { "vfork", wait_in_vfork },
		{ "waitid", wait_in_waitid },   { "sigwait", wait_in_sigwait },
		{ "stop", wait_in_stop },       { "fault", wait_in_fault },
		{ "restart", wait_in_restart }, { "disk", wait_in_disk },
	};
	long ms = argc > 2 ? atol(argv[2]) : 50;

	about_to_wait = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (about_to_wait == MAP_FAILED)
		return 1;
	least = about_to_wait + 1;

	if (argc > 1 && !strcmp(argv[1], "hang")) {
		begin_thread(hang_in_read, NULL);
		hang_in_join();
	}
	disk_file = argv[argc - 1];
	if (argc > 1 && !strcmp(argv[1], "pair")) {
		pair(ms);
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "exec")) {
		begin_thread(execute, &ms);
		hang_in_join();
	}
	nap = (struct timespec){ ms / 1000, ms % 1000 * 1000000 };
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && argc > 1; i++) {
		double before = now();

		*least = seconds_of(nap);
		if (strcmp(argv[1], kinds[i].name) != 0)
			continue;
		kinds[i].wait();
		printf("{\"took\":%f,\"least\":%f}\n", now() - before, *least);
		return 0;
	}
	return 2;
}
