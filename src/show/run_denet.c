/* SPDX-License-Identifier: MIT */
#include "show/run_denet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/json.h"
#include "show/run_tables.h"

#define TOP_ROWS 10 /* of denet's lists */

/* What a record of one process or of all has. */
struct figures {
	uint64_t running_before_ns, span_ns; /* for the share of a CPU */
	uint64_t rss_bytes, vm_bytes;
	uint64_t net_received_bytes, net_sent_bytes;
	uint64_t uptime_ns;
	uint32_t threads;
	const struct balance_times *times;
};

static uint64_t unix_ms(uint64_t mono_ns)
{
	return (mono_ns + clock_unix_offset_ns()) / NS_PER_MS;
}

static void begin_line(struct json *json, FILE *out, const char *kind)
{
	json_begin(json, out, false);
	json_object(json, NULL);
	json_text(json, "kind", kind);
}

static int end_line(struct json *json)
{
	json_object_end(json);
	putc('\n', json->out);
	return fflush(json->out) ? -errno : ferror(json->out) ? -EIO : 0;
}

static void put_figures(struct json *json, uint64_t at_mono_ns, const struct figures *figures)
{
	const struct balance_times *times = figures->times;
	uint64_t ran = times->running > figures->running_before_ns
			       ? times->running - figures->running_before_ns
			       : 0;

	json_u64(json, "ts_ms", unix_ms(at_mono_ns));
	json_double(json, "cpu_usage",
		    figures->span_ns ? 100.0 * (double)ran / (double)figures->span_ns : 0);
	json_u64(json, "mem_rss_kb", figures->rss_bytes / 1024);
	json_u64(json, "mem_vms_kb", figures->vm_bytes / 1024);
	json_u64(json, "disk_read_bytes", times->disk_read);
	json_u64(json, "disk_write_bytes", times->disk_written);
	json_u64(json, "syscall_read_bytes", times->read_chars);
	json_u64(json, "syscall_write_bytes", times->written_chars);
	json_u64(json, "page_faults_cached", times->minor_faults);
	json_u64(json, "page_faults_disk", times->major_faults);
	json_u64(json, "sys_net_rx_bytes", figures->net_received_bytes);
	json_u64(json, "sys_net_tx_bytes", figures->net_sent_bytes);
	json_u64(json, "thread_count", figures->threads);
	json_u64(json, "uptime_secs", figures->uptime_ns / NS_PER_S);
}

/* The pid of the command, or of the first of the processes that ran already. */
static uint32_t parent_pid(const struct run_denet *denet, const struct account *account)
{
	if (account->root != ACCOUNT_NONE)
		return account->processes.data[account->root].pid;
	return denet->view->pid_count ? denet->view->pids[0] : 0;
}

static const struct account_process *find_parent(const struct run_denet *denet,
						 const struct account *account)
{
	uint32_t pid = parent_pid(denet, account);

	if (account->root != ACCOUNT_NONE)
		return &account->processes.data[account->root];
	vec_each(process, &account->processes)
		if (process->pid == pid)
			return process;
	return NULL;
}

static int put_metadata(struct run_denet *denet, const struct account *account)
{
	const struct account_process *process = find_parent(denet, account);
	const struct account_exec *exec = process ? account_program(account, process) : NULL;
	char *const *word = denet->view->command;
	struct json json;

	denet->has_begun = true;
	begin_line(&json, denet->out, "metadata");
	json_u64(&json, "pid", parent_pid(denet, account));
	json_array(&json, "cmd");
	for (; word && *word; word++)
		json_text(&json, NULL, *word);
	for (uint32_t i = 0; !denet->view->command && exec && i < exec->argc; i++)
		json_text(&json, NULL, account_argv(account, exec, i));
	json_array_end(&json);
	json_text(&json, "executable",
		  exec                   ? account->text.data + exec->file
		  : denet->view->command ? denet->view->command[0]
					 : "");
	json_u64(&json, "t0_ms", unix_ms(account->started_mono_ns));
	return end_line(&json);
}

static uint64_t *running_of(struct run_denet *denet, uint32_t process)
{
	while (denet->runnings.len <= process)
		if (vec_push(&denet->runnings, 0))
			return NULL;
	return &denet->runnings.data[process];
}

