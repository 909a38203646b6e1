/* SPDX-License-Identifier: MIT */
#include "serve/config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "base/toml.h"

enum setting_kind {
	SETTING_TEXT,
	SETTING_NUMBER,
	SETTING_DECIMAL,
	SETTING_FLAG,
	SETTING_WORDS
};

struct setting {
	const char *table, *key, *help;
	enum setting_kind kind;
	size_t offset;
	double min, max;
	const char *fallback; /* as in a file */
};

#define at(member) offsetof(struct config, member)

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

static const struct setting settings[] = {
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
	{ "ebpf", "max_stack_depth", "of an older profiler; stacks are whole here", SETTING_NUMBER,
	  at(ebpf.max_stack_depth), 1, 1024, "127" },
	{ "ebpf", "stack_trace_buffer_size", "of an older profiler; not used", SETTING_NUMBER,
	  at(ebpf.stack_trace_buffer_size), 0, 1e9, "0" },
	{ "ebpf", "perf_buffer_size", "of an older profiler; not used", SETTING_NUMBER,
	  at(ebpf.perf_buffer_size), 0, 1e9, "0" },
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
};

static char *text_at(struct config *config, const struct setting *setting)
{
	return (char *)config + setting->offset;
}

int config_init(struct config *config)
{
	memset(config, 0, sizeof(*config));
	for (size_t i = 0; i < array_len(settings); i++) {
		const struct setting *setting = &settings[i];
		void *place = (char *)config + setting->offset;

		if (setting->kind == SETTING_TEXT)
			snprintf(text_at(config, setting), CONFIG_TEXT, "%s", setting->fallback);
		else if (setting->kind == SETTING_NUMBER)
			*(uint64_t *)place = strtoull(setting->fallback, NULL, 10);
		else if (setting->kind == SETTING_DECIMAL)
			*(double *)place = strtod(setting->fallback, NULL);
		else if (setting->kind == SETTING_FLAG)
			*(bool *)place = strcmp(setting->fallback, "true") == 0;
	}
	return 0;
}

static void words_done(struct config_words *words)
{
	vec_each(word, &words->list)
		free(*word);
	vec_done(&words->list);
}

void config_done(struct config *config)
{
	words_done(&config->http.allowed_hosts);
	words_done(&config->http.cors_origins);
	words_done(&config->triggers.commands);
	vec_done(&config->switches);
}

struct reading {
	struct config *config;
	const char *path;
	const char *const *collectors;
};

static int bad(const struct reading *reading, const struct toml_item *item, const char *what)
{
	return fail(-EINVAL, "%s:%u:%u: '%s' of [%s] %s", reading->path, item->line, item->column,
		    item->key, item->table, what);
}

/* The word of a list that is spelt most like @text; NULL if none is. */
static const char *nearest(const char *text, const char *word, const char *best, size_t *least)
{
	size_t distance = text_distance(text, word);

	if (distance >= *least)
		return best;
	*least = distance;
	return word;
}

static int unknown(const struct reading *reading, const struct toml_item *item)
{
	const char *key = NULL, *table = NULL;
	size_t least = strlen(item->key) / 2 + 1, least_table = strlen(item->table) / 2 + 1;
	bool has_table = strcmp(item->table, "collectors") == 0;
	int err;

	for (size_t i = 0; i < array_len(settings); i++) {
		table = nearest(item->table, settings[i].table, table, &least_table);
		if (strcmp(settings[i].table, item->table) != 0)
			continue;
		has_table = true;
		key = nearest(item->key, settings[i].key, key, &least);
	}
	for (size_t i = 0; reading->collectors[i] && strcmp(item->table, "collectors") == 0; i++)
		key = nearest(item->key, reading->collectors[i], key, &least);
	err = fail(-EINVAL, "%s:%u:%u: there is no key '%s' in [%s]", reading->path, item->key_line,
		   item->key_column, item->key, item->table);
	if (!has_table && table)
		hint("did you mean [%s]? 'kymo serve --generate-config' shows all", table);
	else if (key)
		hint("did you mean '%s'? 'kymo serve --generate-config' shows all", key);
	else
		hint("'kymo serve --generate-config' shows all");
	return err;
}

