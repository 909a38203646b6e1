/* SPDX-License-Identifier: MIT */
#include "cmd/help.h"

#include <string.h>
#include <sys/ioctl.h>

#include "base/error.h"
#include "base/number.h"
#include "cmd/arguments.h"

#define WIDTH_DEFAULT 80u
#define WIDTH_MIN     60u
#define WIDTH_MAX     100u
#define OPTION_COLUMN 28u
#define CHOICE_COLUMN 10u

/* Text that flows: each line begins at `indent` and ends before `width`. */
struct flow {
	FILE *out;
	unsigned width;
	unsigned indent;
	unsigned column; /* where the next character goes */
};

static void flow_indent(struct flow *flow)
{
	if (flow->column < flow->indent)
		fprintf(flow->out, "%*s", (int)(flow->indent - flow->column), "");
	flow->column = flow->indent > flow->column ? flow->indent : flow->column;
}

static void flow_line(struct flow *flow)
{
	putc('\n', flow->out);
	flow->column = 0;
}

/* Writes words, breaking lines between them. */
static void flow_text(struct flow *flow, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, " ");

		if (flow->column > flow->indent && flow->column + 1 + len > flow->width)
			flow_line(flow);
		if (flow->column > flow->indent) {
			putc(' ', flow->out);
			flow->column++;
		}
		flow_indent(flow);
		fwrite(text, 1, len, flow->out);
		flow->column += (unsigned)len;
		text += len;
		text += strspn(text, " ");
	}
}

/* A term at `indent`, its explanation in the column `at`. */
static void put_pair(FILE *out, unsigned width, unsigned indent, unsigned at, const char *term,
		     const char *text)
{
	struct flow flow = { out, width, at, 0 };

	fprintf(out, "%*s%s", (int)indent, "", term);
	flow.column = indent + (unsigned)strlen(term);
	if (flow.column + 2 > at)
		flow_line(&flow);
	flow_indent(&flow);
	flow_text(&flow, text);
	flow_line(&flow);
}

static void put_paragraph(FILE *out, unsigned width, const char *text)
{
	struct flow flow = { out, width, 0, 0 };

	flow_text(&flow, text);
	flow_line(&flow);
	flow_line(&flow);
}

static void put_option(FILE *out, unsigned width, const struct option *option)
{
	char term[80], detail[300], text[700];
	int len = 0;

	if (option->letter)
		len = snprintf(term, sizeof(term), "-%c, ", option->letter);
	else
		len = snprintf(term, sizeof(term), "    ");
	snprintf(term + len, sizeof(term) - (size_t)len, "--%s%s%s%s%s",
		 option->kind == OPTION_SWITCH ? "[no-]" : "", option->name,
		 option->bare       ? "[="
		 : option->argument ? " "
				    : "",
		 option->argument ?: "", option->bare ? "]" : "");
	option_detail(option, detail, sizeof(detail));
	snprintf(text, sizeof(text), *detail ? "%s (%s)" : "%s", option->help, detail);
	put_pair(out, width, 2, OPTION_COLUMN, term, text);
	if (!option->choices || !option->choices->help)
		return;
	for (const struct choice *choice = option->choices; choice->name; choice++)
		put_pair(out, width, CHOICE_COLUMN, OPTION_COLUMN, choice->name, choice->help);
}

static void put_options(FILE *out, unsigned width, const struct option *option)
{
	const char *group = NULL;

	for (; option && option->name; option++) {
		if (!group || strcmp(group, option->group) != 0)
			fprintf(out, "%s:\n", option->group);
		group = option->group;
		put_option(out, width, option);
		if (!option[1].name || strcmp(group, option[1].group) != 0)
			putc('\n', out);
	}
}

static void put_exits(FILE *out, unsigned width, bool has_command)
{
	fputs("Exit status:\n", out);
	for (const struct exit_meaning *exit = exit_meanings; exit->status; exit++)
		if (has_command || !exit->command_only)
			put_pair(out, width, 2, 10, exit->status, exit->help);
}

void help_put_verb(FILE *out, const struct verb *verb, unsigned width)
{
	fprintf(out, "usage: kymo %s %s\n\n", verb->name, verb->synopsis);
	for (const char *const *text = verb->about; *text; text++)
		put_paragraph(out, width, *text);
	put_options(out, width, verb->options);
	put_options(out, width, options_global);
	if (verb->examples->command) {
		fputs("Examples:\n", out);
		for (const struct example *example = verb->examples; example->command; example++) {
			fprintf(out, "  %s\n", example->command);
			put_pair(out, width, 2, 6, "", example->help);
		}
		putc('\n', out);
	}
	put_exits(out, width, verb->operands == OPERANDS_COMMAND);
}

void help_put_program(FILE *out, const struct verb *const *table, unsigned width)
{
	fputs("usage: kymo [--color WHEN] VERB [OPTION...]\n\n", out);
	put_paragraph(out, width, "Shows where the time of a Linux machine goes.");
	fputs("Verbs:\n", out);
	for (; *table; table++)
		put_pair(out, width, 2, 14, (*table)->name, (*table)->help);
	putc('\n', out);
	put_options(out, width, options_global);
	put_exits(out, width, false);
	fputs("\n'kymo VERB --help' shows the options of a verb, 'man kymo' the whole manual.\n",
	      out);
}

unsigned help_width(FILE *out)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size = { 0 };
	uint64_t width = WIDTH_DEFAULT;

	if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col)
		width = size.ws_col;
	else if (!columns || number_parse(columns, 1, UINT64_MAX, &width) != 0)
		width = WIDTH_DEFAULT;
	return (unsigned)(width < WIDTH_MIN ? WIDTH_MIN : width > WIDTH_MAX ? WIDTH_MAX : width);
}

int help_run(const struct arguments *arguments)
{
	const struct verb *verb;
	const char *name, *near;
	int err;

	if (!arguments->operands.len) {
		help_put_program(stdout, verbs, help_width(stdout));
		return 0;
	}
	name = arguments->operands.data[0];
	verb = verb_find(verbs, name);
	if (verb) {
		help_put_verb(stdout, verb, help_width(stdout));
		return 0;
	}
	err = fail(-ERROR_USAGE, "unknown verb '%s'", name);
	near = verb_nearest(verbs, name);
	if (near)
		hint("did you mean 'kymo help %s'?", near);
	else
		hint("'kymo --help' lists the verbs");
	return err;
}
