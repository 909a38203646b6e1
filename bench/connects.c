// SPDX-License-Identifier: MIT
/* connects COUNT RATE BYTES - makes TCP connections over loopback, one after the other: a client that
 * sends BYTES and closes, and a server, in a process of its own, that reads them and closes.
 *
 * RATE is per second, 0: as fast as it goes.  Prints how many were made and in what time.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S    1000000000ull
#define PER_ADDRESS 20000 /* a port stays in use for a minute */
#define BYTES_MAX   65536

static char bytes[BYTES_MAX];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static int open_socket(uint32_t address, int *ret_port)
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(address) };
	socklen_t len = sizeof(name);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof(yes));
	if (fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof(name)))
		die("bind");
	if (!ret_port)
		return fd;
	if (listen(fd, 4096) || getsockname(fd, (struct sockaddr *)&name, &len))
		die("listen");
	*ret_port = ntohs(name.sin_port);
	return fd;
}

static void serve(int listener)
{
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			die("accept");
		while (read(fd, bytes, sizeof(bytes)) > 0)
			;
		close(fd);
	}
}

static void connect_once(uint32_t from, int port, size_t len)
{
	struct sockaddr_in name = { .sin_family = AF_INET,
				    .sin_port = htons((uint16_t)port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = open_socket(from, NULL);

	if (connect(fd, (struct sockaddr *)&name, sizeof(name)))
		die("connect");
	if (len && write(fd, bytes, len) != (ssize_t)len)
		die("write");
	close(fd);
}

int main(int argc, char **argv)
{
	uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000, begin, due;
	uint64_t rate = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
	size_t len = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
	int port = 0, listener = open_socket(INADDR_LOOPBACK, &port);
	pid_t server = fork();

	if (len > BYTES_MAX)
		return 2;
	if (server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(listener);
	}
	close(listener);
	begin = due = now_ns();
	for (uint64_t i = 0; i < count; i++) {
		/* Other addresses of loopback, so that ports do not run out. */
		connect_once(INADDR_LOOPBACK + 1 + (uint32_t)(i / PER_ADDRESS), port, len);
		due += rate ? NS_PER_S / rate : 0;
		while (rate && now_ns() < due)
			;
	}
	due = now_ns() - begin;
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	printf("{\"made\":%lu,\"ns\":%lu,\"pid\":%d,\"server\":%d}\n", (unsigned long)count,
	       (unsigned long)due, getpid(), server);
	return 0;
}
