/* SPDX-License-Identifier: MIT */
/* host.c - runs the code of a file for as long as it lives.
 *
 *     host library FILE    loads a library and calls its spin()
 *     host map FILE        maps a file executable and calls what is at its second page
 *     host jit [MAP]       calls code in memory without a file; MAP: writes its perf-map there
 *     host dump FOLDER     the same, with a jitdump in FOLDER that it maps, as JIT compilers do
 *
 * Prints "ready" once it is about to begin.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096

/* push %rbp; mov %rsp,%rbp; mov $100000,%ecx; 1: dec %ecx; jnz 1b; pop %rbp; ret */
static const unsigned char code[] = { 0x55, 0x48, 0x89, 0xe5, 0xb9, 0xa0, 0x86, 0x01,
				      0x00, 0xff, 0xc9, 0x75, 0xfc, 0x5d, 0xc3 };

static void *fail_with(const char *what)
{
	perror(what);
	exit(1);
}

static void *from_library(const char *path)
{
	void *library = dlopen(path, RTLD_NOW);

	return (library ? dlsym(library, "spin") : NULL) ?: fail_with(path);
}

static void *from_file(const char *path)
{
	int fd = open(path, O_RDONLY);
	char *at = mmap(NULL, 2 * PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);

	if (at == MAP_FAILED || memcmp(at + PAGE, code, sizeof(code)) != 0)
		fail_with(path);
	return at + PAGE;
}

static void *from_memory(const char *map)
{
	void *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);
	FILE *out;

	if (at == MAP_FAILED)
		fail_with("mmap");
	memcpy(at, code, sizeof(code));
	if (!map)
		return at;
	out = fopen(map, "w");
	if (!out || fprintf(out, "%lx %x made_at_run_time\n", (unsigned long)at, PAGE) < 0 ||
	    fclose(out) != 0)
		fail_with(map);
	return at;
}

static void *with_dump(const char *folder)
{
	static const char name[] = "told_by_a_jitdump";
	void *at = from_memory(NULL);
	uint32_t pid = (uint32_t)getpid();
	uint32_t head[] = { 0x4a695444, 1, 40, 62, 0, pid, 0, 0, 0, 0 };
	uint32_t load[] = { 0, 56 + sizeof(name) + sizeof(code), 0, 0, pid, pid };
	uint64_t place[] = { (uintptr_t)at, (uintptr_t)at, PAGE, 1 };
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/jit-%u.dump", folder, pid);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	if (write(fd, head, sizeof(head)) < 0 || write(fd, load, sizeof(load)) < 0 ||
	    write(fd, place, sizeof(place)) < 0 || write(fd, name, sizeof(name)) < 0 ||
	    write(fd, code, sizeof(code)) < 0 ||
	    mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED)
		fail_with(path);
	return at;
}

int main(int argc, char **argv)
{
	const char *path = argc > 2 ? argv[2] : NULL;
	void *at = argc < 2                          ? fail_with("usage")
		   : strcmp(argv[1], "library") == 0 ? from_library(path)
		   : strcmp(argv[1], "map") == 0     ? from_file(path)
		   : strcmp(argv[1], "dump") == 0    ? with_dump(path)
						     : from_memory(path);
	void (*spin)(void) = (void (*)(void))at;

	puts("ready");
	fflush(stdout);
	for (;;)
		spin();
}
