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

static int read_settings(const struct arguments *arguments, struct config *config, const char *path,
			 const char *const *names)
{
	const struct argument *at = NULL;
	int err = config_init(config);

	if (!err && path)
		err = config_read(config, path, names);
	while (!err && (at = arguments_next(arguments, "set", at)) != NULL)
		err = config_set(config, at->value.text, names);
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

int serve_verb_run(const struct arguments *arguments)
{
	const char *names[SETTINGS_NAMES], *path = arguments_text(arguments, "config");
	own(config_done) struct config config;
	struct daemon_request request = {
		.config = &config,
		.collectors = settings_collectors(names),
		.log = { .out = stderr, .debug = arguments_flag(arguments, "debug") },
		.listening = put_url,
	};
	int err;

	if (!path && access(SETTINGS_FILE, R_OK) == 0)
		path = SETTINGS_FILE;
	err = read_settings(arguments, &config, path, request.collectors);
	if (err)
		return err;
	if (arguments_flag(arguments, "generate-config")) {
		config_put_example(&config, stdout);
		return 0;
	}
	request.config_path = path;
	err = need_rights();
	return err ?: daemon_run(&request);
}
