/* SPDX-License-Identifier: MIT */
/* signal.wire.h - who sent a signal to whom. */
#ifndef COLLECT_SIGNAL_WIRE_H
#define COLLECT_SIGNAL_WIRE_H

#include "probe/event.wire.h"

/* TRACE_SIGNAL_... of the kernel. */
enum signal_result {
	SIGNAL_RESULT_DELIVERED,
	SIGNAL_RESULT_IGNORED,
	SIGNAL_RESULT_ALREADY_PENDING,
	SIGNAL_RESULT_QUEUE_FULL,
	SIGNAL_RESULT_INFO_LOST,
	SIGNAL_RESULT_COUNT
};

struct signal_sent {
	struct event event; /* of whom it was sent to */
	id_signal signal HELP("number of the signal");
	enum signal_result result HELP("what became of it");
	s32 code HELP("si_code: 0 kill(), -6 to a thread, 128 the kernel, others see sigaction(2)");
	bool to_thread HELP("to this thread only, not to the process");
	id_pid sender_pid HELP("process that sent it; null: the kernel, as timers and faults do");
	id_tid sender_tid HELP("its thread");
	id_uid sender_uid HELP("its user");
	char sender_comm[EVENT_COMM] HELP("name of that thread");
};

struct signal_totals_key {
	id_signal signal HELP("number of the signal");
	enum signal_result result HELP("what became of it");
};

struct signal_total {
	unit_count count HELP("signals, also those that are not shown one by one");
};

#endif
