/* SPDX-License-Identifier: MIT */
/* library.c - what `shapes library` loads, calls and unloads again. */
void run(void (*spin)(unsigned));

__attribute__((noinline)) static void inner(void (*spin)(unsigned))
{
	volatile char some[200];

	some[0] = 1;
	spin(3000);
	some[1] = some[0];
}

void run(void (*spin)(unsigned))
{
	inner(spin);
	__asm__ volatile("");
}
