/* SPDX-License-Identifier: MIT */
#include "session/machine.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/own.h"
#include "collect/trace/counters.h"

/* NAME: received bytes, seven more, sent bytes, ... */
struct machine_net machine_net(void)
{
	own(file_closep) FILE *file = fopen("/proc/net/dev", "re");
	struct machine_net sums = { 0 };
	char line[512], name[64];

	while (file && fgets(line, sizeof(line), file)) {
		unsigned long long received, sent;

		if (sscanf(line, " %63[^:]: %llu %*u %*u %*u %*u %*u %*u %*u %llu", name, &received,
			   &sent) != 3 ||
		    strcmp(name, "lo") == 0)
			continue;
		sums.received_bytes += received;
		sums.sent_bytes += sent;
	}
	return sums;
}

uint64_t machine_steal_ns(void)
{
	own(file_closep) FILE *stat = fopen("/proc/stat", "re");
	unsigned long long ticks = 0;

	if (!stat || fscanf(stat, "cpu %*u %*u %*u %*u %*u %*u %*u %llu", &ticks) != 1)
		return 0;
	return ticks * (NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK));
}

uint64_t machine_own_peak_bytes(void)
{
	own(freep) char *status = proc_read_task(getpid(), "status");

	return status ? proc_field(status, "VmHWM") * 1024 : 0;
}
