/* SPDX-License-Identifier: MIT */
/* run_text.c - the account of a run for a person: what it was, what dominated, then tables. */
#include <inttypes.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/text.h"
#include "model/syscalls.h"
#include "report/balance.h"
#include "report/programs.h"
#include "show/format.h"
#include "show/run.h"
#include "show/run_series.h"
#include "show/run_tables.h"
#include "show/run_tiers.h"
#include "show/sinks.h"

#define ROWS_MAX         24 /* of a table; the JSON has all */
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

static void put_what(const struct page *page)
{
	const struct run_view *view = page->view;

	fputs("kymo: ", page->out);
	for (size_t i = 0; view->command && view->command[i] && i < 8; i++) {
		if (i)
			putc(' ', page->out);
		text_put_plain(page->out, view->command[i]);
	}
	for (size_t i = 0; i < view->pid_count; i++)
		fprintf(page->out, "%s%u",
			i                     ? ", "
			: view->pid_count > 1 ? "processes "
					      : "process ",
			view->pids[i]);
}

static void put_end(const struct page *page)
{
	const struct account *account = page->account;

	if (!page->view->command)
		return;
	if (!account->has_ended)
		fputs(", still running", page->out);
	else if (WIFSIGNALED(account->status))
		fprintf(page->out, ", ended by signal %d (%s)%s", WTERMSIG(account->status),
			strsignal(WTERMSIG(account->status)),
			WCOREDUMP(account->status) ? ", core dumped" : "");
	else
		fprintf(page->out, ", exit status %d", WEXITSTATUS(account->status));
}

/* The paragraph that comes first. */
static void put_summary(const struct page *page)
{
	const struct account *account = page->account;
	struct balance_headline headline = balance_headline(account);
	uint64_t processes = account->process_count, alive = 0;

	put_what(page);
	fprintf(page->out, ": %s", format_ns(account->wall_ns).text);
	put_end(page);
	fprintf(page->out, "; %s of CPU time", format_ns(account->totals.kernel_cpu).text);
	if (processes)
		fprintf(page->out, ", %s process%s, %s thread%s", format_count(processes).text,
			processes == 1 ? "" : "es", format_count(account->thread_count).text,
			account->thread_count == 1 ? "" : "s");
	if (account->has_memory)
		fprintf(page->out, ", at most %s resident at once",
			format_bytes(account->rss_peak_bytes).text);
	vec_each(process, &account->processes)
		alive += process->is_alive;
	if (alive && page->view->command)
		fprintf(page->out, "; %s still alive", format_count(alive).text);
	if (headline.without_ns && account->rung == ACCOUNT_BPF)
		fprintf(page->out,
			".\nWaits for children apart, %s of all threads' time went to: %s.\nNext: %s",
			format_pct(headline.share_pct).text, part_words(headline.part),
			headline.advice);
	fputs(".\n", page->out);
}

