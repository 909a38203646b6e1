/* SPDX-License-Identifier: MIT */
#include "cmd/option.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/number.h"
#include "base/text.h"

static const struct choice color_choices[] = { { "auto" }, { "always" }, { "never" }, { 0 } };

const struct option options_global[] = {
	{ .name = "help", .letter = 'h', .help = "show this text", .group = "General" },
	{ .name = "version",
	  .letter = 'V',
	  .help = "show the version and how it was built",
	  .group = "General" },
	{ .name = "color",
	  .kind = OPTION_CHOICE,
	  .argument = "WHEN",
	  .choices = color_choices,
	  .fallback = "auto",
	  .help = "use colours; auto: on a terminal, unless NO_COLOR is set",
	  .group = "General" },
	{ 0 },
};

const struct exit_meaning exit_meanings[] = {
	{ "0", "success" },
	{ "1", "failure" },
	{ "2", "the command line is wrong" },
	{ "3", "a limit of --max-... is exceeded" },
	{ "69", "the kernel lacks what is needed" },
	{ "77", "not permitted" },
	{ "125", "kymo itself failed, where a command was given", true },
	{ "126", "the command cannot be executed", true },
	{ "127", "the command was not found", true },
	{ "128+N", "the command was ended by signal N", true },
	{ "other", "the status of the command", true },
	{ 0 },
};

bool option_takes_value(const struct option *option)
{
	return option->kind != OPTION_FLAG && option->kind != OPTION_SWITCH;
}

void guess_try(struct guess *guess, const char *name)
{
	size_t len = strlen(guess->text), distance = text_distance(guess->text, name);
	size_t most = strlen(name) < 5 ? 1 : strlen(name) / 3;

	if (distance > 1 && len > 1 && strncmp(name, guess->text, len) == 0)
		distance = 1;
	if (distance > most || distance >= guess->distance)
		return;
	guess->name = name;
	guess->distance = distance;
}

static void guess_options(struct guess *guess, const struct option *option)
{
	for (; option && option->name; option++)
		guess_try(guess, option->name);
}

const char *option_nearest_choice(const struct option *option, const char *text)
{
	struct guess guess = { text, NULL, SIZE_MAX };

	for (const struct choice *choice = option->choices; choice->name; choice++)
		guess_try(&guess, choice->name);
	return guess.name;
}

const char *option_nearest(const struct verb *verb, const char *text)
{
	struct guess guess = { text, NULL, SIZE_MAX };

	if (verb)
		guess_options(&guess, verb->options);
	guess_options(&guess, options_global);
	return guess.name;
}

const struct verb *verb_find(const struct verb *const *table, const char *name)
{
	for (; *table; table++)
		if (strcmp((*table)->name, name) == 0)
			return *table;
	return NULL;
}

const char *verb_nearest(const struct verb *const *table, const char *text)
{
	struct guess guess = { text, NULL, SIZE_MAX };

	for (; *table; table++)
		guess_try(&guess, (*table)->name);
	return guess.name;
}

static void put_value(const struct option *option, uint64_t value, char *text, size_t size)
{
	if (option->kind == OPTION_DURATION)
		snprintf(text, size, "%gs", (double)value / NS_PER_S);
	else
		snprintf(text, size, "%" PRIu64, value);
}

void option_range(const struct option *option, char *text, size_t size)
{
	char min[32], max[32];

	put_value(option, option->min, min, sizeof(min));
	put_value(option, option->max, max, sizeof(max));
	if (!option->min && !option->max)
		snprintf(text, size, "%s", "");
	else if (!option->max || option->max == UINT64_MAX)
		snprintf(text, size, "at least %s", min);
	else
		snprintf(text, size, "%s to %s", min, max);
}

static void join(char *text, size_t size, const char *separator, const char *prefix,
		 const char *more)
{
	size_t len = strlen(text);

	snprintf(text + len, size - len, "%s%s%s", len ? separator : "", prefix, more);
}

void option_choices(const struct option *option, char *text, size_t size)
{
	*text = '\0';
	for (const struct choice *choice = option->choices; choice && choice->name; choice++)
		join(text, size, ", ", "", choice->name);
}

void option_detail(const struct option *option, char *text, size_t size)
{
	char part[200];

	*text = '\0';
	if (option->kind != OPTION_NUMBERS) /* identifiers: their range tells nobody anything */
		option_range(option, text, size);
	if (option->choices && !option->choices->help) {
		option_choices(option, part, sizeof(part));
		join(text, size, "; ", "one of ", part);
	}
	if (option->fallback)
		join(text, size, "; ", "default: ", option->fallback);
	if (option->otherwise)
		join(text, size, "; ", "default: ", option->otherwise);
}

static int read_choice(const struct option *option, const char *text,
		       struct option_reading *ret_reading)
{
	for (const struct choice *choice = option->choices; choice->name; choice++) {
		if (strcmp(choice->name, text) == 0) {
			ret_reading->text = choice->name;
			return 0;
		}
	}
	return -EINVAL;
}

int option_read(const struct option *option, const char *text, struct option_reading *ret_reading)
{
	bool any = !option->min && !option->max;
	uint64_t max = any ? UINT64_MAX : option->max;
	struct option_reading reading = { .text = text };
	int err = 0;

	switch (option->kind) {
	case OPTION_NUMBER:
	case OPTION_NUMBERS:
		err = number_parse(text, option->min, max, &reading.number);
		break;
	case OPTION_DECIMAL:
		err = number_parse_decimal(text, (double)option->min, (double)max,
					   &reading.decimal);
		break;
	case OPTION_DURATION:
		err = number_parse_duration(text, &reading.number);
		break;
	case OPTION_BYTES:
		err = number_parse_bytes(text, &reading.number);
		break;
	case OPTION_CHOICE:
		err = read_choice(option, text, &reading);
		break;
	case OPTION_SWITCH:
		reading.number = strcmp(text, "on") == 0;
		break;
	default:
		break;
	}
	if (!err && (option->kind == OPTION_DURATION || option->kind == OPTION_BYTES) &&
	    (reading.number < option->min || reading.number > max))
		err = -ERANGE;
	if (!err)
		*ret_reading = reading;
	return err;
}
