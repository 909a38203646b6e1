/* SPDX-License-Identifier: MIT */
/* run_text.c - the account of a run for a person: what it was, what dominated, then tables. */
#include <inttypes.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/text.h"
#include "model/syscalls.h"
#include "report/balance.h"
#include "report/calls.h"
#include "report/programs.h"
#include "show/format.h"
#include "show/run.h"
#include "show/run_series.h"
#include "show/run_summary.h"
#include "show/run_tables.h"
#include "show/run_tiers.h"
#include "show/sinks.h"

#define ROWS_MAX         24 /* of a table; the JSON has all */
#define CALL_ROWS        10
#define NAME_COLUMN      34
#define STACKS_LEAST_PCT 1.0 /* of the whole; the call tree leaves out what has less */

struct page {
	FILE *out;
	const struct account *account;
	const struct run_view *view;
};

static void put_heading(const struct page *page, const char *text)
{
	fprintf(page->out, page->view->colour ? "\n\033[1m%s\033[0m\n" : "\n%s\n", text);
}

static double share(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0.0;
}

static void put_part(const struct page *page, unsigned part, const struct balance_times *first,
		     const struct balance_times *all)
{
	uint64_t waits = part < PART_BLOCKED ? 0 : all->waits[part - PART_BLOCKED];

	fprintf(page->out, "  %-22s", part_words(part));
	if (first)
		fprintf(page->out, " %10s %8s", format_ns(part_ns(first, part)).text,
			format_pct(share(part_ns(first, part), first->life)).text);
	fprintf(page->out, " %12s %8s", format_ns(part_ns(all, part)).text,
		format_pct(share(part_ns(all, part), all->life)).text);
	if (waits)
		fprintf(page->out, " %12s", format_count(waits).text);
	putc('\n', page->out);
}

static void put_balance(const struct page *page)
{
	const struct account_thread *thread = balance_main_thread(page->account);
	bool is_tree = page->account->rung < ACCOUNT_CGROUP;
	const struct balance_times *first = thread && is_tree ? &thread->times : NULL;
	const struct balance_times *all = is_tree ? &page->account->totals : &thread->times;
	struct part_order order = part_order(all);

	put_heading(page, "WHERE THE TIME WENT");
	fprintf(page->out, "  %-22s", "");
	if (first)
		fprintf(page->out, " %19s", "main thread");
	fprintf(page->out, " %21s %12s\n", is_tree ? "all threads" : "first thread",
		page->account->rung == ACCOUNT_BPF ? "waits" : "");
	for (size_t i = 0; i < order.count; i++)
		put_part(page, order.parts[i], first, all);
	fprintf(page->out, "  %-22s", "= life");
	if (first)
		fprintf(page->out, " %10s %8s", format_ns(first->life).text, "");
	fprintf(page->out, " %12s\n", format_ns(all->life).text);
}

static const char *top_reason(const struct balance_times *times)
{
	unsigned best = 0;

	for (unsigned i = 1; i < BALANCE_REASONS; i++)
		if (times->blocked[i] > times->blocked[best])
			best = i;
	return times->blocked[best] ? reason_names[best].words : "";
}

static void put_program(const struct page *page, const struct program_row *row)
{
	const struct balance_times *times = &row->times;
	size_t columns;
	char name[64];

	snprintf(name, sizeof(name), "%*s%.*s", (int)row->depth * 2, "",
		 NAME_COLUMN - (int)row->depth * 2 - 8, row->name);
	columns = text_columns(name);
	fputs("  ", page->out);
	text_put_plain(page->out, name);
	fprintf(page->out, "%*s%6s %10s %10s %10s %10s %9s",
		(int)(NAME_COLUMN - 6 > columns ? NAME_COLUMN - 6 - columns : 1), "",
		row->count > 1 ? format_count(row->count).text : "", format_ns(times->life).text,
		format_ns(times->running).text, format_ns(times->runq).text,
		format_ns(times_blocked(times)).text,
		row->rss_peak_bytes ? format_bytes(row->rss_peak_bytes).text : "");
	fprintf(page->out, "  %s", top_reason(times));
	if (row->failed)
		fprintf(page->out, "%s%s failed", *top_reason(times) ? "; " : "",
			format_count(row->failed).text);
	putc('\n', page->out);
}

