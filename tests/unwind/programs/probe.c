/* SPDX-License-Identifier: MIT */
/* probe.c - probes the entry or the return of a function of one process until its standard input ends.
 *
 *     probe entry|return PID FILE OFFSET
 *
 * OFFSET: of the function in the file, hexadecimal.  Prints "probing" once the probe is in place.
 */
#define _GNU_SOURCE
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PMU "/sys/bus/event_source/devices/uprobe/"

/* A number in a file of the kernel's; behind "config:" where there is that. */
static unsigned number_in(const char *path)
{
	FILE *file = fopen(path, "re");
	char text[64] = "";
	const char *at;

	if (!file || !fgets(text, sizeof(text), file)) {
		perror(path);
		exit(1);
	}
	fclose(file);
	at = strchr(text, ':');
	return (unsigned)strtoul(at ? at + 1 : text, NULL, 10);
}

int main(int argc, char **argv)
{
	struct perf_event_attr attr = { .size = sizeof(attr) };
	char byte;

	if (argc != 5)
		return 2;
	attr.type = number_in(PMU "type");
	if (strcmp(argv[1], "return") == 0)
		attr.config = 1ull << number_in(PMU "format/retprobe");
	attr.uprobe_path = (uintptr_t)argv[3];
	attr.probe_offset = strtoull(argv[4], NULL, 16);
	if (syscall(SYS_perf_event_open, &attr, atoi(argv[2]), -1, -1, 0) < 0) {
		perror("perf_event_open");
		return 1;
	}
	puts("probing");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
