/* SPDX-License-Identifier: MIT */
/* config_env.c - a file of variables, KEY=VALUE a line, as the settings that they mean.
 *
 * A value may stand in quotes, "export" in front, a comment behind '#' at the beginning of a line.  That such a
 * file lies in the working directory is no reason to read it: it has to be named.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "serve/config.h"

#define ENV_MAX_BYTES 65536

/* What a variable was called, and is called now. */
static const struct variable {
	const char *name, *key;
} variables[] = {
	{ "PORT", "http.port" },
	{ "DB_PATH", "store.path" },
	{ "MAX_LIMIT", "dashboard.max_limit" },
	{ "DEFAULT_LIMIT", "dashboard.default_limit" },
};

struct env {
	struct config *config;
	char place[CONFIG_TEXT]; /* FILE:LINE */
	bool has_no_cors;
	char *origins; /* of text; NULL: none */
	char origins_place[CONFIG_TEXT];
	FILE *unused;
	const char *comma;
};

static int set(const struct env *env, const char *place, const char *key, const char *value)
{
	static const char *const no_collectors[] = { NULL };
	own(freep) char *text = NULL;

	if (asprintf(&text, "%s=%s", key, value) < 0)
		return -ENOMEM;
	return config_set_from(env->config, place, text, no_collectors);
}

static char *unquote(char *value)
{
	size_t len = strlen(value);

	if (len < 2 || (*value != '"' && *value != '\'') || value[len - 1] != *value)
		return value;
	value[len - 1] = '\0';
	return value + 1;
}

static int take_variable(struct env *env, const char *name, char *value)
{
	for (size_t i = 0; i < array_len(variables); i++)
		if (strcmp(name, variables[i].name) == 0)
			return set(env, env->place, variables[i].key, value);
	if (strcmp(name, "CORS_ENABLED") == 0) {
		env->has_no_cors = strcmp(value, "true") != 0;
	} else if (strcmp(name, "CORS_ORIGINS") == 0) {
		env->origins = value;
		strcpy(env->origins_place, env->place);
	} else {
		fprintf(env->unused, "%s%s", env->comma, name);
		env->comma = ", ";
	}
	return 0;
}

/* "http://a,http://b" as a list. */
static int set_origins(const struct env *env)
{
	own(freep) char *list = NULL;
	size_t len;
	FILE *out;
	char *rest = env->origins;

	if (env->has_no_cors) /* whatever settings say */
		return set(env, env->place, "http.cors_origins", "[]");
	if (!rest)
		return 0;
	if (strpbrk(rest, "'\\"))
		return fail(-EINVAL, "%s: CORS_ORIGINS holds a quote", env->origins_place);
	out = open_memstream(&list, &len);
	if (!out)
		return -ENOMEM;
	putc('[', out);
	for (char *word; (word = strsep(&rest, ", ")) != NULL;)
		if (*word)
			fprintf(out, "'%s',", word);
	putc(']', out);
	if (fclose(out) != 0)
		return -ENOMEM;
	return set(env, env->origins_place, "http.cors_origins", list);
}

static int read_lines(struct env *env, const char *path, char *text)
{
	unsigned number = 0;
	int err = 0;

	for (char *line; !err && (line = strsep(&text, "\n")) != NULL;) {
		char *equals;

		number++;
		line += strspn(line, " \t");
		line[strcspn(line, "\r")] = '\0';
		if (!*line || *line == '#')
			continue;
		if (strncmp(line, "export ", 7) == 0)
			line += 7 + strspn(line + 7, " ");
		equals = strchr(line, '=');
		if (!equals || equals == line)
			return fail(-EINVAL, "%s:%u: '%s' should be NAME=VALUE", path, number,
				    line);
		*equals = '\0';
		snprintf(env->place, sizeof(env->place), "%.480s:%u", path, number);
		err = take_variable(env, line, unquote(equals + 1));
	}
	return err ?: set_origins(env);
}

int config_read_env(struct config *config, const char *path, char **ret_unused)
{
	struct env env = { .config = config, .comma = "" };
	own(fd_closep) int fd = file_open(path);
	own(freep) char *text = NULL, *unused = NULL;
	size_t len, unused_len;
	int err;

	if (fd < 0)
		return fd;
	err = file_read_all(fd, ENV_MAX_BYTES, &text, &len);
	if (err)
		return fail(err, "cannot read '%s': %m", path);
	env.unused = open_memstream(&unused, &unused_len);
	if (!env.unused)
		return -ENOMEM;
	err = read_lines(&env, path, text);
	if (fclose(env.unused) != 0)
		err = err ?: -ENOMEM;
	if (!err) {
		*ret_unused = *unused ? unused : NULL;
		if (*unused)
			unused = NULL;
	}
	return err;
}
