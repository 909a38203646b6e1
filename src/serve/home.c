/* SPDX-License-Identifier: MIT */
/* home.c - a page that tells how the daemon is, and what it can be asked: no script, no picture. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "serve/answers.h"
#include "serve/rows.h"

static const char style[] =
	"body{font:15px/1.5 system-ui,sans-serif;max-width:70em;margin:2em auto;padding:0 1em}"
	"table{border-collapse:collapse}th,td{text-align:left;padding:.15em 1em .15em 0;"
	"vertical-align:top}td.n{text-align:right;font-variant-numeric:tabular-nums}"
	"tr{border-bottom:1px solid #8884}.bad{font-weight:bold}"
	"@media(prefers-color-scheme:dark){body{background:#16181d;color:#ddd}a{color:#8bf}}\n";

int answer_style(struct api *api, const struct request *request, struct response *response)
{
	FILE *out = response_open(response, 200, "text/css; charset=utf-8");

	(void)api;
	(void)request;
	if (!out)
		return -ENOMEM;
	fputs(style, out);
	return response_close(response, out);
}

static void put_part(FILE *out, const struct ingest_part *part)
{
	const char *state = part->state == HOST_ON ? "on" : "off";

	if (part->state == HOST_FAILED)
		state = "failed";
	fputs("<tr><td>", out);
	if (strcmp(part->name, "profile") == 0)
		fputs("<a href=\"/api/v1/functions\">profile</a>", out);
	else if (strcmp(part->name, "waits") == 0)
		fputs("<a href=\"/api/v1/functions?kind=off-cpu\">waits</a>", out);
	else
		fprintf(out, "<a href=\"/api/v1/%s?limit=20\">%s</a>", part->name, part->name);
	fprintf(out, "</td><td%s>%s</td><td class=\"n\">%" PRIu64 "</td><td class=\"n\">%" PRIu64,
		part->state == HOST_FAILED ? " class=\"bad\"" : "", state, part->records,
		part->lost);
	fputs("</td><td>", out);
	text_put_xml(out, part->why);
	if (*part->lacks)
		fputs(*part->why ? "; not measured: " : "not measured: ", out);
	text_put_xml(out, part->lacks);
	fputs("</td></tr>\n", out);
}

static void put_parts(FILE *out, const struct ingest_status *status)
{
	fputs("<h2>What is recorded</h2>\n<table><thead><tr><th>collector</th><th>state</th>"
	      "<th>records</th><th>lost</th><th></th></tr></thead><tbody>\n",
	      out);
	for (size_t i = 0; i < status->part_count; i++)
		put_part(out, &status->parts[i]);
	fputs("</tbody></table>\n", out);
}

static void put_store(FILE *out, const struct api *api, const struct ingest_status *status)
{
	const struct store_state *store = &status->store;
	char time[ROWS_TIME_BYTES];

	fputs("<h2>The store</h2>\n<p><code>", out);
	text_put_xml(out, api->config->store.path);
	fprintf(out, "</code>: %.1f of %.0f MB", (double)store->bytes / 1e6,
		(double)api->config->store.max_bytes / 1e6);
	if (store->oldest_unix_ns && store->oldest_unix_ns != UINT64_MAX) {
		rows_time(store->oldest_unix_ns, time);
		fprintf(out, ", from <time>%.19sZ</time> on", time);
	}
	fprintf(out, "; %" PRIu64 " records lost, %" PRIu64 " deleted as too old.</p>\n",
		store->lost, store->deleted);
	if (store->is_failing) {
		fputs("<p class=\"bad\">It cannot be written: ", out);
		text_put_xml(out, store->why);
		fputs("</p>\n", out);
	}
	fprintf(out,
		"<p>Recording takes %.2f %% of a processor; stacks are sampled at %" PRIu64 " Hz. ",
		status->cpu_percent, status->rate_hz);
	text_put_xml(out, status->budget);
	fputs("</p>\n", out);
}

static void put_routes(FILE *out)
{
	fputs("<h2>What can be asked</h2>\n<table><tbody>\n", out);
	for (const struct route *route = routes; route->path; route++) {
		bool is_link = route->method == METHOD_GET && !strchr(route->path, '{') &&
			       !route->is_stream;

		fputs("<tr><td>", out);
		fputs(route->method == METHOD_GET ? "" : "PUT ", out);
		if (is_link)
			fprintf(out, "<a href=\"%s\">%s</a>", route->path, route->path);
		else
			text_put_xml(out, route->path);
		fputs("</td><td>", out);
		text_put_xml(out, route->help);
		fputs("</td></tr>\n", out);
	}
	fputs("</tbody></table>\n", out);
}

int answer_home(struct api *api, const struct request *request, struct response *response)
{
	struct ingest_status status;
	FILE *out = response_open(response, 200, "text/html; charset=utf-8");

	(void)request;
	if (!out)
		return -ENOMEM;
	ingest_status(api->ingest, &status);
	fputs("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	      "<title>kymo</title><meta name=\"viewport\" content=\"width=device-width\">"
	      "<meta http-equiv=\"refresh\" content=\"10\"><link rel=\"icon\" href=\"data:,\">"
	      "<link rel=\"stylesheet\" href=\"/style.css\"></head>\n<body>\n<h1>kymo</h1>\n",
	      out);
	fprintf(out, "<p>Version %s, which watches this host%s.</p>\n", KYMO_VERSION,
		status.is_started ? "" : " as soon as its collectors are attached");
	put_parts(out, &status);
	put_store(out, api, &status);
	put_routes(out);
	fputs("</body></html>\n", out);
	return response_close(response, out);
}
