// SPDX-License-Identifier: MIT
// server.cc - `server threads|coroutines PORT`: an HTTP/1.1 server whose handler is in the middle of its work while
// others are, by a thread or by a coroutine of one thread for each connection.
//
// GET /N answers the sum of 0..N, found by recursion; of each third N the handler throws, and the answer is 500.  It
// ends at the first line of its input.
#include <arpa/inet.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <thread>
#include <ucontext.h>
#include <unistd.h>
#include <vector>

static const size_t STACK_BYTES = 1 << 18;

struct coroutine {
	ucontext_t context;
	std::vector<char> stack;
	int fd;
	bool is_done;
};

static thread_local coroutine *current; // none: a thread
static ucontext_t scheduler;

static void yield()
{
	if (current)
		swapcontext(&current->context, &scheduler);
	else
		std::this_thread::yield();
}

namespace shop {
__attribute__((noinline)) long add(long n)
{
	if (n % 16 == 8)
		yield();
	return n ? n + add(n - 1) : 0;
}

__attribute__((noinline)) long total(long n)
{
	long sum = add(n);

	yield();
	if (n % 3 == 0)
		throw std::runtime_error("no");
	return sum;
}
} // namespace shop

static std::string answer(long n)
{
	std::string body, status = "200 OK";

	try {
		body = std::to_string(shop::total(n));
	} catch (std::exception &error) {
		status = "500 Internal Server Error";
		body = error.what();
	}
	return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

static void serve(int fd)
{
	std::string got;
	char bytes[4096];

	for (;;) {
		ssize_t len = read(fd, bytes, sizeof(bytes));

		if (len < 0 && errno == EAGAIN) {
			yield();
			continue;
		}
		if (len <= 0)
			break;
		got.append(bytes, (size_t)len);
		if (got.find("\r\n\r\n") == std::string::npos)
			continue;
		std::string text = answer(atol(got.c_str() + strlen("GET /")));
		if (write(fd, text.data(), text.size()) != (ssize_t)text.size())
			break;
		got.clear();
	}
	close(fd);
}

static void run_coroutine()
{
	serve(current->fd);
	current->is_done = true;
	setcontext(&scheduler);
}

static void start(std::vector<coroutine *> &all, int fd)
{
	coroutine *one = new coroutine();

	fcntl(fd, F_SETFL, O_NONBLOCK);
	one->fd = fd;
	one->stack.resize(STACK_BYTES);
	getcontext(&one->context);
	one->context.uc_stack.ss_sp = one->stack.data();
	one->context.uc_stack.ss_size = STACK_BYTES;
	makecontext(&one->context, run_coroutine, 0);
	all.push_back(one);
}

static void run_coroutines(int listener)
{
	std::vector<coroutine *> all;

	for (;;) {
		pollfd waits[] = { { listener, POLLIN, 0 }, { STDIN_FILENO, POLLIN, 0 } };

		if (poll(waits, 2, all.empty() ? -1 : 1) > 0 && waits[0].revents)
			start(all, accept(listener, nullptr, nullptr));
		if (waits[1].revents)
			return;
		for (size_t i = 0; i < all.size(); i++) {
			current = all[i];
			swapcontext(&scheduler, &all[i]->context);
			if (all[i]->is_done) {
				delete all[i];
				all.erase(all.begin() + (long)i--);
			}
		}
	}
}

int main(int argc, char **argv)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	sockaddr_in address = {};
	char line[16];

	if (argc < 3)
		return 2;
	address.sin_family = AF_INET;
	address.sin_port = htons((uint16_t)atoi(argv[2]));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (sockaddr *)&address, sizeof(address)) || listen(listener, 64))
		return 1;
	if (strcmp(argv[1], "coroutines") == 0) {
		run_coroutines(listener);
		return 0;
	}
	std::thread([listener] {
		for (;;)
			std::thread(serve, accept(listener, nullptr, nullptr)).detach();
	}).detach();
	if (!fgets(line, sizeof(line), stdin))
		return 1;
	_exit(0);
}
