/* SPDX-License-Identifier: MIT */
/* run_json.c - the account of a run as one JSON object on one line.  doc/run.md says what each key means.
 *
 *     {"schema":"kymo.run/1","schema_version":1,"kymo_version":"...",
 *      "command":["make","-j4"], or "pids":[N,...],
 *      "host":"Linux 6.18.44 x86_64, 2 CPUs",
 *      "metrics":{"wall_ns":[N,...],...,"blocked_disk_ns":[N,...]},
 *      "repeat":{"runs_count":N,"warmup_count":N,"metrics":{"wall_ns":{"median":N,"mean":N,"stddev":N,
 *        "min":N,"max":N,"outliers":N},...}},
 *      "started_unix_ns":N,"wall_ns":N,"exit_status":N|null,"exit_signal":N|null,
 *      "processes_count":N,"threads_count":N,"cpu_ns":N,"peak_rss_bytes":N,
 *      "coverage":{"mode":"bpf","lost":N,"lost_by_kind":{"KIND":N},"not_measured":["..."],
 *        "repaired":{"missed_switch_in":N,"missed_switch_out":N,"missed_wake":N,"late_wake":N}},
 *      "checks":{"residual_ns":N,"threads_with_residual":N,"threads_compared":N,
 *        "threads_with_other_switches":N,"kernel_difference_ns":N,"kernel_bound_ns":N,"threads_with_other_times":N},
 *      "observer":{"cpu_ns":N,"load_ns":N,"rss_bytes":N},
 *      "balance":BALANCE,"main_thread":BALANCE,   (modes "cgroup" and "proc": "usage" with what the kernel tells a
 *        parent, and of the processes none)
 *      "memory":{"rss_sum_peak_bytes":N,"at_ns":N,"error_bound_bytes":N,
 *        "holders":[{"pid":N,"name":"...","rss_bytes":N}]},
 *      "cgroup":{"cpu_ns":N,"throttled_ns":N,"peak_bytes":N,"read_bytes":N,"written_bytes":N,"tasks_peak":N},
 *      "processes":[PROCESS,...],
 *      "network":{"peers":[PEER,...]},"block":{"devices":[DEVICE,...]},
 *      "calls":[{"name":"...","number":N,"blocked_ns":N,"waits":N,"ticks":N}],"tick_ns":N,
 *      "syscalls":{...},"files":{...},"timeline":[...]}
 *
 *     BALANCE = {"lifetime_ns":N,"running_ns":N,"runq_ns":N,"wake_latency_ns":N,"blocked_ns":{REASON:N},
 *       "waits":{REASON:N},"residual_ns":N,"voluntary_switches":N,"involuntary_switches":N,
 *       "migrations":N,"cpu_ns":N,"run_delay_ns":N,"kernel_voluntary_switches":N,
 *       "kernel_involuntary_switches":N,"minor_faults":N,"major_faults":N,
 *       "io":{"read_chars":N,"written_chars":N,"reads":N,"writes":N,"disk_read_bytes":N,
 *       "disk_written_bytes":N,"disk_cancelled_bytes":N}}
 *
 *     PROCESS = {"pid":N,"ppid":N,"id":N,"parent_id":N,"start_ns":N,"end_ns":N,"alive":B,
 *       "exit_status":N|null,"exit_signal":N|null,"core_dumped":B,"name":"...","argv":[...],
 *       "exec":[{"at_ns":N,"file":"...","argv":[...],"argv_bytes":N,"argv_truncated":B}],
 *       "balance":BALANCE,"rss_peak_bytes":N,"rss_at_tree_peak_bytes":N,
 *       "threads":[{"tid":N,"comm":"...","kind":"user|io_worker","start_ns":N,"end_ns":N,"alive":B,
 *         "balance":BALANCE}]}
 *
 * Instants are ns since the command executed its program.  lifetime_ns = running_ns + runq_ns + all of
 * blocked_ns; reasons that are 0 are left out.  wake_latency_ns is a part of runq_ns.  cpu_ns and run_delay_ns are
 * the kernel's own counts.  The reasons: disk, fault_disk, fault, file, socket, pipe, terminal,
 * device, event, lock, ipc, poll, sleep, child, stopped, io_uring, exit, other, unknown; whoever
 * wants fewer adds fault_disk and fault, poll and event, and the rest to other.
 *
 * All numbers but those of `repeat` are whole.  What was not measured is absent and named in coverage.not_measured; 0 was
 * measured.  Keys may be added; where one changes its meaning, schema_version grows.
 */
