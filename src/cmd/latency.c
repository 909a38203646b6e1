/* SPDX-License-Identifier: MIT */
#include "cmd/latency.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "cmd/color.h"
#include "session/latency.h"
#include "show/format.h"
#include "show/latency_sinks.h"
#include "show/sinks.h"

#define ASK_ABOVE         1000 /* functions */
#define SHOWN_MAX         20   /* of them, and of those that cannot be probed */
#define STATUS_EXCEEDED   3
#define STATUS_UNANSWERED 1

static void put_function(FILE *out, const struct latency_function *function)
{
	text_put_plain(out, function->name);
	fputs(" in ", out);
	text_put_plain(out, function->file);
	fprintf(out, ": %s", function->how);
	if (function->entry_ns)
		fprintf(out, "; adds about %s to a call",
			format_ns(function->entry_ns + function->exit_ns).text);
	putc('\n', out);
}

static void put_refused(FILE *out, const struct latency_plan *plan, size_t max)
{
	for (size_t i = 0; i < plan->refused.len && i < max; i++) {
		fputs("kymo: not probed: ", out);
		text_put_plain(out, plan->refused.data[i]);
		putc('\n', out);
	}
	if (plan->refused.len > max)
		fprintf(out, "kymo: not probed: %zu more\n", plan->refused.len - max);
}

static void put_plan(FILE *out, const struct latency_plan *plan)
{
	for (size_t i = 0; i < plan->functions.len && i < SHOWN_MAX; i++) {
		fputs("kymo: ", out);
		put_function(out, &plan->functions.data[i]);
	}
	if (plan->functions.len > SHOWN_MAX)
		fprintf(out, "kymo: and %zu functions more; --list tells of each\n",
			plan->functions.len - SHOWN_MAX);
}

static int read_plan(const struct arguments *arguments, struct latency_plan *plan)
{
	int err = 0;

	const struct argument *arg = NULL;

	plan->pid = (uint32_t)arguments_number(arguments, "pid");
	if (!arguments->operands.len) {
		err = fail(-ERROR_USAGE, "no function is named");
		hint("write FILE:FUNCTION, or -p PID FUNCTION; --list FILE:'*' lists what there is");
	}
	while (!err && (arg = arguments_next(arguments, "arg", arg)) != NULL)
		err = latency_plan_arg(plan, arg->value.text);
	for (size_t i = 0; !err && i < arguments->operands.len; i++)
		err = latency_plan_add(plan, arguments->operands.data[i]);
	if (!err && !plan->functions.len) {
		put_refused(stderr, plan, SHOWN_MAX);
		err = fail(-ENOTSUP, "none of these functions can be probed");
	}
	return err;
}

static int list(const struct latency_plan *plan)
{
	for (size_t i = 0; i < plan->functions.len; i++)
		put_function(stdout, &plan->functions.data[i]);
	put_refused(stdout, plan, SIZE_MAX);
	vec_each(what, &plan->unseen)
		printf("kymo: not seen: %s\n", *what);
	return 0;
}

