/* SPDX-License-Identifier: MIT */
/* latency_http.c - requests of HTTP/1 servers, from their sockets to the last figure. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "collect/alive.h"
#include "collect/call/calls.h"
#include "collect/descendants.h"
#include "collect/http/requests.h"
#include "session/latency.h"
#include "session/latency_routes.h"
#include "session/latency_runners.h"
#include "session/latency_tls.h"
#include "session/latency_why.h"
#include "session/signals.h"

#define SETTLE_EVERY_NS (250 * NS_PER_MS)

struct session {
	const struct latency_request *request;
	struct coverage *coverage;
	struct latency_target target;
	struct requests *requests;
	struct why *why; /* NULL: nothing is explained */
	struct latency_routes routes;
	struct latency_runners runners;
	struct latency_tls tls;
	bool is_go; /* net/http of Go is probed */
	struct signals signals;
	uint64_t started_ns, reported_ns, settled_ns;
	uint64_t cost_from_ns, cost_from; /* where the span of the cost began */
	uint64_t counted;
	uint64_t odd;     /* of which the line was none */
	uint64_t unaware; /* that had arrived before we looked */
	bool is_over;
	enum latency_end end;
};

static uint64_t span(uint64_t from, uint64_t to)
{
	return to > from ? to - from : 0;
}

static bool has_enough(const struct session *session)
{
	return session->request->count && session->counted >= session->request->count;
}

/* A request that was slow: its service is divided.  0; -ENOMEM */
static int keep_slow(struct session *session, const struct http_record *record,
		     const struct latency_call *call, const char *request)
{
	struct latency_slow slow = {
		.call = *call,
		.http = *call->http,
		.began_mono_ns = record->read_at,
		.ended_mono_ns = record->first_at,
		.runq_ns = record->runq_ns,
	};

	if (record->way == HTTP_WAY_GO)
		slow.not_divided = "a goroutine shares its thread with others";
	else if (requests_way(session->requests) == REQUESTS_BY_PACKETS)
		slow.not_divided = "who answers is not seen in packets";
	else if (record->runq_ns == UINT64_MAX)
		slow.not_divided = "another thread has answered it than read it";
	snprintf(slow.request, sizeof(slow.request), "%s", request);
	return latency_slow_told(session->request->sink, &session->target, &slow)
		       ?: why_add(session->why, &slow);
}

static bool is_each_told(const struct session *session)
{
	return session->request->per_call && session->request->sink->call;
}

/* To the sink, and to those that are explained. */
static int tell(struct session *session, const struct http_record *record,
		const struct latency_route *route)
{
	uint64_t from = record->ready_at ?: record->read_at;
	char text[HTTP_LINE_BYTES + 1];
	struct route_line line;
	struct latency_exchange exchange = {
		.request = text,
		.port = record->port,
		.status = record->status,
		.way = record->way,
		.queue_ns =
			record->ready_at ? span(record->ready_at, record->read_at) : LATENCY_NONE,
		.service_ns = span(record->read_at, record->first_at),
		.in_bytes = record->in_bytes,
		.out_bytes = record->out_bytes,
	};
	struct latency_call call = {
		.function = &route->function,
		.at_mono_ns = record->last_at,
		.took_ns = span(from, record->last_at),
		.pid = record->pid,
		.tid = record->tid,
		.goroutine = record->goroutine,
		.http = &exchange,
	};
	bool is_slow;
	size_t len;
	int err = 0;

	if (!route_parse(record->line, record->line_bytes, &line))
		return 0;
	len = line.method_bytes + 1 + line.target_bytes;
	memcpy(text, record->line, len);
	text[len] = '\0';
	exchange.is_cut = line.is_cut;
	is_slow = session->why && call.took_ns >= session->request->slower_ns;
	if (is_slow)
		err = keep_slow(session, record, &call, text);
	if (!err && session->why && record->runq_ns != UINT64_MAX)
		err = why_add_span(session->why, &(struct more_call){
							 .began_mono_ns = record->read_at,
							 .ended_mono_ns = record->first_at,
							 .function = call.function,
							 .tid = record->tid,
							 .is_slow = is_slow,
						 });
	if (!err && is_each_told(session))
		err = session->request->sink->call(&session->target, &call);
	return err;
}

