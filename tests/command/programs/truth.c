/* SPDX-License-Identifier: MIT */
/* truth.c - waits whose cause and length are known.
 *
 *     truth KIND MS [FILE]
 *
 * Prints a line for each wait that it knows: the thread, the reason, and the seconds by its own clock.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long length_ms;
static const char *file;
static int ends[2];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
extern char **environ;

static double now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static long check(long result)
{
	if (result < 0) {
		perror("truth");
		exit(1);
	}
	return result;
}

static void say(const char *reason, double since)
{
	char line[128];
	int len = snprintf(line, sizeof(line), "%ld %s %.6f\n", syscall(SYS_gettid), reason,
			   now() - since);

	check(write(STDOUT_FILENO, line, (size_t)len));
}

static void nap(long ms)
{
	struct timespec left = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

static void spin(long ms)
{
	for (double end = now() + (double)ms / 1e3; now() < end;)
		;
}

static pthread_t begin(void *(*run)(void *))
{
	pthread_t thread;

	check(-pthread_create(&thread, NULL, run, NULL));
	return thread;
}

static void *write_later(void *unused)
{
	uint64_t word = 1;

	nap(length_ms);
	check(write(ends[1], &word, sizeof(word)));
	return unused;
}

/* Reads what another thread writes after a nap. */
static void read_late(const char *reason)
{
	pthread_t other = begin(write_later);
	double since = now();
	uint64_t word;

	check(read(ends[0], &word, sizeof(word)));
	say(reason, since);
	pthread_join(other, NULL);
}

static void of_sleep(void)
{
	double since = now();

	nap(length_ms);
	say("sleep", since);
}

static void of_poll(void)
{
	struct pollfd one = { .events = POLLIN };
	double since;

	check(pipe(ends));
	one.fd = ends[0];
	since = now();
	poll(&one, 1, (int)length_ms);
	say("poll", since);
}

static void of_epoll(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = (int)check(epoll_create1(0));
	double since;

	check(pipe(ends));
	check(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event));
	since = now();
	epoll_wait(epoll, &event, 1, (int)length_ms);
	say("poll", since);
}

static void of_eventfd(void)
{
	ends[0] = ends[1] = (int)check(eventfd(0, 0));
	read_late("event");
}

static void of_pipe(void)
{
	check(pipe(ends));
	read_late("pipe");
}

static void of_socket(void)
{
	check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	read_late("socket");
}

static void of_tcp(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int listener = (int)check(socket(AF_INET, SOCK_STREAM, 0));

	check(bind(listener, (struct sockaddr *)&address, len));
	check(listen(listener, 1));
	check(getsockname(listener, (struct sockaddr *)&address, &len));
	ends[1] = (int)check(socket(AF_INET, SOCK_STREAM, 0));
	check(connect(ends[1], (struct sockaddr *)&address, len));
	ends[0] = (int)check(accept(listener, NULL, NULL));
	read_late("socket");
}

static void *take_lock(void *unused)
{
	double since = now();

	pthread_mutex_lock(&mutex);
	say("lock", since);
	pthread_mutex_unlock(&mutex);
	return unused;
}

static void of_lock(void)
{
	pthread_t other;

	pthread_mutex_lock(&mutex);
	other = begin(take_lock);
	nap(length_ms);
	pthread_mutex_unlock(&mutex);
	pthread_join(other, NULL);
}

static void of_flock(void)
{
	int held = (int)check(memfd_create("held", 0));
	char path[64];
	pid_t child;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), held);
	check(flock(held, LOCK_EX));
	child = fork();
	if (child == 0) {
		int other = (int)check(open(path, O_RDWR));
		double since = now();

		close(held); /* of the same description: it must not hold the lock */
		check(flock(other, LOCK_EX));
		say("lock", since);
		_exit(0);
	}
	nap(length_ms);
	check(flock(held, LOCK_UN));
	waitpid(child, NULL, 0);
}

static void of_semaphore(void)
{
	int semaphore = (int)check(semget(IPC_PRIVATE, 1, 0600));
	struct sembuf take = { 0, -1, 0 }, give = { 0, 1, 0 };
	pid_t child = fork();

	if (child == 0) {
		double since = now();

		check(semop(semaphore, &take, 1));
		say("ipc", since);
		_exit(0);
	}
	nap(length_ms);
	check(semop(semaphore, &give, 1));
	waitpid(child, NULL, 0);
	semctl(semaphore, 0, IPC_RMID);
}

