/* SPDX-License-Identifier: MIT */
/* latency_usdt.h - the probe points of a file, as functions of a plan. */
#ifndef SESSION_LATENCY_USDT_H
#define SESSION_LATENCY_USDT_H

#include "session/latency_plan.h"

/** latency_plan_text - a text that the plan owns; NULL: no memory */
const char *latency_plan_text(struct latency_plan *plan, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** latency_plan_push - a site.  Return: 0; -E2BIG with fail() said; -ENOMEM */
nodiscard int latency_plan_push(struct latency_plan *plan, const struct call_site *site,
				uint64_t offset, uint64_t semaphore);

/**
 * latency_plan_add_usdt - "PROVIDER:NAME", both may be globs, or "PROVIDER:BEGIN..END"
 * @file: by number
 *
 * Return: how many matched; -errno with fail() said.
 */
nodiscard int latency_plan_add_usdt(struct latency_plan *plan, uint32_t file, const char *pattern);

#endif
