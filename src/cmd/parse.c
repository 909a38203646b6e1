/* SPDX-License-Identifier: MIT */
/* parse.c - from words to arguments.
 *
 *	kymo [GLOBAL...] VERB { --name[=VALUE] [VALUE] | -x[VALUE] [VALUE] | -xyz | -word | OPERAND }
 *
 * A word with one dash is first looked up whole ("-freq", "-freq=9": spellings of older tools),
 * then letter by letter; a letter that takes a value takes the rest of its word, or the next one.
 * "--" ends the options.  Names are not completed from their beginning: a script that relied on
 * that would break with the next option that begins the same.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cmd/arguments.h"

#define SPELLING_MAX  64
#define LIST_PART_MAX 32

/* Where the parser stands. */
struct parser {
	struct arguments *arguments;
	char **words; /* not read yet */
};

/* An option that was recognised. */
struct typed {
	const struct option *option;
	char spelling[SPELLING_MAX]; /* "-F", "--frequency", "-freq" */
	const char *value;           /* attached to it, else NULL */
	bool is_negated;             /* --no-name */
};

/* A usage error whose hint is where to look. */
__attribute__((format(printf, 2, 3))) static int usage(const struct verb *verb, const char *format,
						       ...)
{
	char text[512];
	va_list args;
	int err;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	err = fail(-ERROR_USAGE, "%s", text);
	if (verb)
		hint("'kymo %s --help' lists its options", verb->name);
	else
		hint("'kymo --help' lists verbs and options");
	return err;
}

typedef bool same_fn(const struct option *option, const char *text, size_t len);

static bool text_is(const char *word, const char *text, size_t len)
{
	return word && strncmp(word, text, len) == 0 && word[len] == '\0';
}

static bool same_name(const struct option *option, const char *text, size_t len)
{
	return text_is(option->name, text, len) || text_is(option->alias, text, len);
}

static bool same_negated(const struct option *option, const char *text, size_t len)
{
	return option->kind == OPTION_SWITCH && len > 3 && strncmp(text, "no-", 3) == 0 &&
	       same_name(option, text + 3, len - 3);
}

static bool same_word(const struct option *option, const char *text, size_t len)
{
	return text_is(option->word, text, len);
}

static bool same_letter(const struct option *option, const char *text, size_t len)
{
	return len == 1 && option->letter == text[0];
}

static const struct option *find_in(const struct option *option, same_fn *same, const char *text,
				    size_t len)
{
	for (; option && option->name; option++)
		if (same(option, text, len))
			return option;
	return NULL;
}

static const struct option *find(const struct verb *verb, same_fn *same, const char *text,
				 size_t len)
{
	const struct option *option = NULL;

	if (verb)
		option = find_in(verb->options, same, text, len);
	return option ?: find_in(options_global, same, text, len);
}

/* Says which value was wrong, and what would be right. */
static int bad_value(const struct typed *typed, const char *text, int err)
{
	static const char *const kinds[OPTION_KIND_COUNT][2] = {
		[OPTION_NUMBER] = { "a whole number", "a number like 10" },
		[OPTION_NUMBERS] = { "a list of whole numbers", "like 10 or 10,20" },
		[OPTION_DECIMAL] = { "a number", "a number like 0.5" },
		[OPTION_DURATION] = { "a time span", "seconds like 10 or 0.5, or 100ms, 5m, 2h" },
		[OPTION_BYTES] = { "a size", "bytes like 4096, or 64K, 1M, 2G" },
	};
	const struct option *option = typed->option;
	char range[80];

	option_range(option, range, sizeof(range));
	if (err == -ERANGE)
		err = fail(-ERROR_USAGE, "'%s %s' is out of range", typed->spelling, text);
	else
		err = fail(-ERROR_USAGE, "'%s %s' is not %s", typed->spelling, text,
			   kinds[option->kind][0]);
	hint("%s is %s", option->argument, *range ? range : kinds[option->kind][1]);
	return err;
}

static int bad_choice(const struct option *option, const char *text)
{
	const char *near = option_nearest_choice(option, text);
	int err = fail(-ERROR_USAGE, "unknown %s '%s'", option->name, text);
	char list[400];

	option_choices(option, list, sizeof(list));
	if (near)
		hint("did you mean '%s'? %s is one of %s", near, option->argument, list);
	else
		hint("%s is one of %s", option->argument, list);
	return err;
}