/* One process, from the last record or its birth until now. */
static int put_glance(struct run_denet *denet, struct json *json, const struct account *account,
		      const struct account_glance *glance)
{
	const struct account_moment *moment = &account->moments.data[account->moments.len - 1];
	const struct account_process *process = &account->processes.data[glance->process];
	uint64_t born = process->born_mono_ns, now = moment->at_mono_ns;
	uint64_t from = born > denet->at_mono_ns ? born : denet->at_mono_ns;
	uint64_t *before = running_of(denet, glance->process);
	bool is_parent = process == find_parent(denet, account);
	struct figures figures = {
		.span_ns = now > from ? now - from : 0,
		.rss_bytes = glance->rss_bytes,
		.vm_bytes = glance->vm_bytes,
		.net_received_bytes = is_parent ? moment->net_received_bytes : 0,
		.net_sent_bytes = is_parent ? moment->net_sent_bytes : 0,
		.uptime_ns = now > born ? now - born : 0,
		.threads = glance->threads,
		.times = &glance->times,
	};

	if (!before)
		return -ENOMEM;
	figures.running_before_ns = *before;
	*before = glance->times.running;
	put_figures(json, now, &figures);
	if (glance->cpu == ACCOUNT_NONE)
		json_null(json, "cpu_core");
	else
		json_u64(json, "cpu_core", glance->cpu);
	return 0;
}

static int put_children(struct run_denet *denet, struct json *json, const struct account *account)
{
	const struct account_process *parent = find_parent(denet, account);
	int err = 0;

	json_array(json, "children");
	vec_each(glance, &account->glances) {
		const struct account_process *process = &account->processes.data[glance->process];

		if (err || process == parent)
			continue;
		json_object(json, NULL);
		json_u64(json, "pid", process->pid);
		json_text(json, "command", account_name(account, process));
		json_object(json, "metrics");
		err = put_glance(denet, json, account, glance);
		json_object_end(json);
		json_object_end(json);
	}
	json_array_end(json);
	return err;
}

static int put_parent(struct run_denet *denet, struct json *json, const struct account *account)
{
	const struct account_process *parent = find_parent(denet, account);
	int err;

	if (!parent || !parent->glance) {
		json_null(json, "parent");
		return 0;
	}
	json_object(json, "parent");
	err = put_glance(denet, json, account, &account->glances.data[parent->glance - 1]);
	json_object_end(json);
	return err;
}

/* The sums of a moment as those of a life. */
static struct balance_times times_of(const struct account_moment *moment)
{
	return (struct balance_times){
		.running = moment->running_ns,
		.disk_read = moment->read_bytes,
		.disk_written = moment->written_bytes,
		.read_chars = moment->read_chars,
		.written_chars = moment->written_chars,
		.minor_faults = moment->minor_faults,
		.major_faults = moment->major_faults,
	};
}

static void put_sums(struct run_denet *denet, struct json *json, const struct account *account)
{
	const struct account_moment *moment = &account->moments.data[account->moments.len - 1];
	struct balance_times times = times_of(moment);
	uint64_t start = account->started_mono_ns, now = moment->at_mono_ns;
	uint64_t from = denet->at_mono_ns > start ? denet->at_mono_ns : start;
	struct figures figures = {
		.running_before_ns = denet->running_ns,
		.span_ns = now > from ? now - from : 0,
		.rss_bytes = moment->rss_bytes,
		.net_received_bytes = moment->net_received_bytes,
		.net_sent_bytes = moment->net_sent_bytes,
		.uptime_ns = now > start ? now - start : 0,
		.threads = moment->threads,
		.times = &times,
	};

	vec_each(glance, &account->glances)
		figures.vm_bytes += glance->vm_bytes;
	json_object(json, "aggregated");
	put_figures(json, now, &figures);
	json_u64(json, "process_count", moment->processes);
	json_object_end(json);
	denet->running_ns = times.running;
	denet->at_mono_ns = now;
}

int run_denet_moment(void *context, const struct account *account)
{
	struct run_denet *denet = context;
	struct json json;
	int err = denet->has_begun ? 0 : put_metadata(denet, account);

	if (err)
		return err;
	begin_line(&json, denet->out, "tree");
	json_u64(&json, "ts_ms",
		 unix_ms(account->moments.data[account->moments.len - 1].at_mono_ns));
	err = put_parent(denet, &json, account);
	err = err ?: put_children(denet, &json, account);
	if (!err)
		put_sums(denet, &json, account);
	return err ?: end_line(&json);
}

static int by_count(const void *a, const void *b)
{
	const struct account_syscall *one = a, *other = b;

	if (one->count != other->count)
		return one->count > other->count ? -1 : 1;
	return one->number < other->number ? -1 : one->number > other->number;
}