#include <string.h>
#include <sys/wait.h>

#include "base/json.h"
#include "model/syscalls.h"
#include "report/balance.h"
#include "show/run.h"
#include "show/run_tables.h"

struct writer {
	struct json json;
	const struct account *account;
	const struct run_view *view;
};

static uint64_t since_start(const struct writer *writer, uint64_t mono_ns)
{
	uint64_t start = writer->account->started_mono_ns;

	return mono_ns > start ? mono_ns - start : 0;
}

static void put_reasons(struct json *json, const char *key, const uint64_t *values)
{
	json_object(json, key);
	for (size_t i = 0; i < BALANCE_REASONS; i++)
		if (values[i])
			json_u64(json, reason_names[i].key, values[i]);
	json_object_end(json);
}

static void put_balance(struct writer *writer, const char *key, const struct balance_times *times)
{
	bool is_seen = writer->account->rung == ACCOUNT_BPF;
	struct json *json = &writer->json;

	json_object(json, key);
	json_u64(json, "lifetime_ns", times->life);
	json_u64(json, "running_ns", times->running);
	json_u64(json, "runq_ns", times->runq);
	if (is_seen)
		json_u64(json, "wake_latency_ns", times->wake_latency);
	put_reasons(json, "blocked_ns", times->blocked);
	if (is_seen)
		put_reasons(json, "waits", times->waits);
	json_i64(json, "residual_ns", times_residual(times));
	json_u64(json, "voluntary_switches", times->voluntary);
	json_u64(json, "involuntary_switches", times->involuntary);
	if (is_seen)
		json_u64(json, "migrations", times->migrations);
	json_u64(json, "cpu_ns", times->kernel_cpu);
	json_u64(json, "run_delay_ns", times->kernel_delay);
	json_u64(json, "kernel_voluntary_switches", times->kernel_voluntary);
	json_u64(json, "kernel_involuntary_switches", times->kernel_involuntary);
	json_u64(json, "minor_faults", times->minor_faults);
	json_u64(json, "major_faults", times->major_faults);
	json_object(json, "io");
	json_u64(json, "read_chars", times->read_chars);
	json_u64(json, "written_chars", times->written_chars);
	json_u64(json, "reads", times->reads);
	json_u64(json, "writes", times->writes);
	json_u64(json, "disk_read_bytes", times->disk_read);
	json_u64(json, "disk_written_bytes", times->disk_written);
	json_u64(json, "disk_cancelled_bytes", times->disk_cancelled);
	json_object_end(json);
	json_object_end(json);
}

/* What the kernel tells the parent of a command. */
static void put_usage(struct json *json, const struct balance_times *times)
{
	json_object(json, "usage");
	json_u64(json, "cpu_ns", times->kernel_cpu);
	json_u64(json, "minor_faults", times->minor_faults);
	json_u64(json, "major_faults", times->major_faults);
	json_u64(json, "kernel_voluntary_switches", times->kernel_voluntary);
	json_u64(json, "kernel_involuntary_switches", times->kernel_involuntary);
	json_object_end(json);
}

/* As wait() has it. */
static void put_status(struct json *json, bool is_known, int status)
{
	if (is_known && WIFEXITED(status))
		json_u64(json, "exit_status", (uint64_t)WEXITSTATUS(status));
	else
		json_null(json, "exit_status");
	if (is_known && WIFSIGNALED(status))
		json_u64(json, "exit_signal", (uint64_t)WTERMSIG(status));
	else
		json_null(json, "exit_signal");
	if (is_known && WIFSIGNALED(status))
		json_bool(json, "core_dumped", WCOREDUMP(status));
}

static void put_argv(struct writer *writer, const struct account_exec *exec)
{
	json_array(&writer->json, "argv");
	for (uint32_t i = 0; exec && i < exec->argc; i++)
		json_text(&writer->json, NULL, account_argv(writer->account, exec, i));
	json_array_end(&writer->json);
}

