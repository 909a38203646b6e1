/* SPDX-License-Identifier: MIT */
/* latency_args.h - the arguments of a call, for a person and for other programs. */
#ifndef SHOW_LATENCY_ARGS_H
#define SHOW_LATENCY_ARGS_H

#include "base/json.h"
#include "model/latency.h"

/** latency_args_text - ` arg1=17 arg2="text"`; nothing where none were asked for */
void latency_args_text(FILE *out, const struct latency_arguments *arguments);

/** latency_args_json - a key of the object of a call; none where none were asked for */
void latency_args_json(struct json *json, const struct latency_arguments *arguments);

/** latency_arg_is_known - whether it could be read, and was not forgotten when too many calls were under way */
bool latency_arg_is_known(const struct latency_argument *argument);

/** latency_arg_is_text - whether its value is a text */
bool latency_arg_is_text(const struct latency_argument *argument);

#endif