static int put_syscalls(struct json *json, const struct account *account)
{
	size_t count = account->syscalls.len;
	own(freep) struct account_syscall *rows = calloc(count + 1, sizeof(*rows));
	uint64_t total = 0;

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		rows[i] = account->syscalls.data[i];
		total += rows[i].count;
	}
	qsort(rows, count, sizeof(*rows), by_count);
	json_object(json, "syscalls");
	json_u64(json, "total", total);
	run_json_categories(json, account);
	json_array(json, "top_syscalls");
	for (size_t i = 0; i < count && i < TOP_ROWS; i++) {
		json_object(json, NULL);
		json_text(json, "name", run_call_name(rows[i].number));
		json_u64(json, "count", rows[i].count);
		json_object_end(json);
	}
	json_array_end(json);
	json_object_end(json);
	return 0;
}

static uint64_t waits_of(const struct balance_times *times)
{
	uint64_t waits = 0;

	for (size_t i = 0; i < BALANCE_REASONS; i++)
		waits += times->waits[i];
	return waits;
}

/* Single waits are not kept, so the longest and the shortest are not known. */
static void put_waits(struct json *json, const struct balance_times *times, const char *total,
		      const char *count)
{
	uint64_t blocked = times_blocked(times), waits = waits_of(times);

	json_u64(json, total, blocked);
	json_u64(json, count, waits);
	json_u64(json, "avg_time_ns", waits ? blocked / waits : 0);
	json_u64(json, "max_time_ns", 0);
	json_u64(json, "min_time_ns", 0);
}

static int by_blocked(const void *a, const void *b, void *context)
{
	const struct account_thread *threads = context;
	uint64_t one = times_blocked(&threads[*(const uint32_t *)a].times);
	uint64_t other = times_blocked(&threads[*(const uint32_t *)b].times);

	return one > other ? -1 : one < other;
}

static double two_decimals(double value)
{
	return (double)(int64_t)(value * 100 + 0.5) / 100;
}

static int put_top_threads(struct json *json, const struct account *account)
{
	size_t count = account->threads.len;
	own(freep) uint32_t *order = calloc(count + 1, sizeof(*order));
	uint64_t all = times_blocked(&account->totals);

	if (!order)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		order[i] = i;
	qsort_r(order, count, sizeof(*order), by_blocked, account->threads.data);
	json_array(json, "top_blocking_threads");
	for (size_t i = 0; i < count && i < TOP_ROWS; i++) {
		const struct account_thread *thread = &account->threads.data[order[i]];
		uint64_t blocked = times_blocked(&thread->times);

		json_object(json, NULL);
		json_u64(json, "tid", thread->tid);
		json_u64(json, "pid", account->processes.data[thread->process].pid);
		json_double(json, "time_ms", two_decimals((double)blocked / NS_PER_MS));
		json_double(json, "percentage",
			    all ? two_decimals(100.0 * (double)blocked / (double)all) : 0);
		json_object_end(json);
	}
	json_array_end(json);
	return 0;
}

static int put_offcpu(struct json *json, const struct account *account)
{
	char key[32];
	int err;

	json_object(json, "offcpu");
	put_waits(json, &account->totals, "total_time_ns", "total_events");
	json_object(json, "thread_stats");
	vec_each(thread, &account->threads) {
		snprintf(key, sizeof(key), "%u:%u", account->processes.data[thread->process].pid,
			 thread->tid);
		json_object(json, key);
		json_u64(json, "tid", thread->tid);
		put_waits(json, &thread->times, "total_time_ns", "count");
		json_object_end(json);
	}
	json_object_end(json);
	err = put_top_threads(json, account);
	json_object_end(json);
	return err;
}

static int put_ebpf(struct json *json, const struct account *account)
{
	int err = 0;

	json_object(json, "ebpf");
	if (account->has_syscalls)
		err = put_syscalls(json, account);
	err = err ?: put_offcpu(json, account);
	json_object_end(json);
	return err;
}

static void put_sockets(struct json *json, const struct account *account)
{
	uint64_t sent = 0, received = 0;

	vec_each(peer, &account->peers) {
		sent += peer->sent_bytes;
		received += peer->received_bytes;
	}
	json_u64(json, "sock_rx_bytes", received);
	json_u64(json, "sock_tx_bytes", sent);
}

