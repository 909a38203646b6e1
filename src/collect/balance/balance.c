/* SPDX-License-Identifier: MIT */
#include "collect/balance/balance.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/clock.h"
#include "base/error.h"
#include "collect/balance/glances.h"
#include "collect/balance/ledger.h"
#include "collect/balance/programs.h"
#include "collect/balance/tables.h"
#include "collect/balance/tiers.h"
#include "collect/namespace.h"
#include "collect/rights.h"

#define MARK_PASSES_MAX 64 /* each finds the children of what the last one found */

struct balance {
	struct account *account;
	struct balance_options options;
	struct balance_programs programs;
	struct ledger ledger;
	struct ring_buffer *ring;
	struct balance_tasks tasks;
	struct tiers tiers;
	uint32_t *filter; /* the map `members` */
	const uint32_t *pids;
	size_t pid_count;
	bool glances;
	vec(int) links;
	int drain_err;
};

static int on_record(void *context, void *data, size_t len)
{
	struct balance *balance = context;

	balance->drain_err = ledger_take(&balance->ledger, data, len);
	return balance->drain_err;
}

static int map_memory(struct balance *balance)
{
	size_t bytes = BALANCE_FILTER * sizeof(u32);
	void *filter =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, balance->programs.members, 0);

	if (filter == MAP_FAILED)
		return fail(-errno, "cannot map the filter of threads: %m");
	balance->filter = filter;
	balance->ring = ring_buffer__new(balance->programs.records, on_record, balance, NULL);
	return balance->ring ? 0 : fail(-errno, "cannot map the ring buffer: %m");
}

int balance_open(const struct balance_request *request, struct account *account,
		 struct balance **ret_balance)
{
	own(balance_closep) struct balance *balance = calloc(1, sizeof(*balance));
	int err;

	if (!balance)
		return -ENOMEM;
	balance->account = account;
	balance->ledger.account = account;
	balance->options.launch_pid = (u32)request->launch;
	balance->options.attached = request->pid_count > 0;
	balance->pids = request->pids;
	balance->pid_count = request->pid_count;
	balance->glances = request->glances;
	err = namespace_of_pids(&balance->options.pid_namespace);
	if (err)
		return err;
	err = programs_load(&balance->options, &balance->programs);
	if (err)
		return err == -ENOMEM ? err : rights_fail_load(err, "the programs of the balance");
	err = map_memory(balance);
	err = err ?: coverage_set_mode(&account->coverage, "bpf");
	err = err
		      ?: tiers_open(&balance->tiers, account, &balance->programs, request->syscalls,
				    request->latency, request->files);
	if (err)
		return err;
	*ret_balance = take(balance);
	return 0;
}

static bool is_chosen(const struct balance *balance, uint32_t pid)
{
	for (size_t i = 0; i < balance->pid_count; i++)
		if (balance->pids[i] == pid)
			return true;
	return false;
}

static int find_cell(const struct balance *balance, u64 task, struct balance_cell *cell)
{
	return bpf_map_lookup_elem(balance->programs.cells, &task, cell);
}

/* The moment that stands for the birth of a process which was there before: that of the first look. */
static u64 process_of(struct balance *balance, const struct balance_task *task)
{
	uint32_t process;

	vec_each(known, &balance->account->processes)
		if (known->pid == task->pid)
			return known->born_mono_ns;
	return account_process(balance->account, task->pid, task->at, &process) ? 0 : task->at;
}

/* What is resident in its address space already; threads share one. */
static void mark_space(struct balance *balance, const struct balance_task *task, u64 process)
{
	struct balance_memory *memory = balance->programs.memory;
	struct balance_space space = {
		.kind = BALANCE_SPACE,
		.pid = task->pid,
		.process = process,
		.pages = task->pages,
		.peak_pages = task->pages,
	};
	s64 sum;

	if (!task->mm ||
	    bpf_map_update_elem(balance->programs.spaces, &task->mm, &space, BPF_NOEXIST))
		return;
	sum = __atomic_add_fetch(&memory->pages, task->pages, __ATOMIC_RELAXED);
	if (sum > memory->peak_pages) {
		memory->peak_pages = sum;
		memory->peak_at = task->at;
		memory->peak++;
	}
}