static int put_programs(const struct page *page)
{
	struct programs programs;
	size_t shown = 0;
	int err = programs_make(page->account, &programs);

	if (err)
		return err;
	put_heading(page, "PROCESSES");
	fprintf(page->out, "  %-*s%6s %10s %10s %10s %10s %9s  %s\n", NAME_COLUMN - 6, "program",
		"times", "life", "running", "run queue", "blocked", "peak RSS", "blocked most by");
	vec_each(row, &programs.rows) {
		if (row->depth > 10 || shown >= ROWS_MAX)
			continue;
		put_program(page, row);
		shown++;
	}
	if (shown < programs.rows.len)
		fprintf(page->out, "  and %s more rows; '--json' has every process\n",
			format_count(programs.rows.len - shown).text);
	programs_done(&programs);
	return 0;
}

static int put_memory(const struct page *page)
{
	const struct account *account = page->account;
	struct run_holders holders;
	int err = run_holders(account, &holders);

	if (err)
		return err;
	put_heading(page, "MEMORY");
	fprintf(page->out, "  %s resident at once, %s after the start, give or take %s",
		format_bytes(account->rss_peak_bytes).text,
		format_ns(account->rss_peak_at_mono_ns > account->started_mono_ns
				  ? account->rss_peak_at_mono_ns - account->started_mono_ns
				  : 0)
			.text,
		format_bytes(account->rss_bound_bytes).text);
	fputs(holders.processes.len > 1 ? "; pages that are shared count for each\n" : "\n",
	      page->out);
	for (size_t i = 0; i < holders.processes.len && i < 5; i++) {
		const struct account_process *process =
			&account->processes.data[holders.processes.data[i]];

		fprintf(page->out, "  %12s  ", format_bytes(process->rss_at_tree_peak_bytes).text);
		text_put_plain(page->out, account_name(account, process));
		fprintf(page->out, " (%u)\n", process->pid);
	}
	if (holders.processes.len > 5)
		fprintf(page->out, "  and %s more processes\n",
			format_count(holders.processes.len - 5).text);
	vec_done(&holders.processes);
	return 0;
}

static int put_peers(const struct page *page)
{
	struct run_peers peers;
	int err = run_peers(page->account, &peers);

	if (err)
		return err;
	put_heading(page, "NETWORK");
	fprintf(page->out, "  %-40s %10s %10s %12s %11s\n", "peer", "sent", "received", "connects",
		"retransmits");
	for (size_t i = 0; i < peers.rows.len && i < ROWS_MAX; i++) {
		const struct account_peer *peer = &page->account->peers.data[peers.rows.data[i]];
		char address[80];

		run_address(peer, address, sizeof(address));
		fprintf(page->out, "  %-40s %10s %10s", address,
			format_bytes(peer->sent_bytes).text,
			format_bytes(peer->received_bytes).text);
		if (peer->connects)
			fprintf(page->out, " %12s %11" PRIu64,
				format_ns(peer->connect_ns / peer->connects).text,
				peer->retransmits);
		putc('\n', page->out);
	}
	if (peers.rows.len > ROWS_MAX)
		fprintf(page->out, "  and %s more\n", format_count(peers.rows.len - ROWS_MAX).text);
	vec_done(&peers.rows);
	return 0;
}

