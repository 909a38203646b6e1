// SPDX-License-Identifier: MIT
// args.c - `args CALLS` calls told() with known arguments, after a line on standard input.
#include <stdio.h>
#include <stdlib.h>

/* Its prologue does nothing for which the kernel does not step but to spoil an argument first. */
long spoils(long n);
__asm__(".text\n.globl spoils\n.type spoils, @function\n"
	"spoils: xor %edi, %edi\n	push %rbx\n	pop %rbx\n	ret\n.size spoils, . - spoils\n");

__attribute__((noinline)) long told(long number, int small, const char *text, const char *bad,
				    const char *counted, long bytes)
{
	char room[64];

	snprintf(room, sizeof(room), "%.4s", text);
	__asm__ volatile("" : : "r"(room), "r"(small), "r"(bad), "r"(counted), "r"(bytes) : "memory");
	return number + room[0];
}

int main(int argc, char **argv)
{
	static const char *const texts[] = {
		"plain", "",
		"a text that is longer than what is told of one, which is sixty-four bytes and no more",
		"\033[31mred\n\xff",
	};
	long calls = argc > 1 ? atol(argv[1]) : 0, sum = 0;
	char line[16];

	if (!fgets(line, sizeof(line), stdin))
		return 2;
	for (long i = 0; i < calls; i++) {
		sum += told(i << 40, -(int)i, texts[i % 4], (const char *)16, "counted", i % 8);
		sum += spoils(i);
	}
	printf("%d\n", sum != 1);
}