static int on_request(void *context, const struct http_record *record)
{
	struct session *session = context;
	const struct latency_route *route;
	int err;

	if (has_enough(session) || record->line_bytes > HTTP_LINE_BYTES)
		return 0;
	err = latency_runners_meet(&session->runners, session->requests, record->pid,
				   record->cpu == HTTP_CPU_STRANGER);
	err = err ?: latency_routes_count(&session->routes, record, &route);
	if (err == -EBADMSG) {
		session->odd++;
		return 0;
	}
	if (err)
		return err;
	session->counted++;
	session->unaware += !record->ready_at && record->way == HTTP_WAY_SOCKET;
	return session->why || is_each_told(session) ? tell(session, record, route) : 0;
}

static void finish(struct session *session, enum latency_end end)
{
	if (!session->is_over)
		session->end = end;
	session->is_over = true;
}

static void check_end(struct session *session, uint64_t now)
{
	const struct latency_request *request = session->request;
	struct launch nobody = { 0 };

	signals_read(&session->signals, &nobody);
	if (session->signals.stops)
		finish(session, LATENCY_END_SIGNAL);
	if (has_enough(session))
		finish(session, LATENCY_END_COUNT);
	if (request->pid && alive_process(request->pid) != 1)
		finish(session, LATENCY_END_PROCESS);
	if (request->duration_ns && now >= session->started_ns + request->duration_ns)
		finish(session, LATENCY_END_TIME);
}

/* Averaged over a second at least, so that a burst is not taken for a rate. */
static int check_cost(struct session *session, uint64_t now, struct latency_outcome *outcome)
{
	uint64_t span = now - session->cost_from_ns, cost;
	int err;

	if (!session->request->max_cost_pct || (session->cost_from_ns && span < NS_PER_S))
		return 0;
	err = requests_cost(session->requests, &cost);
	if (err)
		return err;
	if (session->cost_from_ns)
		outcome->cost_pct = 100.0 * (double)(cost - session->cost_from) / (double)span;
	session->cost_from = cost;
	session->cost_from_ns = now;
	if (outcome->cost_pct > session->request->max_cost_pct)
		finish(session, LATENCY_END_COST);
	return 0;
}

static int report(struct session *session, uint64_t now, bool is_final)
{
	struct latency_report report = {
		.at_mono_ns = now,
		.span_ns = now - (is_final ? session->started_ns : session->reported_ns),
		.is_final = is_final,
		.coverage = is_final ? session->coverage : NULL,
	};
	int err = latency_routes_report(&session->routes, is_final, &report);

	err = err ?: session->request->sink->report(&session->target, &report);
	latency_routes_turn(&session->routes);
	if (session->why && !is_final)
		why_turn(session->why, now);
	session->reported_ns = now;
	return err;
}

struct loss {
	const char *kind;
	uint64_t count;
};

/* Without clocks requests are seen all the same. */
static int note_clocks(const struct session *session)
{
	int refused = requests_clock_error(session->requests);
	char text[160];

	if (!refused)
		return 0;
	snprintf(
		text, sizeof(text),
		"CPU time of requests: perf_event_open() of the CPU clock is refused (%s)%s",
		strerror(-refused),
		refused == -EACCES || refused == -EPERM
			? ", by kernel.perf_event_paranoid without CAP_PERFMON or by a seccomp filter"
			: "");
	return coverage_lack(session->coverage, text);
}

static int note_way(const struct session *session)
{
	enum requests_way way = requests_way(session->requests);

	if (way == REQUESTS_BY_ENTRY)
		return coverage_set_mode(
			session->coverage,
			"at sockets, answers where a function of the kernel begins");
	if (way != REQUESTS_BY_PACKETS)
		return 0;
	return coverage_set_mode(session->coverage, "in the packets of connections")
		       ?: coverage_lack(
				  session->coverage,
				  "CPU time of requests, and where slow ones spent their time: who "
				  "answers is not seen in packets");
}

