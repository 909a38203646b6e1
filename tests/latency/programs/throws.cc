// SPDX-License-Identifier: MIT
// throws.cc - every third call of shop::Cart::total throws; prints how many did, after a line on stdin.
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

namespace shop {
struct Cart {
	__attribute__((noinline)) int total(int n);
};

int Cart::total(int n)
{
	__asm__ volatile("" ::: "memory");
	if (n % 3 == 0)
		throw std::runtime_error("empty");
	return n;
}
} // namespace shop

int main(int argc, char **argv)
{
	shop::Cart cart;
	long sum = 0, caught = 0;
	char line[16];

	if (argc < 2 || !fgets(line, sizeof(line), stdin))
		return 2;
	for (int i = 0; i < atoi(argv[1]); i++) {
		try {
			sum += cart.total(i);
		} catch (std::exception &) {
			caught++;
		}
	}
	printf("%ld %ld\n", sum, caught);
}