static int set_words(const struct reading *reading, const struct setting *setting,
		     const struct toml_item *item)
{
	struct config_words *words = (void *)text_at(reading->config, setting);
	char *word;

	if (item->index < 0 || (item->kind != TOML_TEXT && item->kind != TOML_EMPTY_ARRAY))
		return bad(reading, item, "is a list of texts: [\"...\", \"...\"]");
	if (item->index == 0)
		words_done(words);
	if (item->kind == TOML_EMPTY_ARRAY)
		return 0;
	if (words->list.len == CONFIG_WORDS)
		return bad(reading, item, "has too many entries");
	word = strdup(item->text);
	if (!word)
		return -ENOMEM;
	return vec_push(&words->list, word);
}

static int set_number(const struct reading *reading, const struct setting *setting,
		      const struct toml_item *item)
{
	void *place = text_at(reading->config, setting);
	double value = item->kind == TOML_FLOAT ? item->decimal : (double)item->integer;
	char what[96];

	if (item->kind != TOML_INTEGER &&
	    !(item->kind == TOML_FLOAT && setting->kind == SETTING_DECIMAL))
		return bad(reading, item,
			   setting->kind == SETTING_DECIMAL ? "is a number" : "is a whole number");
	if (!(value >= setting->min && value <= setting->max)) {
		snprintf(what, sizeof(what), "is %.15g to %.15g", setting->min, setting->max);
		return bad(reading, item, what);
	}
	if (setting->kind == SETTING_DECIMAL)
		*(double *)place = value;
	else
		*(uint64_t *)place = (uint64_t)item->integer;
	return 0;
}

static int set(const struct reading *reading, const struct setting *setting,
	       const struct toml_item *item)
{
	if (setting->kind == SETTING_WORDS)
		return set_words(reading, setting, item);
	if (item->index >= 0)
		return bad(reading, item, "is one value and no list");
	switch (setting->kind) {
	case SETTING_TEXT:
		if (item->kind != TOML_TEXT)
			return bad(reading, item, "is a text: \"...\"");
		if (strlen(item->text) >= CONFIG_TEXT)
			return bad(reading, item, "is too long");
		strcpy(text_at(reading->config, setting), item->text);
		return 0;
	case SETTING_FLAG:
		if (item->kind != TOML_BOOL)
			return bad(reading, item, "is true or false");
		*(bool *)text_at(reading->config, setting) = item->flag;
		return 0;
	default:
		return set_number(reading, setting, item);
	}
}

static int set_switch(const struct reading *reading, const struct toml_item *item)
{
	struct config_switch one = { .on = item->flag, .line = item->line, .column = item->column };

	for (size_t i = 0; reading->collectors[i]; i++)
		if (strcmp(reading->collectors[i], item->key) == 0) {
			if (item->kind != TOML_BOOL || item->index >= 0)
				return bad(reading, item, "is true or false");
			snprintf(one.name, sizeof(one.name), "%s", item->key);
			return vec_push(&reading->config->switches, one);
		}
	return unknown(reading, item);
}

static int each(void *context, const struct toml_item *item)
{
	const struct reading *reading = context;

	if (strcmp(item->table, "collectors") == 0)
		return set_switch(reading, item);
	for (size_t i = 0; i < array_len(settings); i++)
		if (strcmp(settings[i].table, item->table) == 0 &&
		    strcmp(settings[i].key, item->key) == 0) {
			if (settings[i].offset == at(http.port))
				reading->config->http_port_line = item->line;
			if (settings[i].offset == at(server.port))
				reading->config->server_port_line = item->line;
			return set(reading, &settings[i], item);
		}
	return unknown(reading, item);
}

int config_read(struct config *config, const char *path, const char *const *collectors)
{
	struct reading reading = { config, path, collectors };
	own(fd_closep) int fd = file_open(path);
	own(freep) char *text = NULL;
	size_t len;
	int err;

	if (fd < 0)
		return fd;
	err = file_read_all(fd, TOML_MAX_BYTES, &text, &len);
	if (err)
		return fail(err, "cannot read '%s': %m", path);
	return toml_read(text, len, path, each, &reading);
}