/* Enters a task that runs already.  Which state it is in, the next event tells. */
static int mark(struct balance *balance, const struct balance_task *task,
		const struct balance_cell *parent)
{
	struct balance_cell cell = {
		.stamp = task->at,
		.delay = task->counters.kernel_delay,
		.state = BALANCE_UNKNOWN,
		.is_midway = 1,
		.reason = task->reason,
		.call_reason = task->reason,
		.cpu = (u32)-1,
		.call = task->call,
		.kernel_tgid = task->kernel_tgid,
		.thread = {
			.tid = task->tid,
			.pid = task->pid,
			.process = process_of(balance, task),
			.born = task->at,
			.times = task->counters,
		},
	};

	if (parent) {
		cell.thread.parent = parent->thread.pid;
		cell.thread.parent_process = parent->thread.process;
	}
	if (bpf_map_update_elem(balance->programs.cells, &task->task, &cell, BPF_NOEXIST)) {
		if (errno == EEXIST)
			return 0;
		return fail(-errno, "cannot follow thread %u: %m", task->tid);
	}
	mark_space(balance, task, cell.thread.process);
	__atomic_add_fetch(&balance->filter[task->kernel_tgid % BALANCE_FILTER], 1,
			   __ATOMIC_RELAXED);
	__atomic_add_fetch(balance->programs.alive, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(balance->programs.born, 1, __ATOMIC_RELAXED);
	if (task->tid == task->pid)
		__atomic_add_fetch(balance->programs.born_processes, 1, __ATOMIC_RELAXED);
	return 1;
}

/* One look at all tasks.  Return: how many were new; -errno */
static int mark_pass(struct balance *balance)
{
	int found = 0, err = tasks_read(&balance->tasks, &balance->options);

	if (err)
		return err;
	vec_each(task, &balance->tasks.tasks) {
		struct balance_cell parent, own;
		bool has_parent = find_cell(balance, task->parent, &parent) == 0;

		if (!is_chosen(balance, task->pid) && !has_parent)
			continue;
		if (find_cell(balance, task->task, &own) == 0 &&
		    own.kernel_tgid == task->kernel_tgid)
			continue;
		err = mark(balance, task, has_parent ? &parent : NULL);
		if (err < 0)
			return err;
		found += err;
	}
	return found;
}

static int mark_running(struct balance *balance)
{
	for (size_t i = 0; i < balance->pid_count; i++) {
		if (kill((pid_t)balance->pids[i], 0) < 0 && errno == ESRCH)
			return fail(-ESRCH, "there is no process %u", balance->pids[i]);
	}
	for (int i = 0; i < MARK_PASSES_MAX; i++) {
		int found = mark_pass(balance);

		if (found <= 0)
			return found;
	}
	return 0;
}

/* What names the programs of the tree that was there before. */
static int name_running(struct balance *balance)
{
	vec_each(task, &balance->tasks.tasks) {
		struct balance_cell cell;
		int err;

		if (task->tid != task->pid || find_cell(balance, task->task, &cell))
			continue;
		err = tables_running(balance->account, &cell.thread);
		if (err)
			return err;
	}
	return 0;
}

/* Return: 0; -ENOMEM; -errno of the kernel, without fail() */
static int attach(struct balance *balance, const char *tracepoint, int program)
{
	int fd = bpf_raw_tracepoint_open(tracepoint, program);

	if (fd < 0)
		return fd;
	if (!vec_push(&balance->links, fd))
		return 0;
	close(fd);
	return -ENOMEM;
}

static int attach_hook(struct balance *balance, const struct balance_hook *hook)
{
	int err = attach(balance, hook->tracepoint, hook->program);

	if (err == -ENOENT && hook->instead[0]) {
		*balance->programs.in_parts = 1;
		err = attach(balance, hook->instead[0], hook->program);
		if (!err && hook->instead[1])
			err = attach(balance, hook->instead[1], hook->program);
	}
	if (!err || err == -ENOMEM)
		return err;
	if (hook->without)
		return account_lack(balance->account, hook->sections, hook->without);
	return fail(err == -ENOENT ? -ENOTSUP : err, "cannot attach to tracepoint '%s': %m",
		    hook->tracepoint);
}

int balance_start(struct balance *balance)
{
	int err = 0;

	for (const struct balance_hook *hook = balance->programs.hooks; !err && hook->tracepoint;
	     hook++)
		err = attach_hook(balance, hook);
	err = err ?: tiers_start(&balance->tiers);
	if (!err && balance->pid_count)
		err = mark_running(balance);
	return err ?: balance->pid_count ? name_running(balance) : 0;
}

int balance_drain(struct balance *balance)
{
	int err;

	balance->drain_err = 0;
	err = ring_buffer__consume(balance->ring);
	if (balance->drain_err)
		return balance->drain_err;
	if (err < 0)
		return fail(err, "cannot read the ring buffer: %m");
	return tiers_drain(&balance->tiers);
}

uint64_t balance_alive(const struct balance *balance)
{
	return __atomic_load_n(balance->programs.alive, __ATOMIC_RELAXED);
}

uint64_t balance_root_born(const struct balance *balance)
{
	return __atomic_load_n(balance->programs.root_process, __ATOMIC_RELAXED);
}

int balance_descriptor(const struct balance *balance)
{
	return ring_buffer__epoll_fd(balance->ring);
}

/* Threads that outlive the run; of one that died without a word, its life ends with its exit. */
static int close_cells(struct balance *balance, uint64_t at)
{
	u64 key, *last = NULL, missed = 0;
	struct balance_cell cell;
	int err = 0;

	while (!err && bpf_map_get_next_key(balance->programs.cells, last, &key) == 0) {
		const struct balance_task *task;
		uint64_t until = at;

		last = &key;
		if (find_cell(balance, key, &cell))
			continue;
		task = tasks_at(&balance->tasks, key, cell.kernel_tgid);
		if (!task) {
			missed += !cell.thread.exited;
			until = cell.thread.exited ?: cell.stamp;
		}
		ledger_close(&cell, task, until);
		if (cell.state == BALANCE_BLOCKED)
			tables_add_call(balance->account, cell.call, until - cell.stamp);
		times_add(&balance->account->totals, &cell.thread.times);
		err = ledger_thread(&balance->ledger, &cell.thread);
	}
	return err
		       ?: coverage_lose(&balance->account->coverage,
					"threads: the kernel did not tell of their end", missed,
					at);
}

static int report_losses(struct balance *balance, uint64_t at)
{
	const struct balance_refused *refused = balance->programs.refused;
	const struct {
		const char *kind;
		uint64_t count;
	} rows[] = {
		{ "threads: no room to follow them", refused->threads },
		{ "threads: another came in their place", refused->ended },
		{ "records: ring buffer full, in the sums all the same", refused->records },
		{ "address spaces: no room to follow them", refused->spaces },
		{ "network peers: too many", refused->peers },
		{ "TCP connections: too many at once to follow", refused->sockets },
		{ "block requests: too many at once", refused->requests },
		{ "block devices: too many", refused->devices },
	};
	int err = 0;

	for (size_t i = 0; !err && i < array_len(rows); i++)
		err = coverage_lose(&balance->account->coverage, rows[i].kind, rows[i].count, at);
	return err;
}

static int finish_tables(struct balance *balance)
{
	const struct balance_programs *programs = &balance->programs;
	struct account *account = balance->account;
	int err;

	err = tables_totals(account, programs->totals);
	err = err ?: tables_calls(account, programs->calls);
	err = err ?: tables_peers(account, programs->peers, programs->sockets);
	err = err ?: tables_devices(account, programs->devices);
	balance->ledger.peak = programs->memory->peak;
	err = err ?: tables_spaces(&balance->ledger, programs->spaces);
	if (!err)
		tables_memory(&balance->ledger, programs->memory);
	return err;
}

/* Sums of the living, as if their lives ended now. */
static int add_living(struct balance *balance, struct account_moment *moment,
		      struct balance_times *sums)
{
	u64 key, *last = NULL;
	struct balance_cell cell;
	int err = 0;

	while (!err && bpf_map_get_next_key(balance->programs.cells, last, &key) == 0) {
		const struct balance_task *task;

		last = &key;
		if (find_cell(balance, key, &cell))
			continue;
		task = tasks_at(&balance->tasks, key, cell.kernel_tgid);
		ledger_close(&cell, task, task ? task->at : moment->at_mono_ns);
		times_add(sums, &cell.thread.times);
		moment->threads++;
		moment->processes += cell.thread.tid == cell.thread.pid;
		if (balance->glances)
			err = glances_add(balance->account, &cell.thread, task);
	}
	return err;
}

int balance_moment(struct balance *balance)
{
	struct account *account = balance->account;
	struct account_moment moment = { 0 };
	struct balance_times dead = account->totals, *sums = &account->totals;
	s64 pages = balance->programs.memory->pages;
	int err;

	if (account->moments.len >= ACCOUNT_MAX_MOMENTS)
		return coverage_lose(&account->coverage, "moments: too many", 1, clock_mono_ns());
	err = tasks_read(&balance->tasks, &balance->options);
	err = err ?: tables_totals(account, balance->programs.totals);
	if (err)
		return err;
	if (balance->glances)
		glances_begin(account);
	moment.at_mono_ns = clock_mono_ns(); /* the last of them were just read */
	err = add_living(balance, &moment, sums);
	if (!err && balance->glances)
		glances_end(account);
	moment.running_ns = sums->running;
	moment.runq_ns = sums->runq;
	memcpy(moment.blocked_ns, sums->blocked, sizeof(moment.blocked_ns));
	moment.read_bytes = sums->disk_read;
	moment.written_bytes = sums->disk_written;
	moment.read_chars = sums->read_chars;
	moment.written_chars = sums->written_chars;
	moment.minor_faults = sums->minor_faults;
	moment.major_faults = sums->major_faults;
	moment.rss_bytes = pages > 0 ? (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
	account->totals = dead; /* they are taken at the end */
	return err ?: vec_push(&account->moments, moment);
}

int balance_finish(struct balance *balance)
{
	int err = balance_alive(balance) ? tasks_open(&balance->tasks, &balance->options) : 0;
	uint64_t at = clock_mono_ns();

	if (err)
		return err;
	__atomic_store_n(balance->programs.stopped_at, at, __ATOMIC_RELEASE);
	vec_each(fd, &balance->links)
		close(*fd);
	balance->links.len = 0;
	balance->account->ended_mono_ns = at;
	tiers_stop(&balance->tiers);
	err = balance_drain(balance);
	if (!err && balance_alive(balance)) {
		err = tasks_read(&balance->tasks, &balance->options);
		err = err ?: balance_drain(balance);
		err = err ?: close_cells(balance, at);
	}
	balance->account->thread_count = *balance->programs.born;
	balance->account->process_count = *balance->programs.born_processes;
	err = err ?: finish_tables(balance);
	err = err ?: tiers_finish(&balance->tiers);
	return err ?: report_losses(balance, at);
}

void balance_close(struct balance *balance)
{
	if (!balance)
		return;
	vec_each(fd, &balance->links)
		close(*fd);
	vec_done(&balance->links);
	tasks_done(&balance->tasks);
	tiers_close(&balance->tiers);
	vec_done(&balance->ledger.spaces);
	ring_buffer__free(balance->ring);
	if (balance->filter)
		munmap(balance->filter, BALANCE_FILTER * sizeof(u32));
	if (balance->programs.skeleton)
		balance->programs.destroy(balance->programs.skeleton);
	free(balance);
}
