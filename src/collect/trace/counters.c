/* SPDX-License-Identifier: MIT */
#include "collect/trace/counters.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/own.h"

#define PROC_MAX_BYTES (1u << 20)

char *proc_read(pid_t tid, const char *name, size_t *ret_len)
{
	char path[96], *text = NULL;
	own(fd_closep) int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/%s", tid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || file_read_all(fd, PROC_MAX_BYTES, &text, ret_len))
		return NULL;
	return text;
}

char *proc_read_task(pid_t tid, const char *name)
{
	char path[64];
	size_t len;

	snprintf(path, sizeof(path), "task/%d/%s", tid, name);
	return proc_read(tid, path, &len);
}

uint64_t proc_field(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, len) == 0 && line[len] == ':')
			return strtoull(line + len + 1, NULL, 10);
	}
	return 0;
}

void counters_read(pid_t tid, struct balance_times *times)
{
	own(freep) char *schedstat = proc_read_task(tid, "schedstat");
	own(freep) char *status = proc_read_task(tid, "status");
	own(freep) char *stat = proc_read_task(tid, "stat");
	own(freep) char *io = proc_read_task(tid, "io");
	const char *behind = stat ? strrchr(stat, ')') : NULL;
	unsigned long long one = 0, other = 0;

	if (schedstat && sscanf(schedstat, "%llu %llu", &one, &other) == 2) {
		times->kernel_cpu = one;
		times->kernel_delay = other;
	}
	if (status) {
		times->kernel_voluntary = proc_field(status, "voluntary_ctxt_switches");
		times->kernel_involuntary = proc_field(status, "nonvoluntary_ctxt_switches");
	}
	if (behind &&
	    sscanf(behind, ") %*c %*d %*d %*d %*d %*d %*u %llu %*u %llu", &one, &other) == 2) {
		times->minor_faults = one;
		times->major_faults = other;
	}
	if (io) {
		times->read_chars = proc_field(io, "rchar");
		times->written_chars = proc_field(io, "wchar");
		times->reads = proc_field(io, "syscr");
		times->writes = proc_field(io, "syscw");
		times->disk_read = proc_field(io, "read_bytes");
		times->disk_written = proc_field(io, "write_bytes");
		times->disk_cancelled = proc_field(io, "cancelled_write_bytes");
	}
}

void counters_divide(struct balance_times *times)
{
	uint64_t left = times->life;

	times->running = times->kernel_cpu < left ? times->kernel_cpu : left;
	left -= times->running;
	times->runq = times->kernel_delay < left ? times->kernel_delay : left;
	times->blocked[BLOCK_UNSEEN] = left - times->runq;
	times->voluntary = times->kernel_voluntary;
	times->involuntary = times->kernel_involuntary;
}