/* What no request of this run can be of. */
static int note_unseen(const struct session *session)
{
	static const char always[] = "HTTP/3 and Unix sockets";
	const char *what =
		session->is_go ? "TLS and HTTP/2 by anything but the net/http of Go that is probed"
		: session->request->tls ? "TLS by anything but the OpenSSL that is probed, HTTP/2"
					: "TLS and HTTP/2, without --tls";
	char text[160];
	int err;

	snprintf(text, sizeof(text), "%s, %s", what, always);
	err = coverage_lack(session->coverage, text);
	if (!err && session->is_go)
		err = coverage_lack(session->coverage,
				    "queue times, ports and bytes of the requests that are seen in "
				    "Go's net/http, and requests whose handler panics");
	if (!err && session->is_go)
		err = latency_go_note(&session->tls.go, !session->tls.lacks_two, session->coverage);
	if (!err && session->tls.lacks_two)
		err = coverage_lack(session->coverage,
				    "HTTP/2: this Go program was built without that of net/http");
	err = err ?: note_clocks(session);
	return err ?: note_way(session);
}

static int note_losses(const struct session *session)
{
	const volatile struct http_control *control = requests_control(session->requests);
	uint64_t unseen_tls, unseen_two;

	requests_unseen(session->requests, &unseen_tls, &unseen_two);
	const struct loss losses[] = {
		{ "requests: the ring was full", control->dropped },
		{ "connections: arrivals on those that had no room", control->refused },
		{ "connections: not HTTP/1", control->foreign },
		{ session->request->tls ? "connections: TLS, not seen through"
					: "connections: TLS, without --tls",
		  control->tls + unseen_tls },
		{ "connections: HTTP/2", control->two + unseen_two },
		{ "requests: pipelined, not told apart", control->pipelined },
		{ "requests: not answered when their handler, connection or this run ended",
		  control->unanswered },
		{ "requests: the line cannot be read", control->unreadable + session->odd },
		{ "answers: the status could not be read", control->unknown },
		{ "requests: behind TLS, of which the connection could not be told",
		  control->untied },
		{ "answers: went on after a second of silence", control->late },
		{ "requests: arrived before we looked, without queue time", session->unaware },
		{ "requests: forgotten, more handlers of Go ran at once than there is room for",
		  (uint64_t)(control->go_open > 0 ? control->go_open : 0) },
		{ "processes: too many to follow", requests_refused(session->requests) },
		{ "hooks: skipped by the kernel while another ran",
		  requests_missed(session->requests) },
	};
	uint64_t now = clock_mono_ns();
	int err = 0;

	for (size_t i = 0; !err && i < array_len(losses); i++)
		err = coverage_lose(session->coverage, losses[i].kind, losses[i].count, now);
	return err ?: note_unseen(session);
}

static void wait_for_more(const struct session *session, uint64_t now)
{
	uint64_t until = now + LATENCY_DRAIN_MS * NS_PER_MS;
	uint64_t end = session->started_ns + session->request->duration_ns;
	uint64_t next = session->reported_ns + session->request->interval_ns;
	struct pollfd waits[] = {
		{ .fd = session->signals.fd, .events = POLLIN },
		{ .fd = requests_descriptor(session->requests), .events = POLLIN },
	};

	if (session->request->duration_ns && end < until)
		until = end;
	if (next < until)
		until = next;
	if (until > now)
		poll(waits, array_len(waits), (int)((until - now) / NS_PER_MS) + 1);
}

/* Looking at all connections takes a while, and a server may want the processor. */
static int settle(struct session *session, uint64_t now)
{
	if (now < session->settled_ns + SETTLE_EVERY_NS)
		return 0;
	session->settled_ns = now;
	return requests_settle(session->requests, false);
}

static int count_until_over(struct session *session, struct latency_outcome *outcome)
{
	uint64_t now = session->started_ns;
	int err = 0;

	while (!err && !session->is_over) {
		wait_for_more(session, now);
		now = clock_mono_ns();
		err = settle(session, now);
		err = err ?: requests_drain(session->requests);
		if (!err && session->why)
			err = why_drain(session->why, &session->target);
		check_end(session, now);
		err = err ?: check_cost(session, now, outcome);
		if (!err && !session->is_over &&
		    now >= session->reported_ns + session->request->interval_ns)
			err = report(session, now, false);
		err = err ?: latency_flush(&session->target);
	}
	return err;
}

