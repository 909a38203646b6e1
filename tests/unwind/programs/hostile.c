/* SPDX-License-Identifier: MIT */
/* hostile.c - keeps a CPU busy with a stack, or mappings, that no walk may trip over.
 *
 *     hostile garbage | loop | unmapped | mappings N | files N FILE
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define STACK_BYTES (1u << 16)

/* Spins with sp and fp of the caller's choice; nothing may touch the stack there. */
__attribute__((noreturn)) static void spin_on(void *sp, void *fp)
{
	__asm__ volatile("mov %0, %%rsp\n"
			 "mov %1, %%rbp\n"
			 "1: inc %%rax\n"
			 "jmp 1b"
			 :
			 : "r"(sp), "r"(fp)
			 : "rax", "memory");
	__builtin_unreachable();
}

/* Code without call frame information: a loop of two bytes, walked by the frame pointer alone. */
static void spin_in(void *code, uint64_t *stack)
{
	static const unsigned char loop[] = { 0xeb, 0xfe };

	memcpy(code, loop, sizeof(loop));
	mprotect(code, 4096, PROT_READ | PROT_EXEC);
	__asm__ volatile("mov %0, %%rsp\n"
			 "mov %1, %%rbp\n"
			 "jmp *%2"
			 :
			 : "r"(stack), "r"(stack + 16), "r"(code)
			 : "memory");
}

static void *map(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		exit(3);
	return at;
}

/* Every second page executable: each is a mapping of its own. */
static void map_many(unsigned count)
{
	char *at = map((size_t)count * 2 * 4096);
	unsigned made = 0;

	for (unsigned i = 0; i < count; i++)
		made += mprotect(at + (size_t)i * 8192, 4096, PROT_READ | PROT_EXEC) == 0;
	printf("%u mappings\n", made);
	fflush(stdout);
}

/* One page of code of a file, over and over: no two of them can be joined. */
static void map_file(unsigned count, const char *path)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	unsigned made = 0;

	while (made < count &&
	       mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0) != MAP_FAILED)
		made++;
	printf("%u mappings\n", made);
	fflush(stdout);
}

__attribute__((noinline)) static void work(volatile unsigned *sum)
{
	for (;;)
		++*sum;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	uint64_t *stack = map(STACK_BYTES);
	volatile unsigned sum = 0;

	srand(1);
	for (unsigned i = 0; i < STACK_BYTES / 8; i++)
		stack[i] = (uint64_t)rand() << 17 ^ (uint64_t)rand() << 40;
	if (strcmp(what, "garbage") == 0)
		spin_on(stack + 100, stack + 120);
	if (strcmp(what, "unmapped") == 0)
		spin_on((void *)0x1000, (void *)0xfffffffffffffff0);
	if (strcmp(what, "loop") == 0) {
		void *code = map(4096);

		for (unsigned i = 0; i < STACK_BYTES / 8; i += 2) { /* frames that point at each other */
			stack[i] = (uint64_t)(stack + (i ^ 2));
			stack[i + 1] = (uint64_t)code + 2;
		}
		spin_in(code, stack);
	}
	if (strcmp(what, "mappings") == 0) {
		map_many((unsigned)atoi(argv[2]));
		work(&sum);
	}
	if (strcmp(what, "files") == 0) {
		map_file((unsigned)atoi(argv[2]), argv[3]);
		work(&sum);
	}
	return 1;
}
