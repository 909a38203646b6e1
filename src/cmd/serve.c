/* SPDX-License-Identifier: MIT */
#include "cmd/serve.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cmd/settings.h"
#include "collect/rights.h"
#include "serve/daemon.h"

static void put_url(const char *url)
{
	printf("%s\n", url);
	fflush(stdout);
}

/* Where the settings come from: of each start and each SIGHUP. */
struct source {
	const struct arguments *arguments;
	const char *path; /* of a file; NULL: none */
	const char *env;  /* of one of variables; NULL: none */
	const char *const *collectors;
};

static int read_env(struct config *config, const char *path)
{
	own(freep) char *unused = NULL;
	int err = config_read_env(config, path, &unused);

	if (unused)
		fprintf(stderr, "kymo: '%s' has variables that mean nothing here: %s\n", path,
			unused);
	return err;
}

static int read_settings(const void *context, struct config *config)
{
	const struct source *source = context;
	const struct argument *at = NULL;
	int err = 0;

	if (source->path)
		err = config_read(config, source->path, source->collectors);
	if (!err && source->env)
		err = read_env(config, source->env);
	while (!err && (at = arguments_next(source->arguments, "set", at)) != NULL)
		err = config_set(config, at->value.text, source->collectors);
	config_settle(config);
	return err ?: config_check(config);
}

/* What is watched belongs to everybody: root may, and whom these rights were given, as by the unit of
 * systemd.
 */
static int need_rights(void)
{
	int err;

	if (rights_load_tracing())
		return 0;
	err = fail(-EPERM, "not permitted to watch the whole host");
	hint("sudo kymo serve, or 'systemctl start kymo' with the package of kymo installed");
	return err;
}

/* A unit cannot know how a kernel is set: it gives all that may be needed. */
static int shed_admin(const struct log *log)
{
	int kept = rights_shed_admin();

	if (kept < 0)
		return fail(kept, "cannot give up CAP_SYS_ADMIN: %m");
	if (kept)
		log_put(log, "info",
			"CAP_SYS_ADMIN is kept: kernel.perf_event_paranoid is above 2, or this kernel has no "
			"uprobe_multi links");
	return 0;
}

int serve_verb_run(const struct arguments *arguments)
{
	const char *names[SETTINGS_NAMES];
	own(config_done) struct config config;
	struct source source = {
		.arguments = arguments,
		.path = arguments_text(arguments, "config"),
		.env = arguments_text(arguments, "env-file"),
		.collectors = settings_collectors(names),
	};
	struct daemon_request request = {
		.config = &config,
		.read_settings = read_settings,
		.context = &source,
		.log = { .out = stderr, .debug = arguments_flag(arguments, "debug") },
		.listening = put_url,
	};
	int err;

	if (!source.path && access(SETTINGS_FILE, R_OK) == 0)
		source.path = SETTINGS_FILE;
	err = config_init(&config);
	err = err ?: read_settings(&source, &config);
	if (err)
		return err;
	if (arguments_flag(arguments, "generate-config")) {
		config_put_example(&config, stdout);
		return 0;
	}
	err = need_rights();
	err = err ?: shed_admin(&request.log);
	return err ?: daemon_run(&request);
}
