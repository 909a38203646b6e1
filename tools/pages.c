/* SPDX-License-Identifier: MIT */
/* pages.c - writes what the option table says outside the program, for the build:
 *
 *	pages manual DATE [VERB]	kymo(1) or kymo-VERB(1)
 *	pages bash, pages zsh		completions
 *	pages table			one line an option: verb, name, letter, word, alias, argument, kind
 */
#include <stdio.h>
#include <string.h>

#include "cmd/completion.h"
#include "cmd/manual.h"

static int put_manual(const char *date, const char *name)
{
	const struct verb *verb = name ? verb_find(verbs, name) : NULL;

	if (name && !verb)
		return 1;
	if (verb)
		manual_put_verb(stdout, verb, date);
	else
		manual_put_program(stdout, verbs, date);
	return 0;
}

/* What the tests hold against the pages; "-" stands for nothing. */
static void put_table(const char *verb, const struct option *option)
{
	for (; option && option->name; option++)
		printf("%s\t%s\t%c\t%s\t%s\t%s%s%s\t%s\n", verb, option->name,
		       option->letter ?: '-', option->word ?: "-", option->alias ?: "-",
		       option->bare ? "[=" : "", option->argument ?: "-", option->bare ? "]" : "",
		       option->kind == OPTION_SWITCH   ? "switch"
		       : option->kind == OPTION_CHOICE ? "choice"
		       : option_takes_value(option)    ? "value"
						       : "flag");
}

int main(int argc, char **argv)
{
	if (argc >= 3 && strcmp(argv[1], "manual") == 0)
		return put_manual(argv[2], argv[3]);
	if (argc == 2 && strcmp(argv[1], "bash") == 0) {
		completion_put_bash(stdout, verbs);
	} else if (argc == 2 && strcmp(argv[1], "zsh") == 0) {
		completion_put_zsh(stdout, verbs);
	} else if (argc == 2 && strcmp(argv[1], "table") == 0) {
		put_table("-", options_global);
		for (const struct verb *const *verb = verbs; *verb; verb++)
			put_table((*verb)->name, (*verb)->options);
	} else {
		fputs("usage: pages {manual DATE [VERB] | bash | zsh | table}\n", stderr);
		return 2;
	}
	return fflush(stdout) != 0;
}
