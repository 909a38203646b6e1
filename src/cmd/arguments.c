/* SPDX-License-Identifier: MIT */
#include "cmd/arguments.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const struct option *find(const struct option *option, const char *name)
{
	for (; option && option->name; option++)
		if (strcmp(option->name, name) == 0)
			return option;
	return NULL;
}

static const struct option *find_row(const struct arguments *arguments, const char *name)
{
	const struct option *option = NULL;

	if (arguments->verb)
		option = find(arguments->verb->options, name);
	option = option ?: find(options_global, name);
	assert(option && "an option that the verb does not have");
	return option;
}

const struct argument *arguments_next(const struct arguments *arguments, const char *name,
				      const struct argument *after)
{
	const struct option *option = find_row(arguments, name);
	const struct argument *end = arguments->given.data + arguments->given.len;

	for (const struct argument *at = after ? after + 1 : arguments->given.data; at < end; at++)
		if (at->option == option)
			return at;
	return NULL;
}

bool arguments_has(const struct arguments *arguments, const char *name)
{
	return arguments_next(arguments, name, NULL) != NULL;
}

/* The last value given, else the fallback. */
static struct option_reading value_of(const struct arguments *arguments, const char *name,
				      unsigned kinds)
{
	const struct option *option = find_row(arguments, name);
	struct option_reading reading = { 0 };

	assert(kinds & 1u << option->kind);
	for (size_t i = arguments->given.len; i-- > 0;)
		if (arguments->given.data[i].option == option)
			return arguments->given.data[i].value;
	if (option->fallback) {
		int err = option_read(option, option->fallback, &reading);

		assert(!err && "a fallback that the option itself would refuse");
	}
	return reading;
}

bool arguments_flag(const struct arguments *arguments, const char *name)
{
	return value_of(arguments, name, 1u << OPTION_FLAG | 1u << OPTION_SWITCH).number != 0;
}

uint64_t arguments_number(const struct arguments *arguments, const char *name)
{
	return value_of(arguments, name,
			1u << OPTION_NUMBER | 1u << OPTION_DURATION | 1u << OPTION_BYTES)
		.number;
}

double arguments_decimal(const struct arguments *arguments, const char *name)
{
	return value_of(arguments, name, 1u << OPTION_DECIMAL).decimal;
}

const char *arguments_text(const struct arguments *arguments, const char *name)
{
	return value_of(arguments, name, 1u << OPTION_TEXT | 1u << OPTION_CHOICE).text;
}

void arguments_done(struct arguments *arguments)
{
	vec_done(&arguments->given);
	vec_done(&arguments->operands);
}

int arguments_ids(const struct arguments *arguments, const char *name, struct id_list *ids)
{
	const struct argument *at = NULL;
	int err = 0;

	while (!err && (at = arguments_next(arguments, name, at)) != NULL)
		err = vec_push(&ids->ids, (uint32_t)at->value.number);
	return err;
}

void describe_command(char *const *words, char *text, size_t size)
{
	size_t len = 0;

	for (; *words && len < size; words++)
		len += (size_t)snprintf(text + len, size - len, len ? " %s" : "%s", *words);
}
