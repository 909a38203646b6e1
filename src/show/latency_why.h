/* SPDX-License-Identifier: MIT */
/* latency_why.h - how slow calls are explained, for a person and for other programs. */
#ifndef SHOW_LATENCY_WHY_H
#define SHOW_LATENCY_WHY_H

#include "model/latency.h"

/** latency_why_text - what they all did, and the slowest one by one.  Return: 0; -ENOMEM */
int latency_why_text(struct latency_target *target, const struct latency_why *why);

/** latency_why_json - one object a call.  Return: 0; -ENOMEM */
int latency_why_json(struct latency_target *target, const struct latency_why *why);

#endif
