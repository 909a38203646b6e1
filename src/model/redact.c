/* SPDX-License-Identifier: MIT */
#include "model/redact.h"

#include <errno.h>
#include <regex.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/vec.h"

#define NAME "(pass(word|wd|phrase)?|pwd|secret|token|api[-_]?key|access[-_]?key|auth|credential)"
#define REST "[a-z0-9_-]*"

/* What is secret is in this pair of parentheses; 0: all of the match. */
struct rule {
	regex_t expression;
	unsigned group;
	bool is_next; /* the match is an option; its argument follows and is the secret */
};

#define RULES_MAX  4
#define GROUPS_MAX 5

struct redact {
	struct rule rules[RULES_MAX];
	unsigned count;
};

static const struct {
	const char *pattern;
	unsigned group;
	bool is_next;
} usual[RULES_MAX] = {
	{ NAME REST "[=:] *(.+)", 3, false },
	{ "://[^/@:]*:([^/@]+)@", 1, false },
	/* Within a line for a shell. */
	{ "(^|[ ;&|'\"])--?" REST NAME REST " +('[^']*'|\"[^\"]*\"|[^ ;&|'\"]+)", 4, false },
	{ "^--?" REST NAME REST "$", 0, true },
};

static int add_rule(struct redact *redact, const char *pattern, unsigned group, bool is_next)
{
	struct rule *rule = &redact->rules[redact->count];
	char why[128];
	int err = regcomp(&rule->expression, pattern, REG_EXTENDED | REG_ICASE);

	if (err == REG_ESPACE)
		return -ENOMEM;
	if (err) {
		regerror(err, &rule->expression, why, sizeof(why));
		return fail(-EINVAL, "'%s' is no regular expression: %s", pattern, why);
	}
	rule->group = group;
	rule->is_next = is_next;
	redact->count++;
	return 0;
}

int redact_new(const char *pattern, struct redact **ret_redact)
{
	own(redact_freep) struct redact *redact = calloc(1, sizeof(*redact));
	int err = 0;

	if (!redact)
		return -ENOMEM;
	if (*pattern)
		err = add_rule(redact, pattern, 0, false);
	for (unsigned i = 0; !err && !*pattern && i < RULES_MAX; i++)
		err = add_rule(redact, usual[i].pattern, usual[i].group, usual[i].is_next);
	if (err)
		return err;
	*ret_redact = take(redact);
	return 0;
}

void redact_free(struct redact *redact)
{
	for (unsigned i = 0; redact && i < redact->count; i++)
		regfree(&redact->rules[i].expression);
	free(redact);
}

struct bytes {
	vec(char) text;
};

static int append(struct bytes *to, const char *text, size_t len)
{
	if (!len)
		return 0; /* nothing may be there to copy to yet */
	if (vec_reserve(&to->text, len))
		return -ENOMEM;
	memcpy(to->text.data + to->text.len, text, len);
	to->text.len += len;
	return 0;
}

/* One argument by one rule. */
static int apply(const struct rule *rule, const char *text, struct bytes *to)
{
	regmatch_t found[GROUPS_MAX];
	int flags = 0, err = 0;

	while (!err && regexec(&rule->expression, text, GROUPS_MAX, found, flags) == 0) {
		size_t start = (size_t)found[rule->group].rm_so;
		size_t end = (size_t)found[rule->group].rm_eo;

		err = append(to, text, start);
		if (!err && end > start)
			err = append(to, REDACT_MARK, strlen(REDACT_MARK));
		if (!err && end == start && text[end])
			err = append(to, text + end++, 1); /* it matches nothing, at each place */
		text += end;
		flags = REG_NOTBOL;
		if (!*text)
			break;
	}
	return err ?: append(to, text, strlen(text) + 1);
}

static int redact_one(const struct redact *redact, const char *text, struct bytes *to)
{
	own(freep) char *now = strdup(text);

	for (unsigned i = 0; now && i < redact->count; i++) {
		struct bytes next = { 0 };

		if (redact->rules[i].is_next)
			continue;
		if (apply(&redact->rules[i], now, &next)) {
			vec_done(&next.text);
			return -ENOMEM;
		}
		free(now);
		now = next.text.data;
	}
	return now ? append(to, now, strlen(now) + 1) : -ENOMEM;
}

/* Whether the argument behind this one is secret. */
static bool announces(const struct redact *redact, const char *text)
{
	for (unsigned i = 0; i < redact->count; i++)
		if (redact->rules[i].is_next &&
		    regexec(&redact->rules[i].expression, text, 0, NULL, 0) == 0)
			return true;
	return false;
}

int redact_argv(const struct redact *redact, const char *argv, size_t len, char **ret_argv,
		size_t *ret_len)
{
	struct bytes to = { 0 };
	bool is_secret = false;
	int err = 0;

	for (size_t at = 0; !err && at < len;) {
		own(freep) char *text = strndup(argv + at, len - at);

		if (!text)
			err = -ENOMEM;
		else if (is_secret)
			err = append(&to, REDACT_MARK, sizeof(REDACT_MARK));
		else
			err = redact_one(redact, text, &to);
		if (err)
			break;
		is_secret = !is_secret && announces(redact, text);
		at += strlen(text) + 1;
		if (at > len)
			to.text.len--; /* the last one is cut: it has no NUL */
	}
	if (err || (!to.text.len && vec_reserve(&to.text, 1))) {
		vec_done(&to.text);
		return -ENOMEM;
	}
	*ret_argv = to.text.data;
	*ret_len = to.text.len;
	return 0;
}

int redact_command(const struct redact *redact, char *const *command, char ***ret_command)
{
	own(freep) char *redacted = NULL;
	struct bytes all = { 0 };
	size_t count = 0, len = 0;
	char **words, *text;
	int err = 0;

	for (; !err && command[count]; count++)
		err = append(&all, command[count], strlen(command[count]) + 1);
	err = err ?: redact_argv(redact, all.text.data, all.text.len, &redacted, &len);
	vec_done(&all.text);
	words = err ? NULL : malloc((count + 1) * sizeof(*words) + len);
	if (!words)
		return -ENOMEM;
	text = memcpy((char *)(words + count + 1), redacted, len);
	for (size_t i = 0; i < count; i++) {
		words[i] = text;
		text += strlen(text) + 1;
	}
	words[count] = NULL;
	*ret_command = words;
	return 0;
}
