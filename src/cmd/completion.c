/* SPDX-License-Identifier: MIT */
#include "cmd/completion.h"

#include <string.h>

static void put_option_words(FILE *out, const struct option *option)
{
	for (; option && option->name; option++) {
		if (option->letter)
			fprintf(out, " -%c", option->letter);
		fprintf(out, " --%s", option->name);
		if (option->kind == OPTION_SWITCH)
			fprintf(out, " --no-%s", option->name);
	}
}

/* What bash can offer behind an option that takes a value: one branch of a `case`. */
static void put_bash_value(FILE *out, const char *verb, const struct option *option)
{
	char choices[400];

	if (!option_takes_value(option) || option->bare)
		return;
	fprintf(out, "\t'%s --%s'", verb, option->name);
	if (option->letter)
		fprintf(out, " | '%s -%c'", verb, option->letter);
	fputs(") ", out);
	if (option->choices) {
		option_choices(option, choices, sizeof(choices));
		for (char *comma = choices; (comma = strchr(comma, ',')) != NULL;)
			memmove(comma, comma + 1, strlen(comma));
		fprintf(out, "words='%s'", choices);
	} else if (option->value == VALUE_FILE) {
		fputs("kind='file'", out);
	} else if (option->value == VALUE_FOLDER) {
		fputs("kind='directory'", out);
	} else if (option->value == VALUE_PROCESS) {
		fputs("words=$(cd /proc && echo [0-9]*)", out);
	} else {
		fputs("kind='none'", out);
	}
	fputs(" ;;\n", out);
}

static void put_bash_values(FILE *out, const char *verb, const struct option *option)
{
	for (; option && option->name; option++)
		put_bash_value(out, verb, option);
}

static const char bash_head[] =
	"# bash completion of kymo; written by the build from the option table.\n"
	"# shellcheck shell=bash disable=SC2034\n"
	"_kymo()\n"
	"{\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	"\tlocal verb='' words='' kind='' i rest=''\n"
	"\n"
	"\t# --name=value comes in three words.\n"
	"\tif [[ $cur == = ]]; then\n"
	"\t\tcur=''\n"
	"\telif [[ $prev == = ]]; then\n"
	"\t\tprev=${COMP_WORDS[COMP_CWORD - 2]}\n"
	"\tfi\n"
	"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	"\t\tcase ${COMP_WORDS[i]} in\n"
	"\t\t--) rest=$((i + 1)) && break ;;\n"
	"\t\t--color) [[ -n $verb ]] || i=$((i + 1)) ;;\n"
	"\t\t-* | =) ;;\n"
	"\t\t*) [[ -n $verb ]] || verb=${COMP_WORDS[i]} ;;\n"
	"\t\tesac\n"
	"\tdone\n"
	"\tif [[ -n $rest ]]; then # a command, then its own words\n"
	"\t\tkind='file'\n"
	"\t\t((COMP_CWORD > rest)) || kind='command'\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -A \"$kind\" -- \"$cur\")\n"
	"\t\treturn\n"
	"\tfi\n"
	"\tcase \"$verb $prev\" in\n";

static const char bash_tail[] = "\tesac\n"
				"\tif [[ -n $kind ]]; then\n"
				"\t\t[[ $kind == none ]] || compopt -o filenames 2>/dev/null\n"
				"\t\t[[ $kind == none ]] ||\n"
				"\t\t\tmapfile -t COMPREPLY < <(compgen -A \"$kind\" -- \"$cur\")\n"
				"\telse\n"
				"\t\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
				"\tfi\n"
				"}\n"
				"complete -F _kymo kymo\n";

static void put_verb_names(FILE *out, const struct verb *const *table)
{
	for (; *table; table++)
		fprintf(out, " %s", (*table)->name);
}

void completion_put_bash(FILE *out, const struct verb *const *table)
{
	fputs(bash_head, out);
	for (const struct verb *const *verb = table; *verb; verb++) {
		put_bash_values(out, (*verb)->name, (*verb)->options);
		put_bash_values(out, (*verb)->name, options_global);
	}
	put_bash_values(out, "", options_global);
	for (const struct verb *const *verb = table; *verb; verb++) {
		fprintf(out, "\t'%s '*) words='", (*verb)->name);
		put_option_words(out, (*verb)->options);
		put_option_words(out, options_global);
		if ((*verb)->operands == OPERANDS_COMMAND)
			fputs(" --", out);
		else if ((*verb)->operands == OPERANDS_WORDS)
			put_verb_names(out, table);
		fputs("' ;;\n", out);
	}
	fputs("\t*) words='", out);
	put_verb_names(out, table);
	put_option_words(out, options_global);
	fputs("' ;;\n", out);
	fputs(bash_tail, out);
}

