/* SPDX-License-Identifier: MIT */
/* nested CALLS FAST DEPTH: after a line on standard input outer() waits CALLS times in inner(), five times for 4 ms, and each
 * fifth time for 200 ms more in rare().  Before that quick() is called FAST times, and deep() calls itself DEPTH
 * times inside of each other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))

NOINLINE int inner(void)
{
	return usleep(4000) + 1;
}

NOINLINE int rare(void)
{
	return usleep(200000) + 1;
}

NOINLINE int outer(int n)
{
	int sum = 0;

	for (int i = 0; i < 5; i++)
		sum += inner();
	return n % 5 ? sum : sum + rare();
}

NOINLINE int quick(int n)
{
	__asm__ volatile("" ::: "memory");
	return n & 1;
}

NOINLINE int deep(int n)
{
	volatile int below = n ? deep(n - 1) : 0;

	if (n % 200 == 0) /* whoever is told of each call keeps up */
		usleep(5000);
	return below + 1;
}

int main(int argc, char **argv)
{
	int calls = argc > 1 ? atoi(argv[1]) : 0, fast = argc > 2 ? atoi(argv[2]) : 0, sum = 0;
	int depth = argc > 3 ? atoi(argv[3]) : 0;
	char line[16];

	if (!fgets(line, sizeof(line), stdin))
		return 2;
	for (int n = 0; n < fast; n++)
		sum += quick(n);
	sum += deep(depth);
	for (int n = 0; n < calls; n++)
		sum += outer(n);
	printf("%d\n", sum);
}
