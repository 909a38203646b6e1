/* SPDX-License-Identifier: MIT */
/* mixed CALLS: after a line on standard input work() waits for 2 ms in usual() each time, and each fifth time for
 * 40 ms more in rare().
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))

NOINLINE int usual(void)
{
	return usleep(2000) + 1;
}

NOINLINE int rare(void)
{
	return usleep(40000) + 1;
}

NOINLINE int work(int n)
{
	int sum = usual();

	return n % 5 ? sum : sum + rare();
}

int main(int argc, char **argv)
{
	int calls = argc > 1 ? atoi(argv[1]) : 0, sum = 0;
	char line[16];

	if (!fgets(line, sizeof(line), stdin))
		return 2;
	for (int n = 0; n < calls; n++)
		sum += work(n);
	printf("%d\n", sum);
}