/* Text inside '...' where `special` has a meaning of its own. */
static void put_quoted(FILE *out, const char *text, const char *special)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", out);
		else if (strchr(special, *text))
			fprintf(out, "\\%c", *text);
		else
			putc(*text, out);
	}
}

/* The spellings that may not follow: its own, and those of its set. */
static void put_zsh_excluded(FILE *out, const struct option *option, const struct option *all)
{
	fputs("'(", out);
	if (option->letter)
		fprintf(out, "-%c ", option->letter);
	fprintf(out, "--%s", option->name);
	for (; option->excludes && all && all->name; all++) {
		if (all == option || !all->excludes || strcmp(all->excludes, option->excludes) != 0)
			continue;
		if (all->letter)
			fprintf(out, " -%c", all->letter);
		fprintf(out, " --%s", all->name);
	}
	fputs(")'", out);
}

static void put_zsh_value(FILE *out, const struct option *option)
{
	fputs(":", out);
	put_quoted(out, option->argument, ":");
	fputs(":", out);
	if (option->choices) {
		fputs("((", out);
		for (const struct choice *choice = option->choices; choice->name; choice++) {
			fprintf(out, "%s%s", choice == option->choices ? "" : " ", choice->name);
			if (choice->help)
				fputs("\\:\"", out);
			put_quoted(out, choice->help ?: "", ":\"");
			if (choice->help)
				fputs("\"", out);
		}
		fputs("))", out);
	} else if (option->value == VALUE_FILE) {
		fputs("_files", out);
	} else if (option->value == VALUE_FOLDER) {
		fputs("_files -/", out);
	} else if (option->value == VALUE_PROCESS) {
		fputs("_pids", out);
	}
}

static void put_zsh_option(FILE *out, const struct option *option, const struct option *all)
{
	bool takes = option_takes_value(option);

	fputs("\t\t", out);
	if (option->kind == OPTION_NUMBERS)
		fputs("'*'", out);
	else
		put_zsh_excluded(out, option, all);
	if (option->letter)
		fprintf(out, "{-%c%s,--%s%s}'", option->letter, takes ? "+" : "", option->name,
			takes ? "=" : "");
	else if (option->bare)
		fprintf(out, "--%s=-'", option->name);
	else if (option->kind == OPTION_SWITCH)
		fprintf(out, "{--%s,--no-%s}'", option->name, option->name);
	else
		fprintf(out, "--%s%s'", option->name, takes ? "=" : "");
	fputs("[", out);
	put_quoted(out, option->help, "[]:");
	fputs("]", out);
	if (takes)
		put_zsh_value(out, option);
	fputs("' \\\n", out);
}

static void put_zsh_options(FILE *out, const struct option *options)
{
	for (const struct option *option = options; option && option->name; option++)
		put_zsh_option(out, option, options);
}

void completion_put_zsh(FILE *out, const struct verb *const *table)
{
	fputs("#compdef kymo\n# Written by the build from the option table.\n"
	      "local curcontext=$curcontext state line\n"
	      "typeset -A opt_args\n\n"
	      "_kymo_verbs() {\n\tlocal -a verbs=(\n",
	      out);
	for (const struct verb *const *verb = table; *verb; verb++) {
		fprintf(out, "\t\t'%s:", (*verb)->name);
		put_quoted(out, (*verb)->help, ":");
		fputs("'\n", out);
	}
	fputs("\t)\n\t_describe verb verbs\n}\n\n_arguments -C \\\n", out);
	put_zsh_options(out, options_global);
	fputs("\t\t'1:verb:_kymo_verbs' \\\n\t\t'*::word:->words' && return\n\n"
	      "case $line[1] in\n",
	      out);
	for (const struct verb *const *verb = table; *verb; verb++) {
		fprintf(out, "%s)\n\t_arguments -s -S \\\n", (*verb)->name);
		put_zsh_options(out, (*verb)->options);
		put_zsh_options(out, options_global);
		if ((*verb)->operands == OPERANDS_COMMAND)
			fputs("\t\t'(-)*:: :_normal'\n", out);
		else if ((*verb)->operands == OPERANDS_WORDS)
			fputs("\t\t'1:verb:_kymo_verbs'\n", out);
		else
			fputs("\t\t':'\n", out);
		fputs("\t;;\n", out);
	}
	fputs("esac\n", out);
}