static void of_child(void)
{
	pid_t child = fork();
	double since = now();

	if (child == 0) {
		nap(length_ms);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	say("child", since);
}

static void of_spawn(void)
{
	char *const words[] = { "sleep", "0.2", NULL };
	double since = now();
	pid_t child;

	check(-posix_spawnp(&child, "sleep", NULL, NULL, words, environ));
	waitpid(child, NULL, 0);
	say("child", since);
}

static void of_vfork(void)
{
	double since = now();
	pid_t child = vfork();

	if (child == 0) {
		struct timespec left = { length_ms / 1000, length_ms % 1000 * 1000000 };

		nanosleep(&left, NULL);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	say("child", since);
}

/* The child says when it is back; it was stopped until shortly before. */
static void of_stop(void)
{
	pid_t child = fork();

	if (child == 0) {
		double since = now();

		raise(SIGSTOP);
		say("stopped", since);
		_exit(0);
	}
	check(waitpid(child, NULL, WUNTRACED));
	nap(length_ms);
	kill(child, SIGCONT);
	waitpid(child, NULL, 0);
}

/* A sleep with a stop in its midst: the rest of it is restart_syscall(). */
static void of_stopsleep(void)
{
	pid_t child = fork();

	if (child == 0) {
		struct timespec left = { 3 * length_ms / 1000, 3 * length_ms % 1000 * 1000000 };
		double since = now();

		check(syscall(SYS_nanosleep, &left, NULL));
		say("sleep+stopped", since);
		_exit(0);
	}
	nap(length_ms);
	kill(child, SIGSTOP);
	nap(length_ms);
	kill(child, SIGCONT);
	waitpid(child, NULL, 0);
}

static void *spin_on_first(void *unused)
{
	cpu_set_t first;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	check(sched_setaffinity(0, sizeof(first), &first));
	spin(length_ms);
	return unused;
}

static void of_runq(void)
{
	pthread_t one = begin(spin_on_first), other = begin(spin_on_first);

	pthread_join(one, NULL);
	pthread_join(other, NULL);
}

/* One request to an io_uring, and the wait for its end. */
static void ring_wait(unsigned char opcode, unsigned char flags)
{
	struct io_uring_params params = { 0 };
	int ring = (int)check(syscall(SYS_io_uring_setup, 4, &params));
	size_t bytes = params.sq_off.array + params.sq_entries * sizeof(unsigned);
	char *queue = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring,
			   IORING_OFF_SQ_RING);
	struct io_uring_sqe *entry = mmap(NULL, params.sq_entries * sizeof(*entry),
					  PROT_READ | PROT_WRITE, MAP_SHARED, ring,
					  IORING_OFF_SQES);
	static uint64_t word;
	pthread_t other;
	double since;

	check(pipe(ends));
	memset(entry, 0, sizeof(*entry));
	entry->opcode = opcode;
	entry->flags = flags;
	entry->fd = ends[0];
	if (opcode == IORING_OP_READ) {
		entry->addr = (uintptr_t)&word;
		entry->len = sizeof(word);
		entry->off = (uint64_t)-1;
	} else {
		entry->poll32_events = POLLIN;
	}
	*(unsigned *)(queue + params.sq_off.array) = 0;
	__atomic_store_n((unsigned *)(queue + params.sq_off.tail), 1, __ATOMIC_RELEASE);
	other = begin(write_later);
	since = now();
	check(syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0));
	say("io_uring", since);
	pthread_join(other, NULL);
}

static void of_uring(void)
{
	ring_wait(IORING_OP_POLL_ADD, 0);
}

/* On a thread that the kernel makes for it. */
static void of_iowq(void)
{
	ring_wait(IORING_OP_READ, IOSQE_ASYNC);
}

static void *execute(void *unused)
{
	nap(50);
	execlp("sleep", "sleep", "0.2", NULL);
	return unused;
}

static void of_threadexec(void)
{
	begin(execute);
	pause();
}

static void of_fsync(void)
{
	static char block[65536];
	int fd = (int)check(open(file, O_CREAT | O_RDWR | O_TRUNC, 0600));
	double since = now();

	for (int i = 0; i < 30; i++) {
		check(write(fd, block, sizeof(block)));
		check(fsync(fd));
	}
	say("disk", since);
	unlink(file);
}

