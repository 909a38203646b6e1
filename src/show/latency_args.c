/* SPDX-License-Identifier: MIT */
#include "show/latency_args.h"

#include "base/text.h"

bool latency_arg_is_text(const struct latency_argument *argument)
{
	return argument->kind == CALL_ARG_STR || argument->kind == CALL_ARG_GOSTR;
}

bool latency_arg_is_known(const struct latency_argument *argument)
{
	return argument->state == CALL_ARG_WHOLE || argument->state == CALL_ARG_CUT;
}

void latency_args_text(FILE *out, const struct latency_arguments *arguments)
{
	for (size_t i = 0; arguments && i < arguments->count; i++) {
		const struct latency_argument *one = &arguments->list[i];

		fprintf(out, " arg%u=", one->number);
		if (!latency_arg_is_known(one)) {
			fputs(one->state == CALL_ARG_FORGOTTEN ? "(forgotten)" : "?", out);
		} else if (latency_arg_is_text(one)) {
			putc('"', out);
			text_put_plain(out, one->text);
			fputs(one->state == CALL_ARG_CUT ? "\"..." : "\"", out);
		} else {
			fprintf(out, "%ld", (long)one->value);
		}
	}
}

static void put_value(struct json *json, const struct latency_argument *argument)
{
	if (!latency_arg_is_known(argument))
		json_null(json, "value");
	else if (latency_arg_is_text(argument))
		json_text(json, "value", argument->text);
	else
		json_i64(json, "value", (int64_t)argument->value);
}

void latency_args_json(struct json *json, const struct latency_arguments *arguments)
{
	if (!arguments)
		return;
	json_array(json, "args");
	for (size_t i = 0; i < arguments->count; i++) {
		const struct latency_argument *one = &arguments->list[i];

		json_object(json, NULL);
		json_u64(json, "arg", one->number);
		put_value(json, one);
		json_bool(json, "cut", one->state == CALL_ARG_CUT);
		if (!latency_arg_is_known(one))
			json_text(json, "lacks",
				  one->state == CALL_ARG_FORGOTTEN ? "forgotten" : "unreadable");
		json_object_end(json);
	}
	json_array_end(json);
}