/* @next: as of run_order, advanced behind those of this process. */
static void put_execs(struct writer *writer, uint32_t process, const struct run_order *order,
		      size_t *next)
{
	const struct account *account = writer->account;
	struct json *json = &writer->json;

	json_array(json, "exec");
	for (; *next < account->execs.len; (*next)++) {
		const struct account_exec *exec = &account->execs.data[order->execs.data[*next]];

		if (exec->process != process)
			break;
		json_object(json, NULL);
		json_u64(json, "at_ns", since_start(writer, exec->at_mono_ns));
		json_text(json, "file", account->text.data + exec->file);
		put_argv(writer, exec);
		json_u64(json, "argv_bytes", exec->argv_bytes);
		json_bool(json, "argv_truncated", exec->is_cut);
		json_object_end(json);
	}
	json_array_end(json);
}

static void put_thread(struct writer *writer, const struct account_thread *thread)
{
	struct json *json = &writer->json;

	json_object(json, NULL);
	json_u64(json, "tid", thread->tid);
	json_text(json, "comm", thread->comm);
	json_text(json, "kind", thread->is_io_worker ? "io_worker" : "user");
	json_u64(json, "start_ns", since_start(writer, thread->born_mono_ns));
	json_u64(json, "end_ns", since_start(writer, thread->died_mono_ns));
	json_bool(json, "alive", thread->is_alive);
	put_balance(writer, "balance", &thread->times);
	json_object_end(json);
}

/* What of the sorted threads and programs has been written. */
struct progress {
	size_t thread, exec;
};

static void put_process(struct writer *writer, uint32_t number, const struct run_order *order,
			struct progress *done)
{
	const struct account *account = writer->account;
	const struct account_process *process = &account->processes.data[number];
	struct json *json = &writer->json;

	json_object(json, NULL);
	json_u64(json, "pid", process->pid);
	json_u64(json, "ppid", process->parent_pid);
	json_u64(json, "id", number);
	if (process->parent != ACCOUNT_NONE)
		json_u64(json, "parent_id", process->parent);
	json_u64(json, "start_ns", since_start(writer, process->born_mono_ns));
	json_u64(json, "end_ns", since_start(writer, process->died_mono_ns));
	json_bool(json, "alive", process->is_alive);
	put_status(json, process->has_status, process->status);
	json_text(json, "name", account_name(account, process));
	put_argv(writer, account_program(account, process));
	if (process->execs)
		put_execs(writer, number, order, &done->exec);
	put_balance(writer, "balance", &process->times);
	if (process->has_rss)
		json_u64(json, "rss_peak_bytes", process->rss_peak_bytes);
	if (process->has_rss && account->has_memory)
		json_u64(json, "rss_at_tree_peak_bytes", process->rss_at_tree_peak_bytes);
	json_array(json, "threads");
	for (; done->thread < account->threads.len &&
	       account->threads.data[order->threads.data[done->thread]].process == number;
	     done->thread++)
		put_thread(writer, &account->threads.data[order->threads.data[done->thread]]);
	json_array_end(json);
	json_object_end(json);
}

static int put_processes(struct writer *writer)
{
	struct run_order order;
	struct progress done = { 0 };
	bool is_tree = writer->account->rung < ACCOUNT_CGROUP;
	int err = run_order(writer->account, &order);

	if (err)
		return err;
	json_array(&writer->json, "processes");
	for (uint32_t i = 0; is_tree && i < writer->account->processes.len; i++)
		if (writer->account->processes.data[i].threads)
			put_process(writer, i, &order, &done);
	json_array_end(&writer->json);
	run_order_done(&order);
	return 0;
}

static void put_coverage(struct writer *writer)
{
	const struct account *account = writer->account;
	struct json *json = &writer->json;

	json_object(json, "coverage");
	json_text(json, "mode", account->coverage.mode ?: "");
	json_u64(json, "lost", coverage_lost(&account->coverage));
	json_object(json, "lost_by_kind");
	vec_each(loss, &account->coverage.lost)
		json_u64(json, loss->kind, loss->count);
	json_object_end(json);
	json_array(json, "not_measured");
	vec_each(what, &account->coverage.not_measured)
		json_text(json, NULL, *what);
	json_array_end(json);
	json_object(json, "repaired");
	json_u64(json, "missed_switch_in", account->totals.missed_switch_in);
	json_u64(json, "missed_switch_out", account->totals.missed_switch_out);
	json_u64(json, "missed_wake", account->totals.missed_wake);
	json_u64(json, "late_wake", account->totals.late_wake);
	json_object_end(json);
	json_object_end(json);
}

