/* SPDX-License-Identifier: MIT */
/* arguments.h - a command line, read by the option table.
 *
 * Every value is checked while it is read, so the getters cannot fail: they return what was given
 * (the last one, where an option was repeated), else the option's fallback, else nothing.  To ask
 * for an option that the verb does not have, or by the wrong kind, is our own mistake and asserts.
 * Texts point into argv.
 */
#ifndef CMD_ARGUMENTS_H
#define CMD_ARGUMENTS_H

#include "base/vec.h"
#include "cmd/option.h"

/* One given value. */
struct argument {
	const struct option *option;
	struct option_reading value; /* flags and switches: number 0 or 1 */
};

struct arguments {
	const struct verb *verb; /* NULL: none was named */
	vec(struct argument) given;
	vec(char *) operands; /* closed by a NULL that `len` does not count, as execvp() wants it */
	bool has_command;     /* "--" and a command are there */
};

enum {
	ARGUMENTS_HELP = 1, /* of `verb`, or of kymo where it is NULL */
	ARGUMENTS_VERSION = 2,
};

/**
 * arguments_parse - read the words behind the program's name
 * @verbs: closed by NULL
 * @words: closed by NULL
 *
 * Return: 0; ARGUMENTS_HELP or ARGUMENTS_VERSION where that was asked for, the rest not looked at;
 * -ERROR_USAGE with fail() and hint() said; -ENOMEM.  Call arguments_done() in any case.
 */
nodiscard int arguments_parse(struct arguments *arguments, const struct verb *const *verbs,
			      char **words);
void arguments_done(struct arguments *arguments);

/** arguments_has - whether the option stands on the command line */
bool arguments_has(const struct arguments *arguments, const char *name);

/** arguments_flag - of a flag: whether given; of a switch: on or off */
bool arguments_flag(const struct arguments *arguments, const char *name);

/** arguments_number - of a number, duration (ns) or size (bytes); 0: not given, no fallback */
uint64_t arguments_number(const struct arguments *arguments, const char *name);

/** arguments_decimal - of a decimal; 0: not given, no fallback */
double arguments_decimal(const struct arguments *arguments, const char *name);

/** arguments_text - of a text or choice; NULL: not given, no fallback */
const char *arguments_text(const struct arguments *arguments, const char *name);

/**
 * arguments_next - every value of an option in the order given, a comma list's parts one by one
 * @after: NULL for the first, else what the last call returned
 *
 * Return: NULL behind the last; fallbacks do not count.
 */
const struct argument *arguments_next(const struct arguments *arguments, const char *name,
				      const struct argument *after);

struct id_list {
	vec(uint32_t) ids;
};

/** arguments_ids - every value of an option that takes numbers.  Return: 0; -ENOMEM */
nodiscard int arguments_ids(const struct arguments *arguments, const char *name,
			    struct id_list *ids);

/** describe_command - its words with blanks between; a long one is cut */
void describe_command(char *const *words, char *text, size_t size);

#endif
