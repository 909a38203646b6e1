/* SPDX-License-Identifier: MIT */
#include "show/run_summary.h"

#include <inttypes.h>
#include <string.h>
#include <sys/wait.h>

#include "report/balance.h"
#include "show/format.h"

#define WORDS_MAX 8 /* of a command */

void run_what(FILE *out, const struct run_view *view, run_put *put)
{
	for (size_t i = 0; view->command && view->command[i] && i < WORDS_MAX; i++) {
		if (i)
			putc(' ', out);
		put(out, view->command[i]);
	}
	for (size_t i = 0; i < view->pid_count; i++)
		fprintf(out, "%s%u",
			i                     ? ", "
			: view->pid_count > 1 ? "processes "
					      : "process ",
			view->pids[i]);
}

static void put_end(FILE *out, const struct account *account)
{
	if (!account->has_ended)
		fputs(", still running", out);
	else if (WIFSIGNALED(account->status))
		fprintf(out, ", ended by signal %d (%s)%s", WTERMSIG(account->status),
			strsignal(WTERMSIG(account->status)),
			WCOREDUMP(account->status) ? ", core dumped" : "");
	else
		fprintf(out, ", exit status %d", WEXITSTATUS(account->status));
}

static void put_figures(FILE *out, const struct account *account, const struct run_view *view)
{
	uint64_t processes = account->process_count, alive = 0;

	fprintf(out, "; %s of CPU time", format_ns(account->totals.kernel_cpu).text);
	if (processes)
		fprintf(out, ", %s process%s, %s thread%s", format_count(processes).text,
			processes == 1 ? "" : "es", format_count(account->thread_count).text,
			account->thread_count == 1 ? "" : "s");
	if (account->has_memory)
		fprintf(out, ", at most %s resident at once",
			format_bytes(account->rss_peak_bytes).text);
	vec_each(process, &account->processes)
		alive += process->is_alive;
	if (alive && view->command)
		fprintf(out, "; %s still alive", format_count(alive).text);
}

bool show_run_findings(FILE *out, const struct account *account, run_put *put)
{
	struct balance_headline headline = balance_headline(account);

	if (!headline.without_ns || account->rung != ACCOUNT_BPF)
		return false;
	fprintf(out, "Waits for children apart, %s of all threads' time went to: %s.\nNext: ",
		format_pct(headline.share_pct).text, part_words(headline.part));
	put(out, headline.advice);
	fputs(".\n", out);
	return true;
}

void show_run_summary(FILE *out, const struct account *account, const struct run_view *view,
		      run_put *put)
{
	fputs("kymo: ", out);
	run_what(out, view, put);
	fprintf(out, ": %s", format_ns(account->wall_ns).text);
	if (view->command)
		put_end(out, account);
	put_figures(out, account, view);
	fputs(".\n", out);
	show_run_findings(out, account, put);
}

static void put_checks(FILE *out, const struct account *account)
{
	struct balance_checks checks = balance_checks(account);
	int64_t off = checks.kernel_difference_ns;

	fprintf(out,
		"%s; residual %" PRId64 " ns; against the kernel's counters: running and "
		"run queue %s%s (bound %s), switches of %s of %s threads equal\n",
		account->coverage.mode ?: "", checks.residual_ns, off < 0 ? "-" : "+",
		format_ns((uint64_t)(off < 0 ? -off : off)).text,
		format_ns(checks.kernel_bound_ns).text,
		format_count(checks.threads_compared - checks.threads_off_switches).text,
		format_count(checks.threads_compared).text);
}

static void put_named(FILE *out, const char *indent, const char *words, const char *what,
		      run_put *put)
{
	fprintf(out, "%s%s", indent, words);
	put(out, what);
	putc('\n', out);
}

void show_run_trust(FILE *out, const struct account *account, const char *indent, run_put *put)
{
	const struct balance_times *totals = &account->totals;

	fputs(indent, out);
	if (account->rung == ACCOUNT_BPF)
		put_checks(out, account);
	else
		fprintf(out, "%s: what the rights of this user allow\n",
			account->coverage.mode ?: "");
	if (totals->missed_switch_in || totals->missed_switch_out || totals->missed_wake)
		fprintf(out,
			"%srepaired: %s switches and %s wake-ups that the kernel did not tell of\n",
			indent,
			format_count(totals->missed_switch_in + totals->missed_switch_out).text,
			format_count(totals->missed_wake).text);
	fprintf(out, "%s%s lost\n", indent, format_count(coverage_lost(&account->coverage)).text);
	vec_each(loss, &account->coverage.lost) {
		fprintf(out, "%slost: %s ", indent, format_count(loss->count).text);
		put_named(out, "", "", loss->kind, put);
	}
	vec_each(what, &account->coverage.not_measured)
		put_named(out, indent, "not measured: ", *what, put);
	fprintf(out, "%skymo itself: %s of CPU time, %s until the command began, %s resident\n",
		indent, format_ns(account->observer_cpu_ns).text,
		format_ns(account->observer_load_ns).text,
		format_bytes(account->observer_rss_bytes).text);
}