/* Every 16th page of a file that is on the disk alone. */
static void of_fault(void)
{
	size_t bytes = 16 << 20;
	int fd = (int)check(open(file, O_CREAT | O_RDWR | O_TRUNC, 0600));
	char *memory = malloc(bytes);
	volatile char *mapped;
	double since;

	memset(memory, 7, bytes);
	check(write(fd, memory, bytes));
	check(fsync(fd));
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	mapped = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
	madvise((void *)mapped, bytes, MADV_RANDOM);
	since = now();
	for (size_t i = 0; i < bytes; i += 65536)
		(void)mapped[i];
	say("fault_disk", since);
	unlink(file);
}

static void *touch(size_t bytes)
{
	char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			    0);

	for (size_t i = 0; i < bytes; i += 4096)
		*(volatile char *)(memory + i) = 1;
	return memory;
}

/* So many MB for a while, between two sleeps. */
static void of_spike(void)
{
	size_t bytes = (size_t)length_ms << 20;
	void *memory;

	nap(100);
	memory = touch(bytes);
	nap(50);
	munmap(memory, bytes);
	nap(50);
}

/* Two processes with so many MB each, at one moment for certain. */
static void of_pair(void)
{
	size_t bytes = (size_t)length_ms << 20;
	char byte = 0;
	void *memory;
	int back[2];

	check(pipe(ends));
	check(pipe(back));
	if (check(fork()) == 0) {
		touch(bytes);
		check(write(ends[1], &byte, 1));
		check(read(back[0], &byte, 1));
		_exit(0);
	}
	memory = touch(bytes);
	check(read(ends[0], &byte, 1));
	munmap(memory, bytes);
	check(write(back[1], &byte, 1));
	wait(NULL);
}

static void *nothing(void *unused)
{
	return unused;
}

static void of_threads(void)
{
	for (long i = 0; i < length_ms; i++)
		pthread_join(begin(nothing), NULL);
}

static void of_spin(void)
{
	spin(length_ms);
}

/* So much CPU time, however long that takes. */
static void of_work(void)
{
	struct timespec used;

	do {
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	} while (used.tv_sec * 1000 + used.tv_nsec / 1000000 < length_ms);
}

/* So many processes, one after the other. */
static void of_processes(void)
{
	for (long i = 0; i < length_ms; i++) {
		pid_t child = vfork();

		if (child == 0)
			_exit(0);
		check(child);
		check(waitpid(child, NULL, 0));
	}
}

static pthread_barrier_t all_there;

static void *meet(void *unused)
{
	pthread_barrier_wait(&all_there);
	return unused;
}

/* So many threads at once. */
static void of_crowd(void)
{
	pthread_t *threads = calloc((size_t)length_ms, sizeof(*threads));

	pthread_barrier_init(&all_there, NULL, (unsigned)length_ms + 1);
	for (long i = 0; i < length_ms; i++)
		threads[i] = begin(meet);
	meet(NULL);
	for (long i = 0; i < length_ms; i++)
		pthread_join(threads[i], NULL);
}

/* Until it is killed; says when it waits. */
static void of_stuck(void)
{
	static uint32_t word;

	check(write(STDOUT_FILENO, "\n", 1));
	for (;;)
		syscall(SYS_futex, &word, 0 /* FUTEX_WAIT */, 0, NULL, NULL, 0);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} kinds[] = {
		{ "sleep", of_sleep },	     { "poll", of_poll },   { "epoll", of_epoll },
		{ "eventfd", of_eventfd },   { "pipe", of_pipe },   { "socket", of_socket },
		{ "tcp", of_tcp },	     { "lock", of_lock },   { "flock", of_flock },
		{ "semaphore", of_semaphore }, { "child", of_child }, { "spawn", of_spawn },
		{ "vfork", of_vfork },	     { "stop", of_stop },   { "stopsleep", of_stopsleep },
		{ "runq", of_runq },	     { "uring", of_uring }, { "iowq", of_iowq },
		{ "threadexec", of_threadexec }, { "fsync", of_fsync }, { "fault", of_fault },
		{ "spike", of_spike },	     { "threads", of_threads }, { "spin", of_spin },
		{ "stuck", of_stuck }, { "pair", of_pair },	     { "work", of_work },
		{ "processes", of_processes }, { "crowd", of_crowd },
	};

	length_ms = argc > 2 ? atol(argv[2]) : 0;
	file = argc > 3 ? argv[3] : "";
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (argc > 1 && strcmp(argv[1], kinds[i].name) == 0) {
			kinds[i].run();
			return 0;
		}
	return 2;
}
