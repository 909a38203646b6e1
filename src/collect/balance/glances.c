/* SPDX-License-Identifier: MIT */
#include "collect/balance/glances.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

#define STAT_MAX_BYTES 4096

void glances_begin(struct account *account)
{
	vec_each(glance, &account->glances)
		account->processes.data[glance->process].glance = 0;
	account->glances.len = 0;
}

int glances_add(struct account *account, const struct balance_thread *thread,
		const struct balance_task *task)
{
	struct account_glance *glance;
	struct account_process *known;
	uint32_t process;
	int err = account_process(account, thread->pid, thread->process, &process);

	if (err)
		return err == -E2BIG ? 0 : err;
	known = &account->processes.data[process];
	if (!known->glance) {
		err = vec_push(&account->glances,
			       { .process = process, .cpu = ACCOUNT_NONE, .times = known->times });
		if (err)
			return err;
		known->glance = (uint32_t)account->glances.len;
	}
	glance = &account->glances.data[known->glance - 1];
	times_add(&glance->times, &thread->times);
	glance->threads++;
	if (task && task->pages > 0)
		glance->rss_bytes = (uint64_t)task->pages * (uint64_t)sysconf(_SC_PAGESIZE);
	known->parent_pid = thread->parent;
	if (task)
		memcpy(known->comm, task->comm, sizeof(known->comm));
	return 0;
}

/* Fields 23 and 39 of /proc/PID/stat; what has just ended has none. */
static void read_stat(struct account_glance *glance, uint32_t pid)
{
	own(freep) char *text = NULL;
	unsigned long vm_bytes;
	const char *rest;
	char path[64];
	unsigned cpu;
	size_t len;
	own(fd_closep) int fd = -1;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || file_read_all(fd, STAT_MAX_BYTES, &text, &len))
		return;
	rest = strrchr(text, ')'); /* the name before it may hold anything */
	if (!rest ||
	    sscanf(rest + 1,
		   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
		   "%*d %*u %lu %*d %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*d %u",
		   &vm_bytes, &cpu) != 2)
		return;
	glance->vm_bytes = vm_bytes;
	glance->cpu = cpu;
}

void glances_end(struct account *account)
{
	vec_each(glance, &account->glances)
		read_stat(glance, account->processes.data[glance->process].pid);
}