static void put_devices(const struct page *page)
{
	put_heading(page, "BLOCK DEVICES");
	fprintf(page->out, "  %-16s %10s %10s %10s %10s %10s %10s\n", "device", "reads", "read",
		"writes", "written", "mean", "slowest");
	vec_each(device, &page->account->devices) {
		uint64_t count = device->reads + device->writes;

		fprintf(page->out, "  %-16s %10s %10s %10s %10s %10s %10s\n", device->name,
			format_count(device->reads).text, format_bytes(device->read_bytes).text,
			format_count(device->writes).text, format_bytes(device->written_bytes).text,
			format_ns(count ? device->total_ns / count : 0).text,
			format_ns(device->max_ns).text);
	}
}

static void put_calls(const struct page *page)
{
	const struct account *account = page->account;
	struct call_order order = call_order(account);

	put_heading(page, "SYSTEM CALLS THE TIME WENT TO");
	fprintf(page->out, "  %-28s %10s %12s %10s\n", "call", "blocked", "waits", "of running");
	for (size_t i = 0; i < order.count && i < CALL_ROWS; i++) {
		const struct balance_call *call = &account->calls[order.numbers[i]];

		fprintf(page->out, "  %-28s %10s %12s %10s\n", run_part_name(order.numbers[i]),
			format_ns(call->blocked).text, format_count(call->waits).text,
			order.ticks ? format_pct(share(call->ticks, order.ticks)).text : "");
	}
	if (order.ticks)
		fprintf(page->out,
			"  Waits are measured; of running, %s ticks of the timer tell.\n",
			format_count(order.ticks).text);
}

/* As `kymo profile --wall` shows them. */
static int put_stacks(const struct page *page)
{
	struct sink_target target = {
		.profile = page->view->profile,
		.out = page->out,
		.options = {
			.min_share_pct = STACKS_LEAST_PCT,
			.width = page->view->width,
			.colour = page->view->colour,
			.ascii = page->view->ascii,
		},
	};

	put_heading(page, "STACKS, RUNNING AND WAITING");
	return show_tree.end(&target);
}

static void put_group(const struct page *page)
{
	const struct account_group *group = &page->account->group;

	put_heading(page, "CONTROL GROUP OF THE COMMAND");
	if (group->has_cpu)
		fprintf(page->out, "  %12s of CPU time", format_ns(group->cpu_ns).text);
	if (group->has_throttled && group->throttled_ns)
		fprintf(page->out, ", held back by its quota for %s",
			format_ns(group->throttled_ns).text);
	fputs(group->has_cpu ? "\n" : "", page->out);
	if (group->has_memory)
		fprintf(page->out, "  %12s of memory at once, page cache included\n",
			format_bytes(group->peak_bytes).text);
	if (group->has_io)
		fprintf(page->out, "  %12s read from and %s written to disks\n",
			format_bytes(group->read_bytes).text,
			format_bytes(group->written_bytes).text);
	if (group->has_tasks)
		fprintf(page->out, "  %12s tasks at once\n", format_count(group->tasks_peak).text);
}

int show_run_text(FILE *out, const struct account *account, const struct run_view *view)
{
	struct page page = { out, account, view };
	int err = 0;

	show_run_summary(out, account, view, text_put_plain);
	if (account->rung < ACCOUNT_CGROUP || balance_main_thread(account))
		put_balance(&page);
	if (account->rung < ACCOUNT_CGROUP)
		err = put_programs(&page);
	if (account->group.is_made)
		put_group(&page);
	if (!err && account->has_memory)
		err = put_memory(&page);
	if (!err && account->peers.len)
		err = put_peers(&page);
	if (account->devices.len)
		put_devices(&page);
	if (account->has_calls)
		put_calls(&page);
	if (!err && account->has_syscalls) {
		put_heading(&page, "SYSTEM CALLS");
		err = show_syscalls(out, account);
	}
	if (!err && account->has_files) {
		put_heading(&page, "FILES");
		err = show_files(out, account);
	}
	if (!err && view->profile)
		err = put_stacks(&page);
	if (view->series && view->series->runs > 1)
		show_series(out, view->series);
	put_heading(&page, "HOW IT WAS MEASURED");
	show_run_trust(out, account, "  ", text_put_plain);
	return err;
}
