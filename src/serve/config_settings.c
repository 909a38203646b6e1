/* SPDX-License-Identifier: MIT */
/* config_settings.c - every setting: from this table files are read and an example is written. */
#include "serve/config_settings.h"

#define TRIGGER_COOLDOWN(name, fallback)                                                  \
	{                                                                                 \
		"triggers." #name, "cooldown_s", "seconds until it may fire again",       \
			SETTING_NUMBER, at(triggers.name.cooldown_s), 0, 604800, fallback \
	}
/* One that looks at the mean of the last seconds. */
#define TRIGGER_GAUGE(name, help, max, fallback)                                \
	{ "triggers." #name,                                                    \
	  "enabled",                                                            \
	  "whether it may fire",                                                \
	  SETTING_FLAG,                                                         \
	  at(triggers.name.enabled),                                            \
	  0,                                                                    \
	  0,                                                                    \
	  "true" },                                                             \
		{ "triggers." #name,           "percent", help, SETTING_NUMBER, \
		  at(triggers.name.threshold), 1,         max,  fallback },     \
		{ "triggers." #name,                                            \
		  "for_s",                                                      \
		  "seconds of which that is the mean",                          \
		  SETTING_NUMBER,                                               \
		  at(triggers.name.for_s),                                      \
		  1,                                                            \
		  60,                                                           \
		  "30" },                                                       \
		TRIGGER_COOLDOWN(name, "900")

