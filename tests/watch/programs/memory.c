/* SPDX-License-Identifier: MIT */
/* memory.c - a process that takes memory, or reads pages of a file.
 *
 *     memory take MIB      touches so much memory and prints its peak in kilobytes
 *     memory read FILE     drops a file from the cache, touches a page in each 2 MB of it, and prints how
 *                          many page faults read a disk
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define APART (2u << 20)

static struct rusage used(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage;
}

static int take(size_t mib)
{
	char *memory = malloc(mib << 20);

	if (!memory)
		return 1;
	memset(memory, 1, mib << 20);
	__asm__ volatile("" : : "r"(memory) : "memory");
	printf("%ld\n", used().ru_maxrss);
	return 0;
}

static int touch(const char *path)
{
	int file = open(path, O_RDONLY);
	struct stat info;
	volatile char *bytes, byte;

	if (file < 0 || fstat(file, &info) || fsync(file))
		return 1;
	posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
	bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, file, 0);
	if (bytes == MAP_FAILED)
		return 1;
	madvise((void *)bytes, (size_t)info.st_size, MADV_RANDOM);
	for (off_t at = 0; at < info.st_size; at += APART)
		byte = bytes[at];
	(void)byte;
	printf("%ld\n", used().ru_majflt);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	return strcmp(argv[1], "take") == 0 ? take(strtoull(argv[2], NULL, 10)) : touch(argv[2]);
}
