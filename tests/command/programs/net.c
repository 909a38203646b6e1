/* SPDX-License-Identifier: MIT */
/* net.c - BYTES over TCP on the loopback, sent and received in one of several ways.
 *
 *     net plain|peek|splice|sendfile|many BYTES
 *
 * Prints the port of the server.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

static long check(long result)
{
	if (result < 0) {
		perror("net");
		exit(1);
	}
	return result;
}

static void send_all(int fd, const char *how, const char *bytes, size_t len)
{
	if (strcmp(how, "sendfile") == 0) {
		int file = (int)check(memfd_create("bytes", 0));

		check(write(file, bytes, len));
		for (off_t at = 0; at < (off_t)len;)
			check(sendfile(fd, file, &at, len - (size_t)at));
	} else if (strcmp(how, "many") == 0) {
		struct iovec halves[2] = { { (void *)bytes, len / 2 },
					   { (void *)(bytes + len / 2), len - len / 2 } };
		struct mmsghdr messages[2] = { { .msg_hdr = { .msg_iov = &halves[0],
							      .msg_iovlen = 1 } },
					       { .msg_hdr = { .msg_iov = &halves[1],
							      .msg_iovlen = 1 } } };

		check(sendmmsg(fd, messages, 2, 0));
	} else {
		check(write(fd, bytes, len));
	}
}

static void splice_all(int fd, size_t len)
{
	int nowhere = (int)check(open("/dev/null", O_WRONLY)), pipes[2];

	check(pipe(pipes));
	for (size_t done = 0; done < len;) {
		size_t part = (size_t)check(splice(fd, NULL, pipes[1], NULL, len - done, 0));

		check(splice(pipes[0], NULL, nowhere, NULL, part, 0));
		done += part;
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int listener = (int)check(socket(AF_INET, SOCK_STREAM, 0)), writer, reader;
	size_t len = argc > 2 ? (size_t)atol(argv[2]) : 0;
	char *bytes = calloc(1, len + 1);

	check(bind(listener, (struct sockaddr *)&address, size));
	check(listen(listener, 1));
	check(getsockname(listener, (struct sockaddr *)&address, &size));
	writer = (int)check(socket(AF_INET, SOCK_STREAM, 0));
	check(connect(writer, (struct sockaddr *)&address, size));
	reader = (int)check(accept(listener, NULL, NULL));
	send_all(writer, argv[1], bytes, len);
	shutdown(writer, SHUT_WR);
	if (strcmp(argv[1], "peek") == 0)
		check(recv(reader, bytes, len, MSG_PEEK | MSG_WAITALL));
	if (strcmp(argv[1], "splice") == 0)
		splice_all(reader, len);
	else
		check(recv(reader, bytes, len, MSG_WAITALL));
	printf("%u\n", ntohs(address.sin_port));
	return 0;
}