const struct setting settings[] = {
	{ "http", "bind_address", "an address in digits; another than loopback needs [http_tls]",
	  SETTING_TEXT, at(http.bind_address), 0, 0, "127.0.0.1" },
	{ "http", "port", "0: any that is free", SETTING_NUMBER, at(http.port), 0, 65535, "8080" },
	{ "http", "max_connections", "of all clients together", SETTING_NUMBER,
	  at(http.max_connections), 1, 4096, "1024" },
	{ "http", "request_s", "seconds that a request may take to arrive", SETTING_NUMBER,
	  at(http.request_s), 1, 3600, "30" },
	{ "http", "answer_s", "seconds in which a client takes nothing of its answer, at most",
	  SETTING_NUMBER, at(http.answer_s), 1, 3600, "60" },
	{ "http", "max_waiting_bytes",
	  "of answers, by gRPC too, that clients have yet to take; beyond it the one that was read the longest ago "
	  "is dropped",
	  SETTING_NUMBER, at(http.max_waiting_bytes), 1 << 20, 1 << 30, "67108864" },
	{ "http", "unix_socket", "also listen here; empty: do not", SETTING_TEXT,
	  at(http.unix_socket), 0, 0, "" },
	{ "http", "tell_arguments",
	  "arguments of slow calls, and queries of slow requests, to whoever may ask; they may hold secrets of "
	  "any process",
	  SETTING_FLAG, at(http.tell_arguments), 0, 0, "false" },
	{ "http", "allowed_hosts", "names by which clients may call this host, beside localhost",
	  SETTING_WORDS, at(http.allowed_hosts), 0, 0, "" },
	{ "http", "cors_origins",
	  "pages of other origins that may read, such as http://localhost:3000", SETTING_WORDS,
	  at(http.cors_origins), 0, 0, "" },
	{ "http_tls", "cert_file", "certificate of this server, with those above it, in PEM",
	  SETTING_TEXT, at(http_tls.cert_file), 0, 0, "" },
	{ "http_tls", "key_file", "its key, which nobody else may read", SETTING_TEXT,
	  at(http_tls.key_file), 0, 0, "" },
	{ "http_tls", "ca_file", "clients need a certificate that one of these has signed",
	  SETTING_TEXT, at(http_tls.ca_file), 0, 0, "" },
	{ "server", "enabled", "answer gRPC, too", SETTING_FLAG, at(server.enabled), 0, 0, "true" },
	{ "server", "bind_address", "of gRPC, in digits; another than loopback needs [grpc_tls]",
	  SETTING_TEXT, at(server.bind_address), 0, 0, "127.0.0.1" },
	{ "server", "port", "0: any that is free", SETTING_NUMBER, at(server.port), 0, 65535,
	  "50084" },
	{ "grpc_tls", "cert_file", "certificate of this server, with those above it, in PEM",
	  SETTING_TEXT, at(grpc_tls.cert_file), 0, 0, "" },
	{ "grpc_tls", "key_file", "its key, which nobody else may read", SETTING_TEXT,
	  at(grpc_tls.key_file), 0, 0, "" },
	{ "grpc_tls", "ca_file", "clients need a certificate that one of these has signed",
	  SETTING_TEXT, at(grpc_tls.ca_file), 0, 0, "" },
	{ "auth", "token_file",
	  "tokens, one a line, of which clients of TCP show one: Authorization: Bearer TOKEN",
	  SETTING_TEXT, at(auth.token_file), 0, 0, "" },
	{ "store", "path", "the SQLite file", SETTING_TEXT, at(store.path), 0, 0,
	  "/var/lib/kymo/kymo.db" },
	{ "store", "max_bytes", "of the file; the oldest rows are deleted", SETTING_NUMBER,
	  at(store.max_bytes), 16 << 20, 1e15, "2147483648" },
	{ "store", "max_age_s", "seconds that a row is kept", SETTING_NUMBER, at(store.max_age_s),
	  60, 3e9, "604800" },
	{ "store", "min_free_bytes", "that the file system keeps; below it nothing is recorded",
	  SETTING_NUMBER, at(store.min_free_bytes), 0, 1e15, "67108864" },
	{ "profile", "enabled", "sample the stacks of the whole host", SETTING_FLAG,
	  at(profile.enabled), 0, 0, "true" },
	{ "profile", "rate_hz", "samples of each processor and second", SETTING_NUMBER,
	  at(profile.rate_hz), 1, 999, "19" },
	{ "profile", "slice_s", "seconds of samples that are kept together", SETTING_NUMBER,
	  at(profile.slice_s), 1, 60, "10" },
	{ "profiler", "max_concurrent_sessions", "profiles on demand at one time", SETTING_NUMBER,
	  at(profiler.max_concurrent_sessions), 1, 64, "10" },
	{ "profiler", "max_session_duration_seconds", "that one of them may take", SETTING_NUMBER,
	  at(profiler.max_session_duration_seconds), 1, 86400, "300" },
	{ "profiler", "max_frequency_hz", "samples of each processor and second, at most",
	  SETTING_NUMBER, at(profiler.max_frequency_hz), 1, 10000, "1000" },
	{ "profiler", "chunk_size_bytes", "of a result that is sent by gRPC", SETTING_NUMBER,
	  at(profiler.chunk_size_bytes), 1024, 2 << 20, "65536" },
	{ "profiler", "result_max_age_s", "seconds that a result can be read again", SETTING_NUMBER,
	  at(profiler.result_max_age_s), 1, 604800, "600" },
	{ "profiler", "result_max_bytes",
	  "of memory for all results; beyond it the oldest that were read, or had a minute, expire",
	  SETTING_NUMBER, at(profiler.result_max_bytes), 1 << 20, 1 << 30, "33554432" },
	{ "waits", "enabled", "keep where the threads of the whole host wait", SETTING_FLAG,
	  at(waits.enabled), 0, 0, "true" },
	{ "waits", "min_ms", "waits that are shorter are not kept", SETTING_NUMBER,
	  at(waits.min_ms), 1, 60000, "10" },
	{ "ebpf", "enabled", "false: no profiles on demand", SETTING_FLAG, at(ebpf.enabled), 0, 0,
	  "true" },
	{ "ebpf", "max_stack_depth",
	  "frames of a stack in results by gRPC; where there are more the innermost, and a mark",
	  SETTING_NUMBER, at(ebpf.max_stack_depth), 1, 1024, "1024" },
	{ "ebpf", "stack_trace_buffer_size", "of an older profiler; not used", SETTING_NUMBER,
	  at(ebpf.stack_trace_buffer_size), 0, 1e9, "0" },
	{ "ebpf", "perf_buffer_size", "of an older profiler; not used", SETTING_NUMBER,
	  at(ebpf.perf_buffer_size), 0, 1e9, "0" },
	{ "dashboard", "default_limit", "rows of /api/metrics/..., where a client names no number",
	  SETTING_NUMBER, at(dashboard.default_limit), 1, 100000, "100" },
	{ "dashboard", "max_limit", "and at most", SETTING_NUMBER, at(dashboard.max_limit), 1,
	  100000, "1000" },
	{ "tables", "interval_s", "seconds between two rows of what is only counted",
	  SETTING_NUMBER, at(tables.interval_s), 1, 3600, "10" },
	{ "triggers", "enabled", "look closer when one of the triggers below fires", SETTING_FLAG,
	  at(triggers.enabled), 0, 0, "true" },
	{ "triggers", "before_s", "seconds before an incident that belong to it", SETTING_NUMBER,
	  at(triggers.before_s), 1, 3600, "60" },
	{ "triggers", "profile_s", "seconds of the profile that is taken then", SETTING_NUMBER,
	  at(triggers.profile_s), 1, 300, "20" },
	{ "triggers", "rate_hz", "samples of each processor and second in it", SETTING_NUMBER,
	  at(triggers.rate_hz), 1, 10000, "99" },
	{ "triggers", "max_incidents", "that are kept; the oldest are deleted", SETTING_NUMBER,
	  at(triggers.max_incidents), 1, 10000, "200" },
	TRIGGER_GAUGE(process_cpu, "percent of one processor that a process uses", 100000, "95"),
	TRIGGER_GAUGE(host_cpu, "percent of all processors that are busy", 100, "95"),
	TRIGGER_GAUGE(run_queue, "percent of the time in which some thread waits for a processor",
		      100, "80"),
	TRIGGER_GAUGE(io, "percent of the time in which some thread waits for a disk", 100, "50"),
	{ "triggers.oom", "enabled", "the kernel kills a process for want of memory", SETTING_FLAG,
	  at(triggers.oom.enabled), 0, 0, "true" },
	TRIGGER_COOLDOWN(oom, "60"),
	{ "triggers.exit", "enabled", "a command of the list ends badly", SETTING_FLAG,
	  at(triggers.exit.enabled), 0, 0, "true" },
	{ "triggers.exit", "commands",
	  "names of processes: \"backup\" with any status but 0, \"backup=3\", \"backup=SIGKILL\"",
	  SETTING_WORDS, at(triggers.commands), 0, 0, "" },
	TRIGGER_COOLDOWN(exit, "60"),
	{ "triggers.latency", "enabled", "calls of a function become slow", SETTING_FLAG,
	  at(triggers.latency.enabled), 0, 0, "true" },
	{ "triggers.latency", "function",
	  "which: FILE:NAME as kymo latency has it, such as \"/usr/sbin/nginx:ngx_http_process_request\"",
	  SETTING_TEXT, at(triggers.function), 0, 0, "" },
	{ "triggers.latency", "p99_ms", "milliseconds that one call of a hundred takes, or more",
	  SETTING_NUMBER, at(triggers.latency.threshold), 1, 3600000, "100" },
	{ "triggers.latency", "for_s", "seconds of which that is counted; they need 1000 calls",
	  SETTING_NUMBER, at(triggers.latency.for_s), 1, 3600, "60" },
	TRIGGER_COOLDOWN(latency, "900"),
	{ "budget", "cpu_percent", "of one processor, for all of kymo; above it rates are lowered",
	  SETTING_DECIMAL, at(budget.cpu_percent), 0.1, 100, "1.0" },
	{ "budget", "memory_mb", "above it kymo says so", SETTING_NUMBER, at(budget.memory_mb), 16,
	  65536, "64" },
	{ 0 },
};
