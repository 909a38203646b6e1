/* SPDX-License-Identifier: MIT */
/* points.c - probe points as sys/sdt.h makes them, hit a known number of times; one has a semaphore.
 *
 * usage: points N      after a line on standard input; prints how often the semaphore was raised
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define POINT(name, semaphore)                                                   \
	__asm__ volatile("990:	nop\n"                                            \
			 ".pushsection .note.stapsdt,\"\",\"note\"\n"             \
			 ".balign 4\n.4byte 992f-991f, 994f-993f, 3\n"            \
			 "991: .asciz \"stapsdt\"\n992: .balign 4\n"              \
			 "993: .8byte 990b, _.stapsdt.base, " semaphore "\n"      \
			 ".asciz \"shop\"\n.asciz \"" name "\"\n.asciz \"\"\n"    \
			 "994: .balign 4\n.popsection\n")

/* Where they were when the file was linked. */
__asm__(".pushsection .stapsdt.base,\"aG\",\"progbits\",.stapsdt.base,comdat\n"
	".weak _.stapsdt.base\n.hidden _.stapsdt.base\n_.stapsdt.base: .space 1\n"
	".size _.stapsdt.base, 1\n.popsection\n");

__attribute__((section(".probes"), used)) volatile unsigned short paid_semaphore;

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000 }, NULL);
}

int main(int argc, char **argv)
{
	long raised = 0;
	char line[16];

	if (argc < 2 || !fgets(line, sizeof(line), stdin))
		return 2;
	for (long i = 0; i < atol(argv[1]); i++) {
		POINT("order__begin", "0");
		pause_ms(2);
		if (paid_semaphore) {
			raised++;
			POINT("paid", "paid_semaphore");
		}
		POINT("order__end", "0");
	}
	printf("%ld\n", raised);
	return 0;
}
