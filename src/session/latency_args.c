/* SPDX-License-Identifier: MIT */
#include "session/latency_args.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static const char *const kinds[] = {
	[CALL_ARG_INT] = "int",
	[CALL_ARG_INT32] = "int32",
	[CALL_ARG_STR] = "str",
	[CALL_ARG_GOSTR] = "gostr",
};

static unsigned words_of(const struct call_arg *arg)
{
	return arg->kind == CALL_ARG_GOSTR ? 2 : 1;
}

/* Return: whether it is an argument. */
static bool read_arg(const char *text, struct call_arg *arg)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);
	const char *kind = *end == ':' ? end + 1 : kinds[CALL_ARG_INT];

	if (*text < '0' || *text > '9' || (*end && *end != ':'))
		return false;
	for (size_t i = 0; i < array_len(kinds); i++) {
		*arg = (struct call_arg){ .word = (uint8_t)(number - 1), .kind = (uint8_t)i };
		if (strcmp(kinds[i], kind) == 0)
			return number && number + words_of(arg) - 1 <= CALL_ARG_WORDS;
	}
	return false;
}

int latency_plan_arg(struct latency_plan *plan, const char *text)
{
	struct call_arg arg;
	int err;

	if (!read_arg(text, &arg)) {
		err = fail(-ERROR_USAGE, "'%s' is no argument of a function", text);
		hint("write N:int, N:int32, N:str or N:gostr, with N from 1 to %d, as in "
		     "'--arg 1:str'",
		     CALL_ARG_WORDS);
		return err;
	}
	if (plan->arg_count == CALL_ARGS_MAX)
		return fail(-ERROR_USAGE, "at most %d arguments are told of a call", CALL_ARGS_MAX);
	plan->args[plan->arg_count++] = arg;
	return 0;
}

int latency_plan_check_args(const struct latency_plan *plan, const char *name, bool is_go)
{
	for (size_t i = 0; !is_go && i < plan->arg_count; i++) {
		const struct call_arg *arg = &plan->args[i];
		int err;

		if (arg->word + words_of(arg) <= CALL_ARG_WORDS_C)
			continue;
		err = fail(-ENOTSUP, "argument %u of '%s' is in no register", arg->word + 1, name);
		hint("only Go has more than %d words of arguments in registers", CALL_ARG_WORDS_C);
		return err;
	}
	return 0;
}