static int add(struct parser *parser, const struct option *option, struct option_reading value)
{
	return vec_push(&parser->arguments->given, { option, value });
}

/* "1,2,3": one argument each. */
static int add_list(struct parser *parser, const struct typed *typed, const char *text)
{
	for (const char *at = text;; at++) {
		size_t len = strcspn(at, ",");
		struct option_reading reading;
		char part[LIST_PART_MAX];
		int err = -EINVAL;

		if (len < sizeof(part)) {
			snprintf(part, sizeof(part), "%.*s", (int)len, at);
			err = option_read(typed->option, part, &reading);
		}
		if (err)
			return bad_value(typed, text, err);
		reading.text = NULL;
		err = add(parser, typed->option, reading);
		if (err)
			return err;
		at += len;
		if (!*at)
			return 0;
	}
}

static int add_value(struct parser *parser, const struct typed *typed, const char *text)
{
	const struct option *option = typed->option;
	struct option_reading reading;
	int err;

	if (!*text) {
		err = fail(-ERROR_USAGE, "'%s' needs a value", typed->spelling);
		hint("'%s %s': %s", typed->spelling, option->argument, option->help);
		return err;
	}
	if (option->kind == OPTION_NUMBERS)
		return add_list(parser, typed, text);
	err = option_read(option, text, &reading);
	if (!err)
		return add(parser, option, reading);
	return option->kind == OPTION_CHOICE ? bad_choice(option, text)
					     : bad_value(typed, text, err);
}

/* Positive: help or version. */
static int read_option(struct parser *parser, const struct typed *typed)
{
	const struct option *option = typed->option;
	const char *value = typed->value;

	if (option_takes_value(option)) {
		if (!value && option->bare && !*option->bare)
			return add(parser, option, (struct option_reading){ .text = "" });
		if (!value && option->bare)
			value = option->bare;
		else if (!value)
			value = *parser->words ? *parser->words++ : "";
		return add_value(parser, typed, value);
	}
	if (value)
		return usage(parser->arguments->verb, "'%s' takes no value", typed->spelling);
	if (option == find_in(options_global, same_name, "help", 4))
		return ARGUMENTS_HELP;
	if (option == find_in(options_global, same_name, "version", 7))
		return ARGUMENTS_VERSION;
	return add(parser, option, (struct option_reading){ .number = !typed->is_negated });
}

/* "--name", "--name=value", "--no-name" */
static int read_long(struct parser *parser, const char *word)
{
	const struct verb *verb = parser->arguments->verb;
	size_t len = strcspn(word + 2, "=");
	struct typed typed = { .value = word[2 + len] ? word + 2 + len + 1 : NULL };
	char name[SPELLING_MAX];
	const char *near;
	int err;

	snprintf(typed.spelling, sizeof(typed.spelling), "%.*s", (int)len + 2, word);
	typed.option = find(verb, same_name, word + 2, len);
	if (!typed.option) {
		typed.option = find(verb, same_negated, word + 2, len);
		typed.is_negated = typed.option != NULL;
	}
	if (typed.option)
		return read_option(parser, &typed);
	err = usage(verb, "unknown option '%s'", typed.spelling);
	snprintf(name, sizeof(name), "%.*s", (int)len, word + 2);
	near = option_nearest(verb, name);
	if (near)
		hint("did you mean '--%s'?", near);
	return err;
}

/* "-word", "-word=value"; where it is none, the letters are tried. */
static int read_word(struct parser *parser, const char *word, bool *ret_is_word)
{
	size_t len = strcspn(word + 1, "=");
	struct typed typed = {
		.option = find(parser->arguments->verb, same_word, word + 1, len),
		.value = word[1 + len] ? word + 1 + len + 1 : NULL,
	};

	*ret_is_word = typed.option != NULL;
	if (!typed.option)
		return 0;
	snprintf(typed.spelling, sizeof(typed.spelling), "%.*s", (int)len + 1, word);
	return read_option(parser, &typed);
}

