/* SPDX-License-Identifier: MIT */
/* option.h - what a verb and an option are: the one table behind everything a user can type.
 *
 * A verb is a file cmd/NAME.options.c with a `const struct verb verb_NAME` (the build collects
 * them in verbs[]) and a function in cmd/NAME.c that does the work.  Parsing, `--help`, the manual
 * pages, the completions and the range errors are derived from these rows and nothing else, so
 * an option is written down once.
 */
#ifndef CMD_OPTION_H
#define CMD_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"

struct arguments;

enum option_kind {
	OPTION_FLAG,     /* --name */
	OPTION_SWITCH,   /* --name and --no-name; `fallback` is "on" or "off" */
	OPTION_NUMBER,   /* whole number, min..max */
	OPTION_NUMBERS,  /* N[,N...], each in min..max; repeating adds */
	OPTION_DECIMAL,  /* number with a fraction, min..max */
	OPTION_DURATION, /* 10, 0.5, 100ms; in nanoseconds, min..max */
	OPTION_BYTES,    /* 4096, 64K; min..max */
	OPTION_CHOICE,   /* one of `choices` */
	OPTION_TEXT,     /* anything but nothing */
	OPTION_KIND_COUNT
};

/* What the shell can complete a value with. */
enum option_value {
	VALUE_PLAIN,
	VALUE_FILE,
	VALUE_FOLDER,
	VALUE_PROCESS,
	VALUE_COUNT
};

struct choice {
	const char *name; /* NULL closes the list */
	const char *help; /* a clause, no full stop; NULL for words that explain themselves */
};

struct option {
	const char *name; /* the word behind "--"; NULL closes the table */
	char letter;      /* 0: none */
	enum option_kind kind;
	enum option_value value;
	const char *argument;  /* what help calls the value: "HZ"; NULL where there is none */
	const char *help;      /* a clause, no full stop */
	const char *group;     /* heading in the help; rows of one group stand together */
	const char *fallback;  /* the value when the option is not given, as a user would type it */
	const char *otherwise; /* what happens without it, in words, where no value can say it */
	const char *excludes;  /* options that name the same word here exclude each other */
	const struct choice *choices;
	uint64_t min, max; /* both 0: any */
	const char *
		bare; /* what --name alone means, a value then stands behind "="; NULL: it must follow */
	const char *word;  /* older spelling behind one dash ("freq"), matched whole; or NULL */
	const char *alias; /* older spelling behind two dashes; or NULL */
};

/* What may stand on the command line beside options. */
enum operands {
	OPERANDS_NONE,
	OPERANDS_WORDS,   /* at most `operands_max`, before, between or after the options */
	OPERANDS_COMMAND, /* a command and its arguments, behind "--" only */
	OPERANDS_COUNT
};

struct example {
	const char *command; /* NULL closes the list */
	const char *help;    /* a clause, no full stop */
};

struct verb {
	const char *name;
	const char *help;         /* a clause, no full stop: the line in `kymo --help` */
	const char *synopsis;     /* behind "kymo NAME" */
	const char *const *about; /* paragraphs, closed by NULL */
	const struct option *options;
	const struct example *examples;
	enum operands operands;
	size_t operands_max;
	const char
		*operands_exclude; /* options with this `excludes` cannot stand beside operands */

	/**
	 * run - do the work
	 *
	 * Return: 0; a positive exit status; -errno with fail() said.
	 */
	int (*run)(const struct arguments *arguments);
};

/* Every verb of kymo, in the order of their names; closed by NULL. */
extern const struct verb *const verbs[];

/* Options that every verb understands, and that may also stand in front of it. */
extern const struct option options_global[];

/* What the exit status means, for help and manual. */
struct exit_meaning {
	const char *status; /* NULL closes the list */
	const char *help;
	bool command_only; /* of verbs that run a command */
};
extern const struct exit_meaning exit_meanings[];

/** verb_find - by name in a table closed by NULL; NULL if there is none */
const struct verb *verb_find(const struct verb *const *table, const char *name);

/* The best guess so far at what a user meant. */
struct guess {
	const char *text;
	const char *name; /* NULL: nothing is near */
	size_t distance;  /* SIZE_MAX to begin with */
};

/**
 * guess_try - whether this is what was meant
 *
 * A word is near when few of its letters differ, or when it is the beginning of the other one.
 */
void guess_try(struct guess *guess, const char *name);

/** verb_nearest - the verb spelt most like a word, NULL if nothing is near */
const char *verb_nearest(const struct verb *const *table, const char *text);

/** option_takes_value - whether something must follow */
bool option_takes_value(const struct option *option);

/** option_nearest_choice - which of `option->choices` is spelt most like @text; NULL if none is */
const char *option_nearest_choice(const struct option *option, const char *text);

/**
 * option_nearest - the long option of a verb spelt most like a word
 * @verb: NULL for global options only
 * @text: without dashes
 *
 * Return: its name, NULL if nothing is near.
 */
const char *option_nearest(const struct verb *verb, const char *text);

/**
 * option_detail - what the help says behind the clause: "1 to 10000; default: 99"
 *
 * Also says the choices where they have no help of their own.  "" when there is nothing to say.
 */
void option_detail(const struct option *option, char *text, size_t size);

/** option_choices - the words it may be, "auto, always, never" */
void option_choices(const struct option *option, char *text, size_t size);

/** option_range - what values are allowed, in words ("1 to 10000"); "" where any is */
void option_range(const struct option *option, char *text, size_t size);

/* A value as option_read() understood it. */
struct option_reading {
	const char *text;
	uint64_t number;
	double decimal;
};

/**
 * option_read - check and convert one value (of OPTION_NUMBERS: one part of the list)
 *
 * Return: 0; -EINVAL when it is no such value; -ERANGE.
 */
nodiscard int option_read(const struct option *option, const char *text,
			  struct option_reading *ret_reading);

#endif