static int put_last_tree(struct run_denet *denet, const struct account *account)
{
	const struct account_moment *last =
		account->moments.len ? &account->moments.data[account->moments.len - 1] : NULL;
	uint64_t alive = 0, from = denet->at_mono_ns > account->started_mono_ns
					   ? denet->at_mono_ns
					   : account->started_mono_ns;
	struct figures figures = {
		.running_before_ns = denet->running_ns,
		.span_ns = account->ended_mono_ns > from ? account->ended_mono_ns - from : 0,
		.uptime_ns = account->wall_ns,
		.times = &account->totals,
	};
	struct json json;
	int err = 0;

	vec_each(process, &account->processes)
		alive += process->is_alive;
	vec_each(thread, &account->threads)
		figures.threads += thread->is_alive;
	if (last) {
		figures.net_received_bytes = last->net_received_bytes;
		figures.net_sent_bytes = last->net_sent_bytes;
		figures.rss_bytes = alive ? last->rss_bytes : 0;
	}
	begin_line(&json, denet->out, "tree");
	json_u64(&json, "ts_ms", unix_ms(account->ended_mono_ns));
	json_null(&json, "parent");
	json_array(&json, "children");
	json_array_end(&json);
	json_object(&json, "aggregated");
	put_figures(&json, account->ended_mono_ns, &figures);
	json_u64(&json, "process_count", alive);
	json_u64(&json, "processes_total", account->process_count);
	if (account->has_memory)
		json_u64(&json, "peak_mem_rss_kb", account->rss_peak_bytes / 1024);
	if (account->has_peers)
		put_sockets(&json, account);
	if (account->rung == ACCOUNT_BPF)
		err = put_ebpf(&json, account);
	json_object_end(&json);
	return err ?: end_line(&json);
}

static int put_exit(struct run_denet *denet, const struct account *account,
		    const struct account_process *process)
{
	const struct account_exec *exec = account_program(account, process);
	int status = process->status;
	struct json json;

	begin_line(&json, denet->out, "exit");
	json_u64(&json, "ts_ms", unix_ms(process->died_mono_ns));
	json_u64(&json, "pid", process->pid);
	json_u64(&json, "ppid", process->parent_pid);
	json_text(&json, "command", account_name(account, process));
	json_array(&json, "cmd");
	for (uint32_t i = 0; exec && i < exec->argc; i++)
		json_text(&json, NULL, account_argv(account, exec, i));
	json_array_end(&json);
	if (process->has_status && WIFEXITED(status))
		json_u64(&json, "exit_status", (uint64_t)WEXITSTATUS(status));
	else
		json_null(&json, "exit_status");
	if (process->has_status && WIFSIGNALED(status))
		json_u64(&json, "exit_signal", (uint64_t)WTERMSIG(status));
	else
		json_null(&json, "exit_signal");
	json_double(&json, "duration_ms",
		    (double)(process->died_mono_ns - process->born_mono_ns) / NS_PER_MS);
	json_double(&json, "cpu_ms", (double)process->times.kernel_cpu / NS_PER_MS);
	return end_line(&json);
}

static int put_coverage(struct run_denet *denet, const struct account *account)
{
	struct json json;

	begin_line(&json, denet->out, "coverage");
	json_text(&json, "mode", account->coverage.mode ?: "");
	json_u64(&json, "lost", coverage_lost(&account->coverage));
	json_array(&json, "not_measured");
	vec_each(what, &account->coverage.not_measured)
		json_text(&json, NULL, *what);
	json_text(&json, NULL, "sys_net_rx_bytes and sys_net_tx_bytes of each child");
	if (account->rung == ACCOUNT_BPF)
		json_text(&json, NULL, "max_time_ns and min_time_ns of offcpu");
	else
		json_text(&json, NULL, "records of the tree while it ran, mem_vms_kb, sys_net_*");
	json_array_end(&json);
	return end_line(&json);
}

int run_denet_end(struct run_denet *denet, const struct account *account)
{
	int err = denet->has_begun ? 0 : put_metadata(denet, account);

	err = err ?: put_last_tree(denet, account);
	vec_each(process, &account->processes)
		if (!err && process->threads && !process->is_alive)
			err = put_exit(denet, account, process);
	err = err ?: put_coverage(denet, account);
	denet->has_begun = false;
	denet->running_ns = denet->at_mono_ns = 0;
	denet->runnings.len = 0;
	return err;
}

void run_denet_done(struct run_denet *denet)
{
	vec_done(&denet->runnings);
}
