/* SPDX-License-Identifier: MIT */
#include "session/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"

#define LINE_BYTES 512 /* each has what is wanted in its first line */

static const char *const paths[LOAD_KINDS] = {
	[LOAD_CPU] = "/proc/stat",
	[LOAD_RUN_QUEUE] = "/proc/pressure/cpu",
	[LOAD_IO] = "/proc/pressure/io",
};

void load_open(struct load *load)
{
	for (int kind = 0; kind < LOAD_KINDS; kind++)
		load->fds[kind] = file_open(paths[kind]);
	error_clear();
}

void load_close(struct load *load)
{
	for (int kind = 0; kind < LOAD_KINDS; kind++)
		fd_closep(&load->fds[kind]);
}

/* "cpu  USER NICE SYSTEM IDLE IOWAIT IRQ SOFTIRQ ...", in ticks */
static bool read_cpu(const char *line, uint64_t *ret_ns)
{
	unsigned long long user, nice, system, irq, softirq;

	if (sscanf(line, "cpu %llu %llu %llu %*u %*u %llu %llu", &user, &nice, &system, &irq,
		   &softirq) != 5)
		return false;
	*ret_ns = (user + nice + system + irq + softirq) *
		  (NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK));
	return true;
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=MICROSECONDS" */
static bool read_pressure(const char *line, uint64_t *ret_ns)
{
	const char *total = strncmp(line, "some ", 5) == 0 ? strstr(line, "total=") : NULL;

	if (!total)
		return false;
	*ret_ns = strtoull(total + 6, NULL, 10) * NS_PER_US;
	return true;
}

void load_read(const struct load *load, struct load_sums *ret_sums)
{
	for (int kind = 0; kind < LOAD_KINDS; kind++) {
		char line[LINE_BYTES];
		ssize_t len = load->fds[kind] < 0
				      ? -1
				      : pread(load->fds[kind], line, sizeof(line) - 1, 0);

		ret_sums->has[kind] = false;
		if (len <= 0)
			continue;
		line[len] = '\0';
		ret_sums->has[kind] = kind == LOAD_CPU ? read_cpu(line, &ret_sums->ns[kind])
						       : read_pressure(line, &ret_sums->ns[kind]);
	}
}

const char *load_why(enum load_kind kind)
{
	return kind == LOAD_CPU ? "/proc/stat cannot be read"
				: "this kernel does not add up pressure: psi=1 on its command line";
}