/* "-x", "-xyz", "-xVALUE" */
static int read_letters(struct parser *parser, const char *word)
{
	const struct verb *verb = parser->arguments->verb;

	for (const char *letter = word + 1; *letter; letter++) {
		struct typed typed = { .option = find(verb, same_letter, letter, 1) };
		const char *near;
		int err;

		snprintf(typed.spelling, sizeof(typed.spelling), "-%c", *letter);
		if (!typed.option) {
			near = option_nearest(verb, word + 1);
			err = usage(verb, "unknown option '%s'", near ? word : typed.spelling);
			if (near)
				hint("did you mean '--%s'?", near);
			return err;
		}
		if (option_takes_value(typed.option) && letter[1])
			typed.value = letter + 1;
		err = read_option(parser, &typed);
		if (err || typed.value)
			return err;
	}
	return 0;
}

static int read_dashed(struct parser *parser, const char *word)
{
	bool is_word;
	int err;

	if (word[1] == '-')
		return read_long(parser, word);
	err = read_word(parser, word, &is_word);
	return is_word ? err : read_letters(parser, word);
}

/* A word that is no option. */
static int read_operand(struct parser *parser, char *word)
{
	struct arguments *arguments = parser->arguments;
	const struct verb *verb = arguments->verb;
	int err;

	if (verb->operands == OPERANDS_WORDS && arguments->operands.len < verb->operands_max)
		return vec_push(&arguments->operands, word);
	err = usage(verb, "unexpected '%s'", word);
	if (verb->operands == OPERANDS_COMMAND)
		hint("a command stands behind '--': kymo %s -- %s", verb->name, word);
	return err;
}

/* What stands behind "--". */
static int read_rest(struct parser *parser)
{
	struct arguments *arguments = parser->arguments;
	const struct verb *verb = arguments->verb;
	int err = 0;

	if (verb->operands == OPERANDS_COMMAND && !*parser->words)
		return usage(verb, "no command behind '--'");
	for (; *parser->words && !err; parser->words++)
		err = verb->operands == OPERANDS_COMMAND
			      ? vec_push(&arguments->operands, *parser->words)
			      : read_operand(parser, *parser->words);
	arguments->has_command = !err && verb->operands == OPERANDS_COMMAND;
	return err;
}

static void put_spelling(const struct option *option, char *text)
{
	snprintf(text, SPELLING_MAX, "--%s", option->name);
}

/* Options that contradict each other. */
static int check_sets(const struct arguments *arguments)
{
	const struct verb *verb = arguments->verb;
	char one[SPELLING_MAX], other[SPELLING_MAX];

	vec_each(a, &arguments->given) {
		const char *set = a->option->excludes;

		if (!set)
			continue;
		put_spelling(a->option, one);
		if (arguments->operands.len && verb->operands_exclude &&
		    strcmp(verb->operands_exclude, set) == 0)
			return usage(verb, "'%s' and a command cannot go together", one);
		for (const struct argument *b = a + 1;
		     b < arguments->given.data + arguments->given.len; b++) {
			if (a->option == b->option || !b->option->excludes ||
			    strcmp(set, b->option->excludes) != 0)
				continue;
			put_spelling(b->option, other);
			return usage(verb, "'%s' and '%s' cannot go together", one, other);
		}
	}
	return 0;
}

static int find_verb(struct arguments *arguments, const struct verb *const *table, const char *name)
{
	const char *near;
	int err;

	arguments->verb = verb_find(table, name);
	if (arguments->verb)
		return 0;
	err = usage(NULL, "unknown verb '%s'", name);
	near = verb_nearest(table, name);
	if (near)
		hint("did you mean 'kymo %s'?", near);
	return err;
}

static int read_next(struct parser *parser, const struct verb *const *table)
{
	struct arguments *arguments = parser->arguments;
	char *word = *parser->words++;

	if (arguments->verb && strcmp(word, "--") == 0)
		return read_rest(parser);
	if (word[0] == '-' && word[1])
		return read_dashed(parser, word);
	if (!arguments->verb)
		return find_verb(arguments, table, word);
	return read_operand(parser, word);
}

int arguments_parse(struct arguments *arguments, const struct verb *const *table, char **words)
{
	struct parser parser = { arguments, words };
	int err = 0;

	*arguments = (struct arguments){ 0 };
	while (*parser.words && !err)
		err = read_next(&parser, table);
	if (err)
		return err;
	if (!arguments->verb)
		return usage(NULL, "no verb is given");
	err = check_sets(arguments);
	err = err ?: vec_reserve(&arguments->operands, 1);
	if (!err)
		arguments->operands.data[arguments->operands.len] = NULL;
	return err;
}
