/* SPDX-License-Identifier: MIT */
/* run_html.c - the account of a run as one page that needs nothing else: no network, no other file.
 *
 *     heading, figures, summary
 *     where the time went     a bar for the first thread and for all, and a table
 *     through time            areas, from the moments of the account
 *     processes               programs as a table, processes as lines through time
 *     flame graph             show/svg.c, with its script
 *     memory, network, block devices, system calls, files
 *     how it was measured
 *
 * Its policy obeys only the style and the script that carry the page's nonce, and fetches nothing.  Text of
 * foreign origin is escaped, and free of control characters.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "report/calls.h"
#include "report/programs.h"
#include "show/format.h"
#include "show/run_html.h"
#include "show/run_summary.h"
#include "show/run_tables.h"
#include "show/run_tiers.h"
#include "show/svg.h"

#define ROWS_MAX    40   /* of a table; the JSON has all */
#define FLAME_LEAST 0.01 /* percent of the whole */
#define NONCE_BYTES 16

static const char style[] =
#include "show/page.css.inc"
	;

struct page {
	FILE *out;
	const struct account *account;
	const struct run_view *view;
	char nonce[2 * NONCE_BYTES + 1];
};

static int make_nonce(struct page *page)
{
	uint8_t bytes[NONCE_BYTES];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -errno;
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(page->nonce + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

/* A name that begins with '>' is that of a column of numbers. */
static void begin_table(const struct page *page, const char *const *names)
{
	fputs("<div class=\"wide\"><table><thead><tr>", page->out);
	for (; *names; names++)
		fprintf(page->out, "<th%s>%s</th>", **names == '>' ? " class=\"r\"" : "",
			*names + (**names == '>'));
	fputs("</tr></thead><tbody>\n", page->out);
}

static void end_table(const struct page *page, size_t left_out)
{
	fputs("</tbody></table></div>\n", page->out);
	if (left_out)
		fprintf(page->out, "<p class=\"note\">and %s more; the JSON has all</p>\n",
			format_count(left_out).text);
}

static void put_number(const struct page *page, const char *text)
{
	fprintf(page->out, "<td class=\"r\">%s</td>", text);
}

static void put_name(const struct page *page, const char *text)
{
	fputs("<td class=\"t m\">", page->out);
	text_put_xml(page->out, text);
	fputs("</td>", page->out);
}

static void put_heading(const struct page *page, const char *text)
{
	fprintf(page->out, "<h2>%s</h2>\n", text);
}

static void put_head(const struct page *page)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n", page->out);
	fprintf(page->out,
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		"style-src 'nonce-%s'; script-src 'nonce-%s'; base-uri 'none'; form-action 'none'; "
		"require-trusted-types-for 'script'; trusted-types 'none'\">\n",
		page->nonce, page->nonce);
	fputs("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	      "<meta name=\"referrer\" content=\"no-referrer\">\n"
	      "<meta name=\"generator\" content=\"kymo " KYMO_VERSION "\">\n<title>",
	      page->out);
	run_what(page->out, page->view, text_put_xml);
	fprintf(page->out, " - kymo run</title>\n<style nonce=\"%s\">\n%s</style>\n", page->nonce,
		style);
	fputs("</head>\n<body>\n", page->out);
}

static void put_tile(const struct page *page, const char *value, const char *name)
{
	fprintf(page->out, "<li><b>%s</b><span>%s</span></li>\n", value, name);
}

static void put_end(const struct page *page)
{
	const struct account *account = page->account;
	char text[32] = "running";

	if (!page->view->command)
		return;
	if (account->has_ended && WIFSIGNALED(account->status))
		snprintf(text, sizeof(text), "signal %d", WTERMSIG(account->status));
	else if (account->has_ended)
		snprintf(text, sizeof(text), "%d", WEXITSTATUS(account->status));
	put_tile(page, text, "exit status");
}

static void put_opening(const struct page *page)
{
	const struct account *account = page->account;
	time_t started = (time_t)(account->started_unix_ns / NS_PER_S);
	struct tm utc;
	char when[32] = "";

	if (gmtime_r(&started, &utc))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &utc);
	fputs("<header>\n<h1>", page->out);
	run_what(page->out, page->view, text_put_xml);
	fprintf(page->out, "</h1>\n<div class=\"about\">%s", when);
	if (page->view->host) {
		fputs(", ", page->out);
		text_put_xml(page->out, page->view->host->text);
	}
	fputs(", kymo " KYMO_VERSION "</div>\n<ul class=\"tiles\">\n", page->out);
	put_tile(page, format_ns(account->wall_ns).text, "wall time");
	put_tile(page, format_ns(account->totals.kernel_cpu).text, "CPU time");
	if (account->rung < ACCOUNT_CGROUP) {
		put_tile(page, format_count(account->process_count).text, "processes");
		put_tile(page, format_count(account->thread_count).text, "threads");
	}
	if (account->has_memory)
		put_tile(page, format_bytes(account->rss_peak_bytes).text, "resident at once");
	put_end(page);
	fputs("</ul>\n<p class=\"lead\">", page->out);
	if (!show_run_findings(page->out, account, text_put_xml))
		fputs("What dominated cannot be told without BPF.", page->out);
	fputs("</p>\n</header>\n<main>\n", page->out);
}

