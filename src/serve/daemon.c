/* SPDX-License-Identifier: MIT */
#include "serve/daemon.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/error.h"
#include "serve/http.h"
#include "serve/notify.h"

#define NS_PER_TICK NS_PER_S

struct daemon {
	const struct daemon_request *request;
	struct event_base *base;
	struct ingest *ingest;
	struct sessions *sessions;
	struct http *http;
	struct event *signals[3], *committed, *tick;
	uint64_t watchdog_ns, watched_ns;
	bool is_ready;
};

static void on_end(evutil_socket_t number, short what, void *context)
{
	struct daemon *daemon = context;

	(void)what;
	log_put(&daemon->request->log, "info", "ending: %s", strsignal((int)number));
	event_base_loopbreak(daemon->base);
}

/* Settings that hold only from a start on are compared, so that nobody waits for them in vain. */
static bool needs_start(const struct config *a, const struct config *b)
{
	return strcmp(a->http.bind_address, b->http.bind_address) != 0 ||
	       a->http.port != b->http.port || strcmp(a->store.path, b->store.path) != 0 ||
	       strcmp(a->http.unix_socket, b->http.unix_socket) != 0 ||
	       a->profile.rate_hz != b->profile.rate_hz ||
	       a->tables.interval_s != b->tables.interval_s;
}

static void switch_to(struct daemon *daemon, const struct config *next)
{
	struct ingest_status status;

	ingest_status(daemon->ingest, &status);
	for (size_t i = 0; i < status.part_count; i++) {
		const struct ingest_part *part = &status.parts[i];
		bool on = ingest_wants(daemon->ingest, next, part->name);

		if (on != part->is_wanted && ingest_switch(daemon->ingest, part->name, on))
			log_put(&daemon->request->log, "warn", "cannot switch %s", part->name);
	}
}

static void on_reload(evutil_socket_t number, short what, void *context)
{
	struct daemon *daemon = context;
	const struct daemon_request *request = daemon->request;
	struct config next;
	int err = config_init(&next);

	(void)number;
	(void)what;
	if (!err && request->config_path)
		err = config_read(&next, request->config_path, request->collectors);
	err = err ?: config_check(&next);
	if (err) {
		log_put(&request->log, "error", "the settings stay as they were: %s", error_text());
		error_clear();
	} else {
		switch_to(daemon, &next);
		log_put(&request->log, "info", "settings were read again%s",
			needs_start(request->config, &next)
				? "; some of them hold from the next start on"
				: "");
	}
	config_done(&next);
}

static void on_committed(evutil_socket_t fd, short what, void *context)
{
	struct daemon *daemon = context;
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof(count)) == sizeof(count))
		http_committed(daemon->http);
}

static void tell_systemd(struct daemon *daemon)
{
	struct ingest_status status;
	uint64_t now = clock_mono_ns();

	ingest_status(daemon->ingest, &status);
	if (!daemon->is_ready && status.is_started) {
		daemon->is_ready = true;
		notify_put("READY=1");
		log_put(&daemon->request->log, "info", "recording");
	}
	/* Only while the recording turns, too. */
	if (!daemon->watchdog_ns || now < daemon->watched_ns + daemon->watchdog_ns ||
	    (status.is_started && now > status.turned_mono_ns + INGEST_STUCK_NS))
		return;
	daemon->watched_ns = now;
	notify_put("WATCHDOG=1");
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
	struct daemon *daemon = context;

	(void)fd;
	(void)what;
	http_tick(daemon->http);
	sessions_tick(daemon->sessions);
	tell_systemd(daemon);
}

static int add_events(struct daemon *daemon)
{
	struct timeval second = { .tv_sec = 1 };

	daemon->signals[0] = evsignal_new(daemon->base, SIGTERM, on_end, daemon);
	daemon->signals[1] = evsignal_new(daemon->base, SIGINT, on_end, daemon);
	daemon->signals[2] = evsignal_new(daemon->base, SIGHUP, on_reload, daemon);
	daemon->committed = event_new(daemon->base, ingest_descriptor(daemon->ingest),
				      EV_READ | EV_PERSIST, on_committed, daemon);
	daemon->tick = event_new(daemon->base, -1, EV_PERSIST, on_tick, daemon);
	for (size_t i = 0; i < array_len(daemon->signals); i++)
		if (!daemon->signals[i] || event_add(daemon->signals[i], NULL))
			return -ENOMEM;
	if (!daemon->committed || !daemon->tick || event_add(daemon->committed, NULL) ||
	    event_add(daemon->tick, &second))
		return -ENOMEM;
	return 0;
}

/* One descriptor for each client. */
static void raise_descriptors(const struct config *config)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	(void)config;
}

static void drop_log(int severity, const char *message)
{
	(void)severity;
	(void)message;
}

static int start(struct daemon *daemon)
{
	const struct daemon_request *request = daemon->request;
	const struct config *config = request->config;
	struct api api = { .config = config, .started_unix_ns = clock_unix_ns() };
	char url[CONFIG_TEXT + 32];
	unsigned port;
	int err;

	event_set_log_callback(drop_log);
	raise_descriptors(config);
	signal(SIGPIPE, SIG_IGN);
	daemon->base = event_base_new();
	err = daemon->base ? ingest_new(config, &request->log, &daemon->ingest) : -ENOMEM;
	err = err ?: sessions_new(config, &request->log, &daemon->sessions);
	if (err)
		return err;
	api.ingest = daemon->ingest;
	api.sessions = daemon->sessions;
	api.views = ingest_views(daemon->ingest, &api.view_count);
	err = http_new(daemon->base, &api, &request->log, &daemon->http, &port);
	err = err ?: add_events(daemon);
	err = err ?: ingest_start(daemon->ingest);
	if (err)
		return err;
	snprintf(url, sizeof(url),
		 strchr(config->http.bind_address, ':') ? "http://[%s]:%u/" : "http://%s:%u/",
		 config->http.bind_address, port);
	log_put(&request->log, "info", "listening at %s", url);
	if (request->listening)
		request->listening(url);
	daemon->watchdog_ns = notify_watchdog_ns();
	return 0;
}

static void stop(struct daemon *daemon)
{
	notify_put("STOPPING=1");
	http_free(daemon->http);
	sessions_free(daemon->sessions);
	ingest_free(daemon->ingest);
	for (size_t i = 0; i < array_len(daemon->signals); i++)
		if (daemon->signals[i])
			event_free(daemon->signals[i]);
	if (daemon->committed)
		event_free(daemon->committed);
	if (daemon->tick)
		event_free(daemon->tick);
	if (daemon->base)
		event_base_free(daemon->base);
}

int daemon_run(const struct daemon_request *request)
{
	struct daemon daemon = { .request = request };
	int err = start(&daemon);

	if (!err && event_base_dispatch(daemon.base) < 0)
		err = fail(-EIO, "the loop of events ended");
	stop(&daemon);
	return err;
}
