/* SPDX-License-Identifier: MIT */
#include "report/balance.h"

#include <stdlib.h>
#include <string.h>

#define WAKE_BOUND_NS 20000 /* a wake-up of a sleeping CPU, which the kernel books as running */

uint64_t part_ns(const struct balance_times *times, unsigned part)
{
	if (part == PART_RUNNING)
		return times->running;
	if (part == PART_RUNQ)
		return times->runq;
	return times->blocked[part - PART_BLOCKED];
}

const char *part_words(unsigned part)
{
	if (part == PART_RUNNING)
		return "running";
	if (part == PART_RUNQ)
		return "waiting for a CPU";
	return reason_names[part - PART_BLOCKED].words;
}

const char *part_key(unsigned part)
{
	if (part == PART_RUNNING)
		return "running";
	return part == PART_RUNQ ? "runq" : reason_names[part - PART_BLOCKED].key;
}

struct part_order part_order(const struct balance_times *times)
{
	struct part_order order = { .count = 0 };

	for (unsigned part = 0; part < PART_COUNT; part++) {
		size_t at = order.count;

		if (!part_ns(times, part))
			continue;
		for (; at && part_ns(times, order.parts[at - 1]) < part_ns(times, part); at--)
			order.parts[at] = order.parts[at - 1];
		order.parts[at] = part;
		order.count++;
	}
	return order;
}

static int64_t difference_of(const struct balance_times *times)
{
	return (int64_t)(times->running + times->runq - times->wake_latency - times->kernel_cpu -
			 times->kernel_delay);
}

static uint64_t bound_of(const struct balance_times *times)
{
	return (times->kernel_cpu + times->kernel_delay) * 3 / 100 +
	       (times->voluntary + 1) * WAKE_BOUND_NS;
}

struct balance_checks balance_checks(const struct account *account)
{
	struct balance_checks checks = { .residual_ns = times_residual(&account->totals) };

	vec_each(thread, &account->threads) {
		const struct balance_times *times = &thread->times;
		int64_t difference = difference_of(times);

		checks.threads_with_residual += times_residual(times) != 0;
		if (thread->is_cut)
			continue;
		checks.threads_compared++;
		/* Its last switch is the kernel's alone.  Which kind one is that a signal calls back,
		 * is told in two ways.
		 */
		checks.threads_off_switches += times->voluntary + times->involuntary + 1 !=
					       times->kernel_voluntary + times->kernel_involuntary;
		checks.threads_off_times +=
			(uint64_t)llabs(difference) > bound_of(times) + account->steal_ns;
		checks.kernel_difference_ns += difference;
		checks.kernel_bound_ns += bound_of(times);
	}
	checks.kernel_bound_ns += account->steal_ns;
	return checks;
}

const struct account_thread *balance_main_thread(const struct account *account)
{
	if (account->root == ACCOUNT_NONE)
		return NULL;
	vec_each(thread, &account->threads)
		if (thread->process == account->root &&
		    thread->tid == account->processes.data[account->root].pid)
			return thread;
	return NULL;
}

static const char *advice_for(unsigned part)
{
	switch (part) {
	case PART_RUNNING:
		return "'kymo profile -- COMMAND' names the functions that ran";
	case PART_RUNQ:
		return "there is more to run than CPUs: fewer jobs at once, or more CPUs";
	case PART_BLOCKED + BLOCK_DISK:
	case PART_BLOCKED + BLOCK_FAULT_DISK:
	case PART_BLOCKED + BLOCK_FILE:
		return "'--files' says which files; a second run shows what the page cache saves";
	case PART_BLOCKED + BLOCK_SOCKET:
		return "the peers below are what it waited for, or a process of its own";
	case PART_BLOCKED + BLOCK_LOCK:
		return "'kymo profile --off-cpu -- COMMAND' shows who waits for which lock";
	case PART_BLOCKED + BLOCK_PIPE:
		return "the process at the other end of the pipe is the slow one";
	case PART_BLOCKED + BLOCK_POLL:
	case PART_BLOCKED + BLOCK_EVENT:
		return "it waited for events; 'kymo profile --off-cpu -- COMMAND' shows where";
	case PART_BLOCKED + BLOCK_SLEEP:
		return "it slept on purpose; 'kymo profile --off-cpu -- COMMAND' shows where";
	case PART_BLOCKED + BLOCK_STOPPED:
		return "it was stopped by a signal, or by a debugger";
	default:
		return "'kymo profile --off-cpu -- COMMAND' shows where";
	}
}

struct balance_headline balance_headline(const struct account *account)
{
	struct balance_times rest = account->totals;
	struct balance_headline headline = { .part = PART_RUNNING };
	struct part_order order;

	rest.blocked[BLOCK_CHILD] = 0;
	headline.without_ns = rest.running + rest.runq + times_blocked(&rest);
	order = part_order(&rest);
	if (order.count)
		headline.part = order.parts[0];
	if (headline.without_ns)
		headline.share_pct =
			100.0 * (double)part_ns(&rest, headline.part) / (double)headline.without_ns;
	headline.advice = advice_for(headline.part);
	return headline;
}
