/* SPDX-License-Identifier: MIT */
#include "collect/collector.h"

#include "collect/signal/signal.object.h"

static const char *const columns[] = { "signal",     "result",      "code", "sender_pid",
				       "sender_uid", "sender_comm", NULL };
static const char *const group[] = { "comm", "signal", NULL };

const struct collector collector_signal = {
	.name = "signal",
	.help = "signals: who sent which one to whom, and what became of it",
	.by_default = true,
	.object = &object_signal,
	.columns = columns,
	.group = group,
};
