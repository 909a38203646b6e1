/* SPDX-License-Identifier: MIT */
/* Calls by way of the 32-bit ABI, whose numbers mean other calls: 59 is execve() in the 64-bit one and
 * oldolduname() here, which fails by its bad address; 20 is getpid() here and writev() there.  Prints
 * how the first one failed, and what the second one told, COUNT times.
 */
#include <stdio.h>
#include <stdlib.h>

static long call(long number, long argument)
{
	long result = -38; /* ENOSYS */

#ifdef __x86_64__
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(argument) : "memory");
#endif
	return result;
}

int main(int argc, char **argv)
{
	long count = argc > 1 ? atol(argv[1]) : 1, pid = 0;

	printf("%ld\n", -call(59, 1));
	for (long i = 0; i < count; i++)
		pid = call(20, 0);
	printf("%ld\n", pid);
	return 0;
}
