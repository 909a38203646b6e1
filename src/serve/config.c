/* SPDX-License-Identifier: MIT */
#include "serve/config_settings.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "base/toml.h"

static char *text_at(struct config *config, const struct setting *setting)
{
	return (char *)config + setting->offset;
}

int config_init(struct config *config)
{
	memset(config, 0, sizeof(*config));
	for (size_t i = 0; settings[i].key; i++) {
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

	for (size_t i = 0; settings[i].key; i++) {
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
	for (size_t i = 0; settings[i].key; i++)
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

int config_set_from(struct config *config, const char *name, const char *text,
		    const char *const *collectors)
{
	struct reading reading = { config, name, collectors };
	const char *equals = strchr(text, '=');
	own(freep) char *quoted = NULL;

	if (!equals)
		return fail(-EINVAL, "'%s %s' should be TABLE.KEY=VALUE", name, text);
	if (toml_read(text, strlen(text), name, ignore, NULL)) {
		if (asprintf(&quoted, "%.*s='%s'", (int)(equals - text), text, equals + 1) < 0)
			return -ENOMEM;
		text = quoted;
	}
	return toml_read(text, strlen(text), name, each, &reading);
}

int config_set(struct config *config, const char *text, const char *const *collectors)
{
	return config_set_from(config, "--set", text, collectors);
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
	for (size_t i = 0; settings[i].key; i++) {
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
	for (size_t i = 0; settings[i].key; i++) {
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