static double share(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0.0;
}

static void put_part(const struct page *page, unsigned part, const struct balance_times *first)
{
	const struct balance_times *all = &page->account->totals;
	uint64_t ns = part_ns(all, part), waits;

	waits = part < PART_BLOCKED ? 0 : all->waits[part - PART_BLOCKED];
	fputs("<tr><td>", page->out);
	html_swatch(page->out, part);
	fprintf(page->out, "%s</td>", part_words(part));
	if (first) {
		put_number(page, format_ns(part_ns(first, part)).text);
		put_number(page, format_pct(share(part_ns(first, part), first->life)).text);
	}
	put_number(page, format_ns(ns).text);
	put_number(page, format_pct(share(ns, all->life)).text);
	put_number(page, waits ? format_count(waits).text : "");
	fputs("</tr>\n", page->out);
}

static void put_balance(const struct page *page)
{
	static const char *const both[] = { "",  ">first thread", ">", ">all threads",
					    ">", ">waits",        NULL };
	const struct account_thread *thread = balance_main_thread(page->account);
	const struct balance_times *first = thread ? &thread->times : NULL;
	const struct balance_times *all = &page->account->totals;
	static const char *const one[] = { "", ">all threads", ">", ">waits", NULL };
	struct part_order order = part_order(all);

	put_heading(page, "Where the time went");
	if (first && first->life) {
		fputs("<p class=\"note\">First thread</p>\n", page->out);
		html_bar(page->out, first);
	}
	if (all->life) {
		fputs("<p class=\"note\">All threads together</p>\n", page->out);
		html_bar(page->out, all);
	}
	begin_table(page, first ? both : one);
	for (size_t i = 0; i < order.count; i++)
		put_part(page, order.parts[i], first);
	fputs("<tr><td>= life</td>", page->out);
	if (first)
		fprintf(page->out, "<td class=\"r\">%s</td><td></td>", format_ns(first->life).text);
	put_number(page, format_ns(all->life).text);
	fputs("<td></td><td></td></tr>\n", page->out);
	end_table(page, 0);
}

static const char *top_reason(const struct balance_times *times)
{
	struct balance_times waits = *times;
	struct part_order order;

	waits.running = waits.runq = 0;
	order = part_order(&waits);
	return order.count ? part_words(order.parts[0]) : "";
}

static void put_program(const struct page *page, const struct program_row *row)
{
	const struct balance_times *times = &row->times;

	fputs("<tr><td class=\"m\">", page->out);
	for (uint32_t i = 0; i < row->depth; i++)
		fputs("&#8195;&#8194;", page->out);
	text_put_xml(page->out, row->name);
	fputs("</td>", page->out);
	put_number(page, format_count(row->count).text);
	put_number(page, format_ns(times->life).text);
	put_number(page, format_ns(times->running).text);
	put_number(page, format_ns(times->runq).text);
	put_number(page, format_ns(times_blocked(times)).text);
	put_number(page, row->rss_peak_bytes ? format_bytes(row->rss_peak_bytes).text : "");
	fprintf(page->out, "<td>%s</td>", top_reason(times));
	put_number(page, row->failed ? format_count(row->failed).text : "");
	fputs("</tr>\n", page->out);
}

static int put_programs(const struct page *page)
{
	static const char *const names[] = { "program",   ">times",          ">life",
					     ">running",  ">run queue",      ">blocked",
					     ">peak RSS", "blocked most by", ">failed",
					     NULL };
	struct programs programs;
	size_t shown = 0;
	int err = programs_make(page->account, &programs);

	if (err)
		return err;
	put_heading(page, "Processes");
	begin_table(page, names);
	for (; shown < programs.rows.len && shown < ROWS_MAX; shown++)
		put_program(page, &programs.rows.data[shown]);
	end_table(page, programs.rows.len - shown);
	programs_done(&programs);
	return html_processes(page->out, page->account);
}

static int put_flame(const struct page *page)
{
	struct sink_options options = {
		.title = page->view->title,
		.min_share_pct = FLAME_LEAST,
	};

	put_heading(page, "Flame graph: running and waiting");
	return svg_put(page->out, page->view->profile, &options, page->nonce);
}

static int put_memory(const struct page *page)
{
	static const char *const names[] = { ">resident", "process", ">number", NULL };
	const struct account *account = page->account;
	struct run_holders holders;
	int err = run_holders(account, &holders);

	if (err)
		return err;
	put_heading(page, "Memory");
	fprintf(page->out,
		"<p class=\"note\">Who held the %s that were resident at once, %s after "
		"the start</p>\n",
		format_bytes(account->rss_peak_bytes).text,
		format_ns(account->rss_peak_at_mono_ns > account->started_mono_ns
				  ? account->rss_peak_at_mono_ns - account->started_mono_ns
				  : 0)
			.text);
	begin_table(page, names);
	for (size_t i = 0; i < holders.processes.len && i < ROWS_MAX; i++) {
		const struct account_process *process =
			&account->processes.data[holders.processes.data[i]];

		fputs("<tr>", page->out);
		put_number(page, format_bytes(process->rss_at_tree_peak_bytes).text);
		put_name(page, account_name(account, process));
		fprintf(page->out, "<td class=\"r\">%u</td></tr>\n", process->pid);
	}
	end_table(page, holders.processes.len > ROWS_MAX ? holders.processes.len - ROWS_MAX : 0);
	vec_done(&holders.processes);
	return 0;
}

