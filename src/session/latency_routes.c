/* SPDX-License-Identifier: MIT */
#include "session/latency_routes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OTHERS "(other routes)"

struct route_key {
	const char *name;
	uint16_t port;
	uint8_t way; /* enum http_way */
};

static const char *const ways[HTTP_WAYS] = {
	[HTTP_WAY_SOCKET] = "from the sockets of its server",
	[HTTP_WAY_GO] = "where functions of net/http begin, by goroutine",
};

static bool is_same(const void *owner, uint32_t entry, const void *key)
{
	const struct latency_routes *routes = owner;
	const struct route_key *wanted = key;
	const struct latency_route *route = routes->routes.data[entry];

	return route->http_whole.port == wanted->port && route->http_whole.way == wanted->way &&
	       strcmp(route->name, wanted->name) == 0;
}

static int add(struct latency_routes *routes, const struct route_key *key, uint64_t hash)
{
	struct latency_route *route = calloc(1, sizeof(*route));
	int err = route ? vec_push(&routes->routes, route) : -ENOMEM;

	if (err) {
		free(route);
		return err;
	}
	memcpy(route->name, key->name, strnlen(key->name, ROUTE_BYTES - 1));
	route->function.name = route->name;
	route->function.file = "";
	route->function.how = ways[key->way];
	route->http_whole.port = route->http_now.port = key->port;
	route->http_whole.way = route->http_now.way = key->way;
	return index_add(&routes->index, hash, (uint32_t)routes->routes.len - 1);
}

static int find(struct latency_routes *routes, struct route_key key,
		struct latency_route **ret_route)
{
	uint64_t hash = hash_bytes(key.name, strlen(key.name), key.port);
	uint32_t entry = index_find(&routes->index, hash, is_same, routes, &key);
	int err = 0;

	if (entry == INDEX_NONE && routes->routes.len >= LATENCY_ROUTES_MAX &&
	    strcmp(key.name, OTHERS) != 0)
		return find(routes, (struct route_key){ .name = OTHERS, .way = key.way },
			    ret_route);
	if (entry == INDEX_NONE) {
		err = add(routes, &key, hash);
		entry = (uint32_t)routes->routes.len - 1;
	}
	if (!err)
		*ret_route = routes->routes.data[entry];
	return err;
}

static uint64_t span(uint64_t from, uint64_t to)
{
	return to > from ? to - from : 0;
}

static void count(struct latency_figures *whole, struct latency_http *http,
		  const struct http_record *record, uint64_t sample_ns)
{
	uint64_t from = record->ready_at ?: record->read_at;
	unsigned kind = record->status / 100;

	latency_count(whole, span(from, record->last_at));
	if (record->ready_at)
		latency_count(&http->queue, span(record->ready_at, record->read_at));
	latency_count(&http->service, span(record->read_at, record->first_at));
	http->statuses[kind < LATENCY_STATUSES ? kind : 0]++;
	http->cpu_requests[record->cpu < HTTP_CPU_STATES ? record->cpu : HTTP_CPU_OFF]++;
	if (record->cpu == HTTP_CPU_KNOWN) {
		http->cpu_ns += record->cpu_ns;
		http->cpu_samples += sample_ns ? record->cpu_ns / sample_ns : 0;
	}
	http->in_bytes += record->in_bytes;
	http->out_bytes += record->out_bytes;
}

/* Of a line that has not come lately. */
static int find_route(struct latency_routes *routes, const struct http_record *record, size_t len,
		      struct latency_route **ret_route)
{
	char name[ROUTE_BYTES];

	if (!route_fold(record->line, len, name))
		return -EBADMSG;
	return find(routes,
		    (struct route_key){
			    .name = name,
			    .port = record->port,
			    .way = record->way < HTTP_WAYS ? record->way : HTTP_WAY_SOCKET,
		    },
		    ret_route);
}

/* Bytes of a line that decide its route: method and target, and what shows that it ends there. */
static size_t line_bytes(const struct http_record *record)
{
	size_t len = record->line_bytes, end = 0;
	struct route_line line;

	len = len < sizeof(record->line) ? len : sizeof(record->line);
	if (route_parse(record->line, len, &line))
		end = line.method_bytes + 1 + line.target_bytes + 1;
	return end < len ? end : len;
}

static int route_of(struct latency_routes *routes, const struct http_record *record,
		    struct latency_route **ret_route)
{
	size_t len = line_bytes(record);
	uint64_t hash = hash_bytes(record->line, len, record->port);
	struct latency_line *known = &routes->lines[hash >> 32 & (LATENCY_LINES - 1)];
	int err;

	if (known->route && known->bytes == len && known->port == record->port &&
	    known->way == record->way && memcmp(known->text, record->line, len) == 0) {
		*ret_route = known->route;
		return 0;
	}
	err = find_route(routes, record, len, ret_route);
	if (err)
		return err;
	known->route = *ret_route;
	known->port = record->port;
	known->way = record->way;
	known->bytes = (uint16_t)len;
	memcpy(known->text, record->line, len);
	return 0;
}

int latency_routes_count(struct latency_routes *routes, const struct http_record *record,
			 const struct latency_route **ret_route)
{
	struct latency_route *route = NULL;
	int err = route_of(routes, record, &route);

	if (err)
		return err;
	count(&route->now, &route->http_now, record, routes->sample_ns);
	*ret_route = route;
	return 0;
}

static void add_http(struct latency_http *http, const struct latency_http *more)
{
	for (size_t i = 0; i < LATENCY_STATUSES; i++)
		http->statuses[i] += more->statuses[i];
	for (size_t i = 0; i < HTTP_CPU_STATES; i++)
		http->cpu_requests[i] += more->cpu_requests[i];
	http->in_bytes += more->in_bytes;
	http->out_bytes += more->out_bytes;
	http->cpu_ns += more->cpu_ns;
	http->cpu_samples += more->cpu_samples;
	latency_add(&http->queue, &more->queue);
	latency_add(&http->service, &more->service);
}

void latency_routes_turn(struct latency_routes *routes)
{
	vec_each(one, &routes->routes) {
		struct latency_route *route = *one;

		if (!route->now.calls)
			continue;
		latency_add(&route->whole, &route->now);
		add_http(&route->http_whole, &route->http_now);
		route->now = (struct latency_figures){ 0 };
		route->http_now = (struct latency_http){ .port = route->http_whole.port,
							 .way = route->http_whole.way };
	}
}

int latency_routes_report(struct latency_routes *routes, bool is_final,
			  struct latency_report *report)
{
	int err = 0;

	if (is_final)
		latency_routes_turn(routes);
	routes->rows.len = 0;
	for (size_t i = 0; !err && i < routes->routes.len; i++) {
		const struct latency_route *route = routes->routes.data[i];
		struct latency_row row = {
			.function = &route->function,
			.figures = is_final ? &route->whole : &route->now,
			.http = is_final ? &route->http_whole : &route->http_now,
		};

		if (row.figures->calls)
			err = vec_push(&routes->rows, row);
	}
	report->rows = routes->rows.data;
	report->count = routes->rows.len;
	return err;
}

void latency_routes_done(struct latency_routes *routes)
{
	vec_each(route, &routes->routes)
		free(*route);
	vec_done(&routes->routes);
	vec_done(&routes->rows);
	index_done(&routes->index);
}
