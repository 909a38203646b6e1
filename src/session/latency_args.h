/* SPDX-License-Identifier: MIT */
/* latency_args.h - the arguments that are wanted of each call, as words in registers. */
#ifndef SESSION_LATENCY_ARGS_H
#define SESSION_LATENCY_ARGS_H

#include "session/latency_plan.h"

/**
 * latency_plan_check_args - whether a function can have them where they are looked for
 *
 * Return: 0; -ENOTSUP with fail() and hint() said.
 */
nodiscard int latency_plan_check_args(const struct latency_plan *plan, const char *name,
				      bool is_go);

#endif
