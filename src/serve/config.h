/* SPDX-License-Identifier: MIT */
/* config.h - the settings of the daemon: one table of rows, from which a file is read and an example
 * written.
 *
 * Unknown keys, wrong types and values outside their range are errors with file, line and column.  What
 * would expose the daemon without protection is refused with the key to set.
 */
#ifndef SERVE_CONFIG_H
#define SERVE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/vec.h"

#define CONFIG_TEXT  512
#define CONFIG_WORDS 32 /* in a list at most */

struct config_words {
	vec(char *) list;
};

/* A collector that is named in [collectors]. */
struct config_switch {
	char name[32];
	bool on;
	unsigned line, column;
};

/* What makes the daemon look closer. */
struct config_trigger {
	bool enabled;
	uint64_t threshold; /* percent, or milliseconds */
	uint64_t for_s, cooldown_s;
};

struct config {
	struct {
		char bind_address[CONFIG_TEXT];
		uint64_t port, max_connections;
		uint64_t request_s, answer_s, max_waiting_bytes;
		char unix_socket[CONFIG_TEXT];
		bool tell_arguments;
		struct config_words allowed_hosts, cors_origins;
	} http;
	struct {
		char path[CONFIG_TEXT];
		uint64_t max_bytes, max_age_s, min_free_bytes;
	} store;
	struct {
		bool enabled;
		uint64_t rate_hz, slice_s;
	} profile;
	struct {
		bool enabled;
		uint64_t min_ms;
	} waits;
	struct {
		uint64_t max_concurrent_sessions, max_session_duration_seconds, max_frequency_hz;
		uint64_t chunk_size_bytes, result_max_age_s, result_max_bytes;
	} profiler; /* on demand */
	struct {
		bool enabled;
		char bind_address[CONFIG_TEXT];
		uint64_t port;
	} server; /* gRPC */
	struct config_tls {
		char cert_file[CONFIG_TEXT], key_file[CONFIG_TEXT], ca_file[CONFIG_TEXT];
	} grpc_tls, http_tls;
	struct {
		char token_file[CONFIG_TEXT];
	} auth;
	struct {
		bool enabled;
		uint64_t max_stack_depth, stack_trace_buffer_size, perf_buffer_size;
	} ebpf;                                    /* of an older profiler */
	unsigned http_port_line, server_port_line; /* where they are set; 0: nowhere */
	bool has_moved_http;                       /* to the port above that of gRPC */
	struct {
		uint64_t default_limit, max_limit;
	} dashboard; /* an older one */
	struct {
		uint64_t interval_s;
	} tables;
	struct {
		bool enabled;
		uint64_t before_s, profile_s, rate_hz, max_incidents;
		struct config_trigger process_cpu, host_cpu, run_queue, io, oom, exit, latency;
		char function[CONFIG_TEXT];   /* whose calls are timed: FILE:NAME */
		struct config_words commands; /* whose exit is looked at: NAME, or NAME=STATUS */
	} triggers;
	struct {
		double cpu_percent;
		uint64_t memory_mb;
	} budget;
	vec(struct config_switch) switches;
};

/** config_init - the values that hold without a file.  Return: 0; -ENOMEM */
nodiscard int config_init(struct config *config);
void config_done(struct config *config);

/**
 * config_read - a file over what is there
 * @collectors: the names that [collectors] may hold, closed by NULL
 *
 * Return: 0; -EINVAL with fail() said; -errno with fail() said.
 */
nodiscard int config_read(struct config *config, const char *path, const char *const *collectors);

/** config_set - "http.port=0": one key; a value that is no TOML is taken as a text.  As config_read() */
nodiscard int config_set(struct config *config, const char *text, const char *const *collectors);

/** config_set_from - likewise; @name: what it is said to stand in */
nodiscard int config_set_from(struct config *config, const char *name, const char *text,
			      const char *const *collectors);

/**
 * config_read_env - a file of variables as an older dashboard had it: PORT, DB_PATH, MAX_LIMIT, DEFAULT_LIMIT,
 * CORS_ENABLED, CORS_ORIGINS
 * @ret_unused: names of those in it that mean nothing here, by commas; the caller's; NULL: there are none
 *
 * Return: as config_read().
 */
nodiscard int config_read_env(struct config *config, const char *path, char **ret_unused);

/** config_settle - what follows from what is set: HTTP makes room where gRPC was given its usual port */
void config_settle(struct config *config);

/** config_check - whether the settings fit together, and are safe.  Return: 0; -EINVAL with fail() said */
nodiscard int config_check(const struct config *config);

/**
 * config_changed - the keys that differ and hold from a start on alone: "http.port, store.path"
 * @ret_names: the caller's; NULL: there are none
 *
 * Return: 0; -ENOMEM.
 */
nodiscard int config_changed(const struct config *before, const struct config *after,
			     char **ret_names);

/** config_put_example - every key with its meaning and its value here */
void config_put_example(const struct config *config, FILE *out);

/** config_is_loopback - whether an address in digits is reached from this host alone */
bool config_is_loopback(const char *address);

#endif