static int ignore(void *context, const struct toml_item *item)
{
	(void)context;
	(void)item;
	return 0;
}

int config_set(struct config *config, const char *text, const char *const *collectors)
{
	struct reading reading = { config, "--set", collectors };
	const char *equals = strchr(text, '=');
	own(freep) char *quoted = NULL;

	if (!equals)
		return fail(-EINVAL, "'--set %s' should be TABLE.KEY=VALUE", text);
	if (toml_read(text, strlen(text), "--set", ignore, NULL)) {
		if (asprintf(&quoted, "%.*s='%s'", (int)(equals - text), text, equals + 1) < 0)
			return -ENOMEM;
		text = quoted;
	}
	return toml_read(text, strlen(text), "--set", each, &reading);
}

/* What SIGHUP switches. */
static bool is_live(const struct setting *setting)
{
	return setting->offset == at(profile.enabled) || setting->offset == at(waits.enabled);
}

static bool words_differ(const struct config_words *a, const struct config_words *b)
{
	if (a->list.len != b->list.len)
		return true;
	for (size_t i = 0; i < a->list.len; i++)
		if (strcmp(a->list.data[i], b->list.data[i]) != 0)
			return true;
	return false;
}

static bool differs(const struct setting *setting, const struct config *a, const struct config *b)
{
	const void *x = (const char *)a + setting->offset, *y = (const char *)b + setting->offset;

	switch (setting->kind) {
	case SETTING_TEXT:
		return strcmp(x, y) != 0;
	case SETTING_NUMBER:
		return *(const uint64_t *)x != *(const uint64_t *)y;
	case SETTING_DECIMAL:
		return *(const double *)x != *(const double *)y;
	case SETTING_FLAG:
		return *(const bool *)x != *(const bool *)y;
	default:
		return words_differ(x, y);
	}
}

int config_changed(const struct config *before, const struct config *after, char **ret_names)
{
	own(freep) char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	const char *comma = "";

	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < array_len(settings); i++) {
		if (is_live(&settings[i]) || !differs(&settings[i], before, after))
			continue;
		fprintf(out, "%s%s.%s", comma, settings[i].table, settings[i].key);
		comma = ", ";
	}
	if (fclose(out) != 0)
		return -ENOMEM;
	*ret_names = *comma ? take(text) : NULL;
	return 0;
}

static void put_value(const struct config *config, const struct setting *setting, FILE *out)
{
	const void *place = (const char *)config + setting->offset;
	const struct config_words *words = place;

	switch (setting->kind) {
	case SETTING_TEXT:
		fprintf(out, "\"%s\"", (const char *)place);
		break;
	case SETTING_NUMBER:
		fprintf(out, "%lu", (unsigned long)*(const uint64_t *)place);
		break;
	case SETTING_DECIMAL:
		fprintf(out, "%.1f", *(const double *)place);
		break;
	case SETTING_FLAG:
		fputs(*(const bool *)place ? "true" : "false", out);
		break;
	case SETTING_WORDS:
		putc('[', out);
		vec_each(word, &words->list)
			fprintf(out, "%s\"%s\"", word == words->list.data ? "" : ", ", *word);
		putc(']', out);
	}
}

void config_put_example(const struct config *config, FILE *out)
{
	const char *table = "";

	fputs("# Settings of kymo serve; what is left out has the value that stands here.\n", out);
	for (size_t i = 0; i < array_len(settings); i++) {
		const struct setting *setting = &settings[i];

		if (strcmp(setting->table, table) != 0)
			fprintf(out, "\n[%s]\n", setting->table);
		table = setting->table;
		fprintf(out, "# %s", setting->help);
		if (setting->min != setting->max)
			fprintf(out, "; %.15g to %.15g", setting->min, setting->max);
		fprintf(out, "\n%s = ", setting->key);
		put_value(config, setting, out);
		putc('\n', out);
	}
	fputs("\n# Collectors of 'kymo watch' by name; what is not named is on if it belongs to 'all'.\n"
	      "[collectors]\n# dns = true\n",
	      out);
}