static void put_part(const struct page *page, unsigned part, const struct balance_times *first)
{
	const struct balance_times *all = &page->account->totals;
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
	const struct balance_times *first = thread ? &thread->times : NULL;
	const struct balance_times *all = &page->account->totals;
	struct part_order order = part_order(all);

	put_heading(page, "WHERE THE TIME WENT");
	fprintf(page->out, "  %-22s", "");
	if (first)
		fprintf(page->out, " %19s", "main thread");
	fprintf(page->out, " %21s %12s\n", "all threads", "waits");
	for (size_t i = 0; i < order.count; i++)
		put_part(page, order.parts[i], first);
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

static int by_bytes(const void *a, const void *b)
{
	const struct account_peer *one = a, *other = b;
	uint64_t left = one->sent_bytes + one->received_bytes;
	uint64_t right = other->sent_bytes + other->received_bytes;

	return left > right ? -1 : left < right;
}

static int put_peers(const struct page *page)
{
	size_t count = page->account->peers.len;
	own(freep) struct account_peer *peers = calloc(count ?: 1, sizeof(*peers));

	if (!peers)
		return -ENOMEM;
	memcpy(peers, page->account->peers.data, count * sizeof(*peers));
	qsort(peers, count, sizeof(*peers), by_bytes);
	put_heading(page, "NETWORK");
	fprintf(page->out, "  %-40s %10s %10s %12s %11s\n", "peer", "sent", "received", "connects",
		"retransmits");
	for (size_t i = 0; i < count && i < ROWS_MAX; i++) {
		char address[80];

		run_address(&peers[i], address, sizeof(address));
		fprintf(page->out, "  %-40s %10s %10s", address,
			format_bytes(peers[i].sent_bytes).text,
			format_bytes(peers[i].received_bytes).text);
		if (peers[i].connects)
			fprintf(page->out, " %12s %11" PRIu64,
				format_ns(peers[i].connect_ns / peers[i].connects).text,
				peers[i].retransmits);
		putc('\n', page->out);
	}
	if (count > ROWS_MAX)
		fprintf(page->out, "  and %s more\n", format_count(count - ROWS_MAX).text);
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

/* How much of the time went to a call: its waits are measured, its running is told by ticks. */
static uint64_t call_weight(const struct account *account, unsigned number)
{
	const struct balance_call *call = &account->calls[number];

	return call->blocked + call->ticks * account->tick_ns;
}

static void put_calls(const struct page *page)
{
	const struct account *account = page->account;
	uint64_t ticks = 0, last = UINT64_MAX;
	unsigned last_number = 0;

	for (unsigned i = 0; i < BALANCE_CALLS; i++)
		ticks += account->calls[i].ticks;
	put_heading(page, "SYSTEM CALLS THE TIME WENT TO");
	fprintf(page->out, "  %-28s %10s %12s %10s\n", "call", "blocked", "waits", "of running");
	for (unsigned row = 0; row < 10; row++) {
		unsigned best = BALANCE_CALLS;

		/* The next in order, whatever their number. */
		for (unsigned i = 0; i < BALANCE_CALLS; i++) {
			uint64_t weight = call_weight(account, i);

			if (!weight || weight > last || (weight == last && i <= last_number && row))
				continue;
			if (best == BALANCE_CALLS || weight > call_weight(account, best))
				best = i;
		}
		if (best == BALANCE_CALLS)
			break;
		last = call_weight(account, best);
		last_number = best;
		fprintf(page->out, "  %-28s %10s %12s %10s\n",
			best == BALANCE_CALLS - 1 ? "(user code, page faults)"
						  : syscall_name(best) ?: "(unknown)",
			format_ns(account->calls[best].blocked).text,
			format_count(account->calls[best].waits).text,
			ticks ? format_pct(share(account->calls[best].ticks, ticks)).text : "");
	}
	if (ticks)
		fprintf(page->out,
			"  Waits are measured; of running, %s ticks of the timer tell.\n",
			format_count(ticks).text);
}

static void put_checks(const struct page *page)
{
	const struct account *account = page->account;
	struct balance_checks checks = balance_checks(account);
	int64_t off = checks.kernel_difference_ns;

	fprintf(page->out,
		"  %s; residual %" PRId64 " ns; against the kernel's counters: running and "
		"run queue %s%s (bound %s), switches of %s of %s threads equal\n",
		account->coverage.mode ?: "", checks.residual_ns, off < 0 ? "-" : "+",
		format_ns((uint64_t)(off < 0 ? -off : off)).text,
		format_ns(checks.kernel_bound_ns).text,
		format_count(checks.threads_compared - checks.threads_off_switches).text,
		format_count(checks.threads_compared).text);
}

static void put_trust(const struct page *page)
{
	const struct account *account = page->account;
	const struct balance_times *totals = &account->totals;

	put_heading(page, "HOW IT WAS MEASURED");
	if (account->rung == ACCOUNT_BPF)
		put_checks(page);
	else
		fprintf(page->out, "  %s: what the rights of this user allow\n",
			account->coverage.mode ?: "");
	if (totals->missed_switch_in || totals->missed_switch_out || totals->missed_wake)
		fprintf(page->out,
			"  repaired: %s switches and %s wake-ups that the kernel did not tell of\n",
			format_count(totals->missed_switch_in + totals->missed_switch_out).text,
			format_count(totals->missed_wake).text);
	fprintf(page->out, "  %s lost\n", format_count(coverage_lost(&account->coverage)).text);
	vec_each(loss, &account->coverage.lost)
		fprintf(page->out, "  lost: %s %s\n", format_count(loss->count).text, loss->kind);
	vec_each(what, &account->coverage.not_measured)
		fprintf(page->out, "  not measured: %s\n", *what);
	fprintf(page->out,
		"  kymo itself: %s of CPU time, %s until the command began, %s resident\n",
		format_ns(account->observer_cpu_ns).text, format_ns(account->observer_load_ns).text,
		format_bytes(account->observer_rss_bytes).text);
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

int show_run_text(FILE *out, const struct account *account, const struct run_view *view)
{
	struct page page = { out, account, view };
	int err = 0;

	put_summary(&page);
	if (account->rung != ACCOUNT_WAIT) {
		put_balance(&page);
		err = put_programs(&page);
	}
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
	put_trust(&page);
	return err;
}