static int count(struct session *session, struct latency_outcome *outcome)
{
	const struct latency_request *request = session->request;
	const struct latency_sink *sink = request->sink;
	uint64_t began = clock_mono_ns(), ended_ns;
	int err;

	session->started_ns = session->reported_ns = began;
	session->target.unix_offset_ns = clock_unix_offset_ns();
	if (session->why && (err = why_start(session->why)) != 0)
		return err;
	if (sink->begin && (err = sink->begin(&session->target)) != 0)
		return err;
	requests_arm(session->requests);
	if (request->started)
		request->started(request->context, NULL, outcome->attach_ns);
	err = check_cost(session, session->started_ns, outcome);
	err = err ?: count_until_over(session, outcome);
	ended_ns = clock_mono_ns();
	err = err ?: requests_settle(session->requests, true);
	began = clock_mono_ns();
	requests_detach(session->requests);
	outcome->detach_ns = clock_mono_ns() - began;
	err = err ?: requests_drain(session->requests);
	err = err ?: note_losses(session);
	if (!err && session->why)
		err = why_finish(session->why, session->coverage);
	err = err ?: report(session, ended_ns, true);
	if (!err && session->why)
		err = why_write(session->why, &session->target);
	if (sink->end)
		sink->end(&session->target);
	return err ?: latency_flush(&session->target);
}

static int meet(void *context, uint32_t pid)
{
	struct session *session = context;

	return latency_runners_meet(&session->runners, session->requests, pid, false);
}

/* What is probed is said before it is, with what a hit costs here. */
static int say_probes(const struct session *session, struct latency_plan *plan)
{
	own(calls_closep) struct calls *calls = NULL;
	struct calls_costs costs;

	if (!plan->functions.len)
		return 0;
	if (!calls_open(&(struct calls_request){ 0 }, &calls)) {
		calls_measure(calls, &costs);
		latency_plan_costs(plan, costs.ns);
	}
	error_clear();
	vec_each(function, &plan->functions)
		if (session->is_go)
			function->exit_ns = 0;
	return session->request->ready ? session->request->ready(session->request->context, plan)
				       : 0;
}

static int open_session(struct session *session, struct requests_request *wanted)
{
	const struct latency_request *request = session->request;
	int err = 0;

	if (request->tls)
		err = latency_tls_find(&session->tls, request->pid, request->tls, wanted);
	session->is_go = wanted->go.count;
	err = err ?: say_probes(session, &session->tls.plan);
	err = err ?: requests_open(wanted, &session->requests);
	if (err)
		return err;
	session->routes.sample_ns = requests_sample_ns(session->requests);
	session->target.lacks_cpu = !session->routes.sample_ns;
	return request->pid ? descendants_each(request->pid, meet, session) : 0;
}

int latency_run_http(const struct latency_request *request, struct coverage *coverage,
		     struct latency_outcome *ret_outcome)
{
	struct session session = {
		.request = request,
		.coverage = coverage,
		.target = request->target,
		.signals = { .fd = -1 },
	};
	struct requests_request wanted = {
		.pid = request->pid,
		.cgroup = request->cgroup,
		.port = request->port,
		.by_packets = request->by_packets,
		.each = on_request,
		.context = &session,
	};
	uint64_t began = clock_mono_ns();
	int err = signals_take_or(&session.signals, request->stop);

	*ret_outcome = (struct latency_outcome){ 0 };
	err = err ?: open_session(&session, &wanted);
	ret_outcome->attach_ns = clock_mono_ns() - began;
	if (!err && why_wants(request))
		err = why_open(request, &session.why);
	err = err ?: count(&session, ret_outcome);
	ret_outcome->end = session.end;
	why_close(session.why);
	requests_close(session.requests);
	latency_tls_done(&session.tls);
	latency_runners_done(&session.runners);
	latency_routes_done(&session.routes);
	signals_give_back(&session.signals);
	return err;
}
