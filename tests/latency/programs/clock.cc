// SPDX-License-Identifier: MIT
// clock.cc - as clock.c, in C++.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

using std::chrono::steady_clock;

namespace shop {
struct Till {
	long first;
	std::vector<long> inside, around;

	__attribute__((noinline)) void timed_work(long n);
	void run(long calls);
};

void Till::timed_work(long n)
{
	auto began = steady_clock::now();
	std::this_thread::sleep_for(std::chrono::microseconds(n * 7919 % 3000));
	inside.push_back((steady_clock::now() - began).count());
}

void Till::run(long calls)
{
	for (long n = first; n < first + calls; n++) {
		auto began = steady_clock::now();
		timed_work(n);
		around.push_back((steady_clock::now() - began).count());
	}
}
} // namespace shop

static void tell(std::vector<long> times)
{
	std::sort(times.begin(), times.end());
	for (long one : times)
		printf("%ld ", one);
	putchar('\n');
}

int main(int argc, char **argv)
{
	std::vector<std::thread> threads;
	std::vector<shop::Till> tills(4);
	std::vector<long> inside, around;
	long calls = argc > 1 ? atol(argv[1]) : 0;
	char line[16];

	if (!fgets(line, sizeof(line), stdin))
		return 2;
	for (auto &till : tills) {
		till.first = (&till - &tills[0]) * calls;
		threads.emplace_back(&shop::Till::run, &till, calls);
	}
	for (auto &thread : threads)
		thread.join();
	for (auto &till : tills) {
		inside.insert(inside.end(), till.inside.begin(), till.inside.end());
		around.insert(around.end(), till.around.begin(), till.around.end());
	}
	tell(inside);
	tell(around);
}