static int put_peers(const struct page *page)
{
	static const char *const names[] = { "peer",      ">sent",        ">received",
					     ">connects", ">retransmits", NULL };
	struct run_peers peers;
	int err = run_peers(page->account, &peers);

	if (err)
		return err;
	put_heading(page, "Network");
	begin_table(page, names);
	for (size_t i = 0; i < peers.rows.len && i < ROWS_MAX; i++) {
		const struct account_peer *peer = &page->account->peers.data[peers.rows.data[i]];
		char address[80];

		run_address(peer, address, sizeof(address));
		fputs("<tr>", page->out);
		put_name(page, address);
		put_number(page, format_bytes(peer->sent_bytes).text);
		put_number(page, format_bytes(peer->received_bytes).text);
		put_number(page,
			   peer->connects ? format_ns(peer->connect_ns / peer->connects).text : "");
		put_number(page, peer->connects ? format_count(peer->retransmits).text : "");
		fputs("</tr>\n", page->out);
	}
	end_table(page, peers.rows.len > ROWS_MAX ? peers.rows.len - ROWS_MAX : 0);
	vec_done(&peers.rows);
	return 0;
}

static void put_devices(const struct page *page)
{
	static const char *const names[] = { "device",   ">reads", ">read",    ">writes",
					     ">written", ">mean",  ">slowest", NULL };

	put_heading(page, "Block devices");
	begin_table(page, names);
	vec_each(device, &page->account->devices) {
		uint64_t count = device->reads + device->writes;

		fputs("<tr>", page->out);
		put_name(page, device->name);
		put_number(page, format_count(device->reads).text);
		put_number(page, format_bytes(device->read_bytes).text);
		put_number(page, format_count(device->writes).text);
		put_number(page, format_bytes(device->written_bytes).text);
		put_number(page, format_ns(count ? device->total_ns / count : 0).text);
		put_number(page, format_ns(device->max_ns).text);
		fputs("</tr>\n", page->out);
	}
	end_table(page, 0);
}

static void put_calls(const struct page *page)
{
	static const char *const names[] = { "call", ">blocked", ">waits", ">of running", NULL };
	const struct account *account = page->account;
	struct call_order order = call_order(account);
	size_t shown = 0;

	put_heading(page, "System calls the time went to");
	begin_table(page, names);
	for (; shown < order.count && shown < ROWS_MAX; shown++) {
		const struct balance_call *call = &account->calls[order.numbers[shown]];

		fputs("<tr>", page->out);
		put_name(page, run_part_name(order.numbers[shown]));
		put_number(page, format_ns(call->blocked).text);
		put_number(page, format_count(call->waits).text);
		put_number(page,
			   order.ticks ? format_pct(share(call->ticks, order.ticks)).text : "");
		fputs("</tr>\n", page->out);
	}
	end_table(page, order.count - shown);
}

/* A table of a report for a person, as it stands there. */
static int put_as_text(const struct page *page, const char *heading,
		       int (*show)(FILE *out, const struct account *account))
{
	own(freep) char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	int err = out ? show(out, page->account) : -ENOMEM;

	if (out && fclose(out) != 0)
		err = -ENOMEM;
	if (err)
		return err;
	put_heading(page, heading);
	fputs("<div class=\"wide\"><pre class=\"m table\">", page->out);
	for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		text_put_xml(page->out, line);
		putc('\n', page->out);
	}
	fputs("</pre></div>\n", page->out);
	return 0;
}

static int put_tables(const struct page *page)
{
	const struct account *account = page->account;
	int err = account->has_memory ? put_memory(page) : 0;

	if (!err && account->peers.len)
		err = put_peers(page);
	if (account->devices.len)
		put_devices(page);
	if (account->has_calls)
		put_calls(page);
	if (!err && account->has_syscalls)
		err = put_as_text(page, "System calls", show_syscalls);
	if (!err && account->has_files)
		err = put_as_text(page, "Files", show_files);
	return err;
}

int show_run_html(FILE *out, const struct account *account, const struct run_view *view)
{
	struct page page = { .out = out, .account = account, .view = view };
	int err = make_nonce(&page);

	if (err)
		return err;
	put_head(&page);
	put_opening(&page);
	if (account->rung < ACCOUNT_CGROUP) {
		put_balance(&page);
		err = html_history(out, account);
		err = err ?: put_programs(&page);
	}
	if (!err && view->profile)
		err = put_flame(&page);
	err = err ?: put_tables(&page);
	put_heading(&page, "How it was measured");
	fputs("<pre>", out);
	show_run_trust(out, account, "", text_put_xml);
	fputs("</pre>\n</main>\n</body>\n</html>\n", out);
	return err;
}
