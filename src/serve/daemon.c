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
#include "serve/auth.h"
#include "serve/grpc.h"
#include "serve/held.h"
#include "serve/http.h"
#include "serve/notify.h"
#include "serve/tls.h"

struct daemon {
	const struct daemon_request *request;
	struct event_base *base;
	struct ingest *ingest;
	struct sessions *sessions;
	struct timings *timings;
	struct http *http;
	struct grpc *grpc;
	struct tls *grpc_tls, *http_tls;
	struct auth *auth;
	struct helds helds;
	struct event *signals[3], *committed, *tick;
	uint64_t watchdog_ns, watched_ns;
	bool is_ready;
	struct entrances entrances;
};

static void on_end(evutil_socket_t number, short what, void *context)
{
	struct daemon *daemon = context;

	(void)what;
	log_put(&daemon->request->log, "info", "ending: %s", strsignal((int)number));
	event_base_loopbreak(daemon->base);
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

static void tell_door(struct daemon *daemon, int err)
{
	if (err)
		log_put(&daemon->request->log, "error", "certificates and tokens: %s",
			error_text());
	error_clear();
}

/* Certificates and tokens of the same files; what cannot be read stays as it was. */
static void reload_doors(struct daemon *daemon)
{
	if (daemon->http_tls)
		tell_door(daemon, tls_reload(daemon->http_tls));
	if (daemon->grpc_tls)
		tell_door(daemon, tls_reload(daemon->grpc_tls));
	if (daemon->auth)
		tell_door(daemon, auth_reload(daemon->auth));
}

/* Settings that hold only from a start on are named, so that nobody waits for them in vain. */
static int reload(struct daemon *daemon, struct config *next)
{
	const struct daemon_request *request = daemon->request;
	own(freep) char *names = NULL;
	int err = request->read_settings(request->context, next);

	err = err ?: config_changed(request->config, next, &names);
	if (err)
		return err;
	switch_to(daemon, next);
	reload_doors(daemon);
	if (names)
		log_put(&request->log, "warn",
			"settings were read again; these hold from the next start on: %s", names);
	else
		log_put(&request->log, "info", "settings were read again");
	return 0;
}

static void on_reload(evutil_socket_t number, short what, void *context)
{
	struct daemon *daemon = context;
	own(config_done) struct config next;
	int err = config_init(&next);

	(void)number;
	(void)what;
	err = err ?: reload(daemon, &next);
	if (err)
		log_put(&daemon->request->log, "error", "the settings stay as they were: %s",
			*error_text() ? error_text() : strerror(-err));
	error_clear();
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
	if (daemon->grpc)
		grpc_tick(daemon->grpc);
	sessions_tick(daemon->sessions);
	measurements_tick(&daemon->timings->all);
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
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void drop_log(int severity, const char *message)
{
	(void)severity;
	(void)message;
}

static int open_tls(const struct config_tls *config, const char *protocol, struct tls **ret_tls)
{
	struct tls_files files = { config->cert_file, config->key_file, config->ca_file };

	return *config->cert_file ? tls_new(&files, protocol, ret_tls) : 0;
}

/* Who may come in, and how it is encrypted. */
static int open_doors(struct daemon *daemon)
{
	const struct config *config = daemon->request->config;
	int err = open_tls(&config->http_tls, "http/1.1", &daemon->http_tls);

	if (!err && config->server.enabled)
		err = open_tls(&config->grpc_tls, "h2", &daemon->grpc_tls);
	if (!err && *config->auth.token_file)
		err = auth_new(config->auth.token_file, &daemon->auth);
	return err;
}

static int start_http(struct daemon *daemon, const struct api *api, unsigned *ret_port)
{
	struct http_request request = {
		.base = daemon->base,
		.api = api,
		.log = &daemon->request->log,
		.helds = &daemon->helds,
		.tls = daemon->http_tls,
		.auth = daemon->auth,
	};

	return http_new(&request, &daemon->http, ret_port);
}

static int start_grpc(struct daemon *daemon, const struct api *api)
{
	const struct config *config = daemon->request->config;
	struct grpc_request request = {
		.base = daemon->base,
		.api = api,
		.log = &daemon->request->log,
		.pool = http_pool(daemon->http),
		.helds = &daemon->helds,
		.tls = daemon->grpc_tls,
		.auth = daemon->auth,
	};
	int err = config->server.enabled
			  ? grpc_new(&request, &daemon->grpc, &daemon->entrances.grpc_port)
			  : 0;

	if (!err && daemon->grpc)
		log_put(&daemon->request->log, "info", "gRPC at %s port %u%s",
			config->server.bind_address, daemon->entrances.grpc_port,
			daemon->grpc_tls ? ", by TLS" : "");
	return err;
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
	if (config->has_moved_http)
		log_put(&request->log, "info",
			"gRPC has port %lu, so HTTP takes %lu; [http] port names another",
			(unsigned long)config->server.port, (unsigned long)config->http.port);
	raise_descriptors();
	signal(SIGPIPE, SIG_IGN);
	daemon->base = event_base_new();
	err = daemon->base ? sessions_new(config, &request->log, &daemon->sessions) : -ENOMEM;
	err = err ?: timings_new(config, &request->log, &daemon->timings);
	err = err
		      ?: ingest_new(config, &request->log, daemon->sessions, daemon->timings,
				    &daemon->ingest);
	if (err)
		return err;
	api.ingest = daemon->ingest;
	api.sessions = daemon->sessions;
	api.timings = daemon->timings;
	api.views = ingest_views(daemon->ingest, &api.view_count);
	api.entrances = &daemon->entrances;
	helds_init(&daemon->helds, config->http.max_waiting_bytes);
	daemon->entrances.helds = &daemon->helds;
	err = open_doors(daemon);
	err = err ?: start_http(daemon, &api, &port);
	err = err ?: start_grpc(daemon, &api);
	daemon->entrances.grpc = daemon->grpc;
	daemon->entrances.http = daemon->http;
	err = err ?: add_events(daemon);
	err = err ?: ingest_start(daemon->ingest);
	if (err)
		return err;
	snprintf(url, sizeof(url),
		 strchr(config->http.bind_address, ':') ? "http%s://[%s]:%u/" : "http%s://%s:%u/",
		 daemon->http_tls ? "s" : "", config->http.bind_address, port);
	log_put(&request->log, "info", "listening at %s", url);
	if (request->listening)
		request->listening(url);
	daemon->watchdog_ns = notify_watchdog_ns();
	return 0;
}

static void stop(struct daemon *daemon)
{
	notify_put("STOPPING=1");
	grpc_free(daemon->grpc);
	http_free(daemon->http);
	helds_done(&daemon->helds);
	tls_free(daemon->grpc_tls);
	tls_free(daemon->http_tls);
	auth_free(daemon->auth);
	ingest_free(daemon->ingest);
	timings_free(daemon->timings);
	sessions_free(daemon->sessions);
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
