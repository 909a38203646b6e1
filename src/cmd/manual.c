/* SPDX-License-Identifier: MIT */
#include "cmd/manual.h"

#include <ctype.h>
#include <string.h>

#define LINE_SOFT_MAX 60u

/* Text that roff leaves alone: a backslash, a hyphen that must stay one, a control character in
 * front of a line.
 */
static void put_literal(FILE *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\\')
			fputs("\\e", out);
		else if (text[i] == '-')
			fputs("\\-", out);
		else if (text[i] == '\'')
			fputs("\\(aq", out);
		else
			putc(text[i], out);
	}
}

/* Running text, broken into lines; one that begins with a dot would be taken for a macro. */
static void put_text(FILE *out, const char *text)
{
	size_t column = 0;

	while (*text) {
		size_t len = strcspn(text, " ");

		if (column == 0 && *text == '.')
			fputs("\\&", out);
		put_literal(out, text, len);
		column += len;
		text += len + strspn(text + len, " ");
		if (!*text)
			break;
		putc(column > LINE_SOFT_MAX ? '\n' : ' ', out);
		column = column > LINE_SOFT_MAX ? 0 : column + 1;
	}
}

static void put_bold(FILE *out, const char *text)
{
	fputs("\\fB", out);
	put_text(out, text);
	fputs("\\fR", out);
}

/* Words in capitals stand for what the user puts there: "PID[,PID...]" */
static void put_syntax(FILE *out, const char *text)
{
	while (*text) {
		size_t len = 0;

		while (isupper((unsigned char)text[len]))
			len++;
		if (len > 0) {
			fprintf(out, "\\fI%.*s\\fR", (int)len, text);
			text += len;
		} else {
			put_literal(out, text++, 1);
		}
	}
}

static void put_title(FILE *out, const char *verb, const char *date)
{
	fputs(".\\\" Written by the build from the option table.\n.TH KYMO", out);
	if (verb)
		putc('-', out);
	for (; verb && *verb; verb++)
		putc(toupper((unsigned char)*verb), out);
	fprintf(out, " 1 %s \"kymo " KYMO_VERSION "\" \"User Commands\"\n", date);
}

static void put_tagged(FILE *out, const char *tag, const char *text)
{
	fputs(".TP\n", out);
	put_bold(out, tag);
	putc('\n', out);
	put_text(out, text);
	fputs(".\n", out);
}

static void put_choices(FILE *out, const struct option *option)
{
	if (!option->choices || !option->choices->help)
		return;
	fputs(".RS\n", out);
	for (const struct choice *choice = option->choices; choice->name; choice++)
		put_tagged(out, choice->name, choice->help);
	fputs(".RE\n", out);
}

static void put_option(FILE *out, const struct option *option)
{
	char text[300];

	fputs(".TP\n", out);
	if (option->letter) {
		snprintf(text, sizeof(text), "-%c", option->letter);
		put_bold(out, text);
		fputs(", ", out);
	}
	snprintf(text, sizeof(text), "--%s", option->name);
	put_bold(out, text);
	if (option->kind == OPTION_SWITCH) {
		snprintf(text, sizeof(text), "--no-%s", option->name);
		fputs(", ", out);
		put_bold(out, text);
	}
	if (option->argument) {
		fputs(option->bare ? "[=" : " ", out);
		put_syntax(out, option->argument);
		if (option->bare)
			putc(']', out);
	}
	putc('\n', out);
	put_text(out, option->help);
	option_detail(option, text, sizeof(text));
	if (*text) {
		fputs("\n(", out);
		put_text(out, text);
		putc(')', out);
	}
	fputs(".\n", out);
	put_choices(out, option);
}

static void put_options(FILE *out, const struct option *option)
{
	const char *group = NULL;

	for (; option && option->name; option++) {
		if (!group || strcmp(group, option->group) != 0)
			fprintf(out, ".SS %s\n", option->group);
		group = option->group;
		put_option(out, option);
	}
}

/* Spellings that are understood for the sake of other tools. */
static void put_spellings(FILE *out, const struct option *options)
{
	bool any = false;
	char other[80], own[80];

	for (const struct option *option = options; option && option->name; option++) {
		const char *spelling = option->word ?: option->alias;

		if (!spelling)
			continue;
		if (!any)
			fputs(".SS Other spellings\nUnderstood for the sake of older tools:\n",
			      out);
		any = true;
		snprintf(other, sizeof(other), "%s%s", option->word ? "-" : "--", spelling);
		snprintf(own, sizeof(own), "the same as --%s", option->name);
		put_tagged(out, other, own);
	}
}

static void put_exits(FILE *out, bool has_command)
{
	fputs(".SH EXIT STATUS\n", out);
	for (const struct exit_meaning *exit = exit_meanings; exit->status; exit++)
		if (has_command || !exit->command_only)
			put_tagged(out, exit->status, exit->help);
}

static void put_examples(FILE *out, const struct example *example)
{
	if (!example->command)
		return;
	fputs(".SH EXAMPLES\n", out);
	for (; example->command; example++)
		put_tagged(out, example->command, example->help);
}

void manual_put_verb(FILE *out, const struct verb *verb, const char *date)
{
	put_title(out, verb->name, date);
	fprintf(out, ".SH NAME\nkymo\\-%s \\- ", verb->name);
	put_text(out, verb->help);
	fprintf(out, "\n.SH SYNOPSIS\n.B kymo %s\n", verb->name);
	put_syntax(out, verb->synopsis);
	fputs("\n.SH DESCRIPTION\n", out);
	for (const char *const *text = verb->about; *text; text++) {
		put_text(out, *text);
		fputs(text[1] ? "\n.PP\n" : "\n", out);
	}
	fputs(".SH OPTIONS\n", out);
	put_options(out, verb->options);
	put_options(out, options_global);
	put_spellings(out, verb->options);
	put_exits(out, verb->operands == OPERANDS_COMMAND);
	put_examples(out, verb->examples);
	fputs(".SH SEE ALSO\n.BR kymo (1)\n", out);
}

void manual_put_program(FILE *out, const struct verb *const *table, const char *date)
{
	put_title(out, NULL, date);
	fputs(".SH NAME\nkymo \\- shows where the time of a Linux machine goes\n"
	      ".SH SYNOPSIS\n.B kymo\n[\\fB\\-\\-color\\fR \\fIWHEN\\fR] \\fIVERB\\fR "
	      "[\\fIOPTION\\fR...]\n.SH DESCRIPTION\n",
	      out);
	put_text(out, "What could not be measured, and everything that was lost on the way, is "
		      "said beside the result; nothing is estimated or made up.");
	fputs("\n.SS Verbs\n", out);
	for (const struct verb *const *verb = table; *verb; verb++)
		put_tagged(out, (*verb)->name, (*verb)->help);
	fputs(".SH OPTIONS\n", out);
	put_options(out, options_global);
	put_exits(out, true);
	fputs(".SH ENVIRONMENT\n", out);
	put_tagged(out, "NO_COLOR", "set to anything: no colours, unless --color says otherwise");
	put_tagged(out, "COLUMNS", "the width to write for where the output is no terminal");
	fputs(".SH SEE ALSO\n", out);
	for (; *table; table++)
		fprintf(out, ".BR kymo\\-%s (1)%s\n", (*table)->name, table[1] ? "," : "");
}