/* A person may answer; nobody else can. */
static int ask(const struct arguments *arguments, const struct latency_plan *plan)
{
	char answer[8] = "";
	int err;

	if (plan->functions.len <= ASK_ABOVE || arguments_flag(arguments, "yes"))
		return 0;
	if (isatty(STDIN_FILENO) && isatty(STDERR_FILENO)) {
		fprintf(stderr, "kymo: probe %zu functions? [y/N] ", plan->functions.len);
		if (fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y'))
			return 0;
		return STATUS_UNANSWERED;
	}
	err = fail(-E2BIG, "that is %zu functions", plan->functions.len);
	hint("--yes probes more than %d, --list lists them", ASK_ABOVE);
	return err;
}

static int on_ready(void *context, const struct latency_plan *plan)
{
	const struct arguments *arguments = context;

	if (!arguments_flag(arguments, "quiet")) {
		if (plan->by_perf)
			fputs("kymo: probing " LATENCY_BY_PERF "\n", stderr);
		put_plan(stderr, plan);
		put_refused(stderr, plan, SHOWN_MAX);
	}
	return 0;
}

static void on_started(void *context, const struct latency_plan *plan, uint64_t attach_ns)
{
	if (arguments_flag(context, "quiet"))
		return;
	if (!plan)
		fprintf(stderr, "kymo: timing requests, with the hooks set in %s\n",
			format_ns(attach_ns).text);
	else
		fprintf(stderr, "kymo: timing %zu function%s, with %zu probes set in %s\n",
			plan->functions.len, plan->functions.len == 1 ? "" : "s", plan->sites.len,
			format_ns(attach_ns).text);
}

static const struct latency_sink *choose_sink(const struct arguments *arguments)
{
	if (arguments_flag(arguments, "json"))
		return &show_latency_json;
	if (arguments_flag(arguments, "csv"))
		return &show_latency_csv;
	return arguments_flag(arguments, "calls") ? &show_latency_calls : &show_latency_text;
}

static void put_closing(const struct coverage *coverage, const struct latency_outcome *outcome,
			bool is_http)
{
	if (is_http && coverage->mode)
		fprintf(stderr, "kymo: requests were seen %s\n", coverage->mode);
	vec_each(loss, &coverage->lost)
		fprintf(stderr, "kymo: lost: %lu %s\n", (unsigned long)loss->count, loss->kind);
	vec_each(what, &coverage->not_measured)
		fprintf(stderr, "kymo: not measured: %s\n", *what);
	if (outcome->end == LATENCY_END_PROCESS)
		fputs("kymo: the process has ended\n", stderr);
	if (!is_http) {
		fprintf(stderr, "kymo: the probes cost about %s of a CPU",
			format_pct(outcome->cost_pct).text);
		fprintf(stderr, ", and were taken off in %s\n", format_ns(outcome->detach_ns).text);
	}
}

/* Return: 0; a positive exit status; -errno with fail() said. */
static int conclude(const struct arguments *arguments, const struct latency_outcome *outcome)
{
	if (outcome->end == LATENCY_END_FILE)
		return fail(-ETXTBSY,
			    "'%s' was written to while it was probed: the probes were taken off",
			    outcome->file);
	if (outcome->end != LATENCY_END_COST)
		return 0;
	if (!outcome->name) {
		fprintf(stderr,
			"kymo: the hooks were taken off: they cost %.1f %% of a CPU, more than %g %%\n",
			outcome->cost_pct, arguments_decimal(arguments, "max-cost"));
		return STATUS_EXCEEDED;
	}
	fprintf(stderr,
		"kymo: the probes were taken off: they cost %.1f %% of a CPU, more than %g %%, '%s' "
		"the most\n",
		outcome->cost_pct, arguments_decimal(arguments, "max-cost"), outcome->name);
	fputs("hint: name fewer functions, or allow more by --max-cost\n", stderr);
	return STATUS_EXCEEDED;
}

static int count(const struct latency_request *request, struct latency_plan *plan,
		 struct coverage *coverage, struct latency_outcome *outcome)
{
	if (plan)
		return latency_run(request, plan, coverage, outcome);
	return latency_run_http(request, coverage, outcome);
}

/* Standard output or a file, and the pictures that are wanted beside it. */
struct outputs {
	struct file_output data, flame, more;
};

static void abort_outputs(struct outputs *outputs)
{
	file_output_abort(&outputs->data);
	file_output_abort(&outputs->flame);
	file_output_abort(&outputs->more);
}

static int open_picture(const struct arguments *arguments, const char *option,
			struct file_output *output)
{
	return arguments_has(arguments, option)
		       ? file_output_open(output, arguments_text(arguments, option))
		       : 0;
}

static int open_outputs(const struct arguments *arguments, struct outputs *outputs)
{
	int err = file_output_open(&outputs->data, arguments_text(arguments, "output"));

	err = err ?: open_picture(arguments, "flame", &outputs->flame);
	err = err ?: open_picture(arguments, "flame-more", &outputs->more);
	if (err)
		abort_outputs(outputs);
	return err;
}

static int commit_outputs(struct outputs *outputs)
{
	int err = file_output_commit(&outputs->data);

	if (!err && outputs->flame.out)
		err = file_output_commit(&outputs->flame);
	if (!err && outputs->more.out)
		err = file_output_commit(&outputs->more);
	if (err)
		abort_outputs(outputs);
	return err;
}

/* @plan: NULL: requests of HTTP servers */
static int run(const struct arguments *arguments, struct latency_plan *plan)
{
	own(coverage_done) struct coverage coverage = { 0 };
	struct latency_outcome outcome;
	struct outputs outputs = { 0 };
	struct latency_request request = {
		.pid = (uint32_t)arguments_number(arguments, "pid"),
		.duration_ns = arguments_number(arguments, "duration"),
		.interval_ns = arguments_number(arguments, "interval"),
		.count = arguments_number(arguments, "count"),
		.max_cost_pct = plan || arguments_has(arguments, "max-cost")
					? arguments_decimal(arguments, "max-cost")
					: 0,
		.per_call = arguments_flag(arguments, "calls"),
		.by_perf = arguments_flag(arguments, "perf-uprobes"),
		.by_packets = arguments_flag(arguments, "packets"),
		.slower_ns = (uint64_t)(arguments_decimal(arguments, "slower") * NS_PER_MS),
		.slowest = (uint32_t)arguments_number(arguments, "slowest"),
		.cgroup = arguments_text(arguments, "cgroup"),
		.tls = arguments_text(arguments, "tls"),
		.port = (uint16_t)arguments_number(arguments, "port"),
		.sink = choose_sink(arguments),
		.ready = on_ready,
		.started = on_started,
		.context = (void *)arguments,
	};
	int err = open_outputs(arguments, &outputs);

	if (err)
		return err;
	request.flame = &show_svg;
	request.flame_out = outputs.flame.out;
	request.more_out = outputs.more.out;
	request.target = (struct latency_target){
		.out = outputs.data.out,
		.ascii = !locale_is_utf8(),
		.in_place = isatty(fileno(outputs.data.out)) && request.sink == &show_latency_text,
		.per_call = request.per_call,
		.is_http = !plan,
	};
	err = count(&request, plan, &coverage, &outcome);
	if (err) {
		abort_outputs(&outputs);
		return err;
	}
	err = commit_outputs(&outputs);
	if (!err && !arguments_flag(arguments, "quiet"))
		put_closing(&coverage, &outcome, !plan);
	return err ?: conclude(arguments, &outcome);
}

static int refuse(const char *what, const char *help)
{
	int err = fail(-ERROR_USAGE, "%s", what);

	hint("%s", help);
	return err;
}

static int run_http(const struct arguments *arguments)
{
	if (arguments->operands.len)
		return refuse("'--http' takes no function",
			      "'kymo latency --http -p PID' sees the requests of a server");
	if (arguments_has(arguments, "pid") && arguments_has(arguments, "cgroup"))
		return refuse("'--pid' and '--cgroup' exclude each other", "name one of them");
	return run(arguments, NULL);
}

/* Whether some calls are explained. */
static bool explains(const struct arguments *arguments)
{
	return arguments_has(arguments, "slower") || arguments_has(arguments, "slowest");
}

/* Return: 0; what refuse() returns. */
static int check_explained(const struct arguments *arguments)
{
	if (arguments_has(arguments, "slower") && arguments_decimal(arguments, "slower") <= 0)
		return refuse("every call is slower than 0 ms", "--slower wants a threshold above");
	if (arguments_has(arguments, "slower") && arguments_has(arguments, "slowest"))
		return refuse("'--slower' and '--slowest' exclude each other", "say one of them");
	if (arguments_has(arguments, "flame") && !explains(arguments))
		return refuse("'--flame' is of slow calls",
			      "say which are by --slower MS or --slowest N");
	if (arguments_has(arguments, "flame-more") && !arguments_has(arguments, "slower"))
		return refuse("'--flame-more' compares slow calls with the others",
			      "say which are slow by --slower MS");
	if (arguments_flag(arguments, "csv") && explains(arguments) &&
	    !arguments_has(arguments, "flame") && !arguments_has(arguments, "flame-more"))
		return refuse("'--csv' has no room for why calls are slow",
			      "use --json, or --flame");
	if (arguments_has(arguments, "arg") &&
	    (arguments_flag(arguments, "http") ||
	     (!arguments_flag(arguments, "calls") && !explains(arguments))))
		return refuse("'--arg' is of single calls of functions",
			      "say which calls: --calls, --slower MS or --slowest N");
	return 0;
}

int latency_verb_run(const struct arguments *arguments)
{
	own(latency_plan_done) struct latency_plan plan = { 0 };
	int err;

	err = check_explained(arguments);
	if (err)
		return err;
	if (arguments_flag(arguments, "http") && arguments_flag(arguments, "perf-uprobes"))
		return refuse("'--perf-uprobes' is of functions", "leave out --http");
	if (arguments_flag(arguments, "http"))
		return run_http(arguments);
	if (arguments_has(arguments, "cgroup") || arguments_has(arguments, "port") ||
	    arguments_has(arguments, "tls") || arguments_flag(arguments, "packets"))
		return refuse("'--cgroup', '--port', '--tls' and '--packets' are for requests",
			      "add --http");
	err = read_plan(arguments, &plan);
	if (!err && arguments_flag(arguments, "list"))
		return list(&plan);
	err = err ?: ask(arguments, &plan);
	return err ?: run(arguments, &plan);
}
