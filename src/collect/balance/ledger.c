/* SPDX-License-Identifier: MIT */
#include "collect/balance/ledger.h"

#include <string.h>

/* Its process and the parent of that, entered where they are new; the parent's own record comes later. */
static int find_process(struct account *account, const struct balance_thread *thread,
			uint32_t *ret_process)
{
	uint32_t process, parent = ACCOUNT_NONE;
	int err = account_process(account, thread->pid, thread->process, &process);

	if (!err && thread->parent_process)
		err = account_process(account, thread->parent, thread->parent_process, &parent);
	if (err)
		return err;
	account->processes.data[process].parent = parent;
	account->processes.data[process].parent_pid = thread->parent;
	*ret_process = process;
	return 0;
}

int ledger_thread(struct ledger *ledger, const struct balance_thread *thread)
{
	struct account *account = ledger->account;
	struct account_thread row = {
		.tid = thread->tid,
		.born_mono_ns = thread->born,
		.died_mono_ns = thread->died,
		.is_io_worker = thread->flags & BALANCE_IO_WORKER,
		.is_alive = thread->flags & BALANCE_ALIVE,
		.is_cut = thread->flags & BALANCE_CUT,
		.times = thread->times,
	};
	struct account_process *process;
	int err = find_process(account, thread, &row.process);

	if (err == -E2BIG)
		return coverage_lose(&account->coverage,
				     "processes: too many to list, in the sums all the same", 1,
				     thread->died);
	if (err)
		return err;
	memcpy(row.comm, thread->comm, sizeof(row.comm));
	row.comm[sizeof(row.comm) - 1] = '\0';
	process = &account->processes.data[row.process];
	if (thread->flags & BALANCE_LAST) {
		process->has_status = true;
		process->status = thread->exit_code;
	}
	if (thread->rss_pages) {
		uint64_t bytes = thread->rss_pages * (uint64_t)sysconf(_SC_PAGESIZE);

		process->has_rss = true;
		if (bytes > process->rss_peak_bytes)
			process->rss_peak_bytes = bytes;
	}
	return account_thread(account, &row);
}

static int take_exec(struct ledger *ledger, const struct balance_exec *exec, size_t len)
{
	struct account *account = ledger->account;
	size_t head = offsetof(struct balance_exec, argv);
	uint32_t process;
	char file[BALANCE_FILE_BYTES];
	int err;

	if (len < head || exec->argv_len > len - head)
		return 0;
	memcpy(file, exec->file, sizeof(file));
	file[sizeof(file) - 1] = '\0';
	err = account_process(account, exec->pid, exec->process, &process);
	if (err == -E2BIG)
		return 0; /* counted with its threads */
	return err
		       ?: account_exec(account, process, exec->at, file, exec->argv, exec->argv_len,
				       exec->argv_bytes);
}

int ledger_space(struct ledger *ledger, const struct balance_space *space)
{
	struct ledger_space_row row = {
		.peak_pages = (uint64_t)space->peak_pages,
		.pages_at_peak = (uint64_t)space->pages_at_peak,
		.peak = space->peak,
	};
	int err = account_process(ledger->account, space->pid, space->process, &row.process);

	if (err == -E2BIG)
		return 0;
	return err ?: vec_push(&ledger->spaces, row);
}

int ledger_take(struct ledger *ledger, const void *data, size_t len)
{
	uint32_t kind;

	if (len < sizeof(kind))
		return 0;
	memcpy(&kind, data, sizeof(kind));
	switch (kind) {
	case BALANCE_THREAD:
		return len < sizeof(struct balance_thread) ? 0 : ledger_thread(ledger, data);
	case BALANCE_EXEC:
		return take_exec(ledger, data, len);
	case BALANCE_SPACE:
		return len < sizeof(struct balance_space) ? 0 : ledger_space(ledger, data);
	default:
		return 0;
	}
}

void ledger_memory(struct ledger *ledger, uint64_t page_bytes)
{
	vec_each(space, &ledger->spaces) {
		struct account_process *process = &ledger->account->processes.data[space->process];
		uint64_t most = space->peak_pages * page_bytes;

		process->has_rss = true;
		if (most > process->rss_peak_bytes)
			process->rss_peak_bytes = most;
		/* One that has not changed since then held what it did; a dead one held nothing. */
		if (space->peak == ledger->peak)
			process->rss_at_tree_peak_bytes += space->pages_at_peak * page_bytes;
	}
}

/* What the kernel counted since what the cell holds; @now may be the same: nothing. */
static void count_since(struct balance_times *times, const struct balance_times *now)
{
	times->kernel_cpu = now->kernel_cpu - times->kernel_cpu;
	times->kernel_delay = now->kernel_delay - times->kernel_delay;
	times->kernel_voluntary = now->kernel_voluntary - times->kernel_voluntary;
	times->kernel_involuntary = now->kernel_involuntary - times->kernel_involuntary;
	times->minor_faults = now->minor_faults - times->minor_faults;
	times->major_faults = now->major_faults - times->major_faults;
	times->read_chars = now->read_chars - times->read_chars;
	times->written_chars = now->written_chars - times->written_chars;
	times->reads = now->reads - times->reads;
	times->writes = now->writes - times->writes;
	times->disk_read = now->disk_read - times->disk_read;
	times->disk_written = now->disk_written - times->disk_written;
	times->disk_cancelled = now->disk_cancelled - times->disk_cancelled;
}

void ledger_close(struct balance_cell *cell, const struct balance_task *task, uint64_t at)
{
	struct balance_thread *thread = &cell->thread;
	struct balance_times *times = &thread->times;
	uint64_t woken = cell->woken, reason = cell->reason;

	if (at < cell->stamp)
		at = cell->stamp;
	if (cell->state == BALANCE_UNKNOWN && task)
		cell->state = task->on_cpu  ? BALANCE_RUNNING
			      : task->state ? BALANCE_BLOCKED
					    : BALANCE_QUEUED;
	if (cell->state == BALANCE_BLOCKED) {
		if (!woken || woken > at)
			woken = at;
		if (woken < cell->stamp)
			woken = cell->stamp;
		times->blocked[reason < BALANCE_REASONS ? reason : BLOCK_UNSEEN] +=
			woken - cell->stamp;
		times->runq += at - woken;
	} else if (cell->state == BALANCE_QUEUED) {
		times->runq += at - cell->stamp;
	} else {
		times->running += at - cell->stamp;
	}
	times->life = at - thread->born;
	thread->died = at;
	thread->flags |= BALANCE_CUT;
	if (!(thread->flags & BALANCE_EXITED))
		thread->flags |= BALANCE_ALIVE;
	if (task) {
		memcpy(thread->comm, task->comm, sizeof(thread->comm));
		thread->flags |= task->flags & BALANCE_IO_WORKER;
	}
	count_since(times, task ? &task->counters : times);
}