static void put_checks(struct writer *writer)
{
	struct balance_checks checks = balance_checks(writer->account);
	struct json *json = &writer->json;

	json_object(json, "checks");
	json_i64(json, "residual_ns", checks.residual_ns);
	json_u64(json, "threads_with_residual", checks.threads_with_residual);
	json_u64(json, "threads_compared", checks.threads_compared);
	json_u64(json, "threads_with_other_switches", checks.threads_off_switches);
	json_i64(json, "kernel_difference_ns", checks.kernel_difference_ns);
	json_u64(json, "kernel_bound_ns", checks.kernel_bound_ns);
	json_u64(json, "threads_with_other_times", checks.threads_off_times);
	json_object_end(json);
}

static void put_observer(struct writer *writer)
{
	const struct account *account = writer->account;
	struct json *json = &writer->json;

	json_object(json, "observer");
	json_u64(json, "cpu_ns", account->observer_cpu_ns);
	json_u64(json, "load_ns", account->observer_load_ns);
	json_u64(json, "rss_bytes", account->observer_rss_bytes);
	json_object_end(json);
}

static void put_head(struct writer *writer)
{
	const struct account *account = writer->account;
	const struct run_view *view = writer->view;
	struct json *json = &writer->json;

	json_text(json, "schema", "kymo.run/1");
	json_u64(json, "schema_version", 1);
	json_text(json, "kymo_version", KYMO_VERSION);
	json_array(json, view->command ? "command" : "pids");
	for (size_t i = 0; view->command && view->command[i]; i++)
		json_text(json, NULL, view->command[i]);
	for (size_t i = 0; i < view->pid_count; i++)
		json_u64(json, NULL, view->pids[i]);
	json_array_end(json);
	json_u64(json, "started_unix_ns", account->started_unix_ns);
	json_u64(json, "wall_ns", account->wall_ns);
	put_status(json, account->has_ended, account->status);
	if (account->rung < ACCOUNT_CGROUP) {
		json_u64(json, "processes_count", account->process_count);
		json_u64(json, "threads_count", account->thread_count);
	}
	json_u64(json, "cpu_ns", account->totals.kernel_cpu);
	if (account->has_memory)
		json_u64(json, "peak_rss_bytes", account->rss_peak_bytes);
}

/* Values of each run, and for a series what they amount to. */
static void put_series(struct writer *writer)
{
	const struct metric_series *series = writer->view->series;
	struct json *json = &writer->json;
	char name[48];

	json_object(json, "metrics");
	for (unsigned i = 0; i < METRICS_COUNT; i++) {
		if (!series->values[i].len)
			continue;
		json_array(json, metric_at(i, name).name);
		vec_each(value, &series->values[i])
			json_u64(json, NULL, (uint64_t)*value);
		json_array_end(json);
	}
	json_object_end(json);
	if (series->runs < 2)
		return;
	json_object(json, "repeat");
	json_u64(json, "runs_count", series->runs);
	json_u64(json, "warmup_count", series->warmups);
	json_object(json, "metrics");
	for (unsigned i = 0; i < METRICS_COUNT; i++) {
		struct metric_summary summary = series_summary(series, i);

		if (!series->values[i].len)
			continue;
		json_object(json, metric_at(i, name).name);
		json_double(json, "median", summary.median);
		json_double(json, "mean", summary.mean);
		json_double(json, "stddev", summary.stddev);
		json_double(json, "min", summary.min);
		json_double(json, "max", summary.max);
		json_u64(json, "outliers", summary.outliers);
		json_object_end(json);
	}
	json_object_end(json);
	json_object_end(json);
}

int show_run_json(FILE *out, const struct account *account, const struct run_view *view)
{
	struct writer writer = { .account = account, .view = view };
	const struct account_thread *first = balance_main_thread(account);
	struct json *json = &writer.json;
	int err;

	json_begin(json, out, false);
	json_object(json, NULL);
	put_head(&writer);
	if (view->host)
		json_text(json, "host", view->host->text);
	if (view->series)
		put_series(&writer);
	put_coverage(&writer);
	if (account->rung == ACCOUNT_BPF)
		put_checks(&writer);
	put_observer(&writer);
	if (account->rung >= ACCOUNT_CGROUP)
		put_usage(json, &account->totals);
	else
		put_balance(&writer, "balance", &account->totals);
	if (first)
		put_balance(&writer, "main_thread", &first->times);
	err = run_json_tables(json, account);
	err = err ?: put_processes(&writer);
	json_object_end(json);
	putc('\n', out);
	return err;
}
