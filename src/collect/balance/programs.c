/* SPDX-License-Identifier: MIT */
#include "collect/balance/programs.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/skel_internal.h>

#include "base/error.h"
#include "model/account.h"

#include "collect/balance/balance-any.lskel.h"
#include "collect/balance/balance-lean.lskel.h"
#include "collect/balance/balance.lskel.h"
#include "collect/balance/tasks.lskel.h"

#define READ_BYTES 65536 /* the kernel hands out at most half of that at once */

static void destroy_plain(void *skeleton)
{
	collect_balance_balance__destroy(skeleton);
}

static void destroy_lean(void *skeleton)
{
	collect_balance_balance_lean__destroy(skeleton);
}

static void destroy_any(void *skeleton)
{
	collect_balance_balance_any__destroy(skeleton);
}

#define LACK_NETWORK \
	"network bytes by peer: this kernel does not tell of them", 1u << SECTION_NETWORK
#define LACK_TCP "bytes of TCP connections outside of send and receive calls", 1u << SECTION_NETWORK
#define LACK_DISK                                                                  \
	"block devices: this kernel does not tell when a request begins and ends", \
		1u << SECTION_BLOCK
#define LACK_TICKS                                                                      \
	"which system calls use a CPU: the timer's tick is found with CAP_SYSLOG only", \
		1u << SECTION_TICKS
#define LACK_MEMORY "peak memory: this kernel does not tell of its changes", 1u << SECTION_MEMORY

/* The two skeletons only differ in the names of their types. */
#define describe(programs, skel, destroyer, tick)                                                  \
	*(programs) = (struct balance_programs)                                                    \
	{                                                                                          \
		.hooks = {                                                                       \
			{ "sched_switch", (skel)->progs.balance_switch.prog_fd },                \
			{ "sched_waking", (skel)->progs.balance_waking.prog_fd },                \
			{ "sched_wakeup", (skel)->progs.balance_wakeup.prog_fd },                \
			{ "task_newtask", (skel)->progs.balance_born.prog_fd },                  \
			{ "sched_process_exit", (skel)->progs.balance_exit.prog_fd },            \
			{ "rss_stat", (skel)->progs.balance_rss.prog_fd, LACK_MEMORY },               \
			{ "exit_mmap", (skel)->progs.balance_unmap.prog_fd, LACK_MEMORY },            \
			{ "block_io_start", (skel)->progs.balance_io_start.prog_fd, LACK_DISK, \
			  { "block_rq_insert", "block_rq_issue" } },      \
			{ "block_io_done", (skel)->progs.balance_io_done.prog_fd, LACK_DISK, \
			  { "block_rq_complete" } },        \
			{ "sock_send_length", (skel)->progs.balance_send.prog_fd, LACK_NETWORK },     \
			{ "sock_recv_length", (skel)->progs.balance_receive.prog_fd, LACK_NETWORK },  \
			{ "tcp_rcv_space_adjust", (skel)->progs.balance_taken.prog_fd, LACK_TCP },    \
			{ "inet_sock_set_state", (skel)->progs.balance_tcp_state.prog_fd, LACK_TCP }, \
			{ "tcp_retransmit_skb", (skel)->progs.balance_retransmit.prog_fd, LACK_TCP }, \
			{ "hrtimer_expire_entry", tick, LACK_TICKS },\
			/* Last: from here on there are members. */                              \
			{ "sched_process_exec", (skel)->progs.balance_exec.prog_fd },            \
		},                                                                               \
		.records = (skel)->maps.records.map_fd,                                          \
		.cells = (skel)->maps.cells.map_fd,                                              \
		.members = (skel)->maps.members.map_fd,                                          \
		.totals = (skel)->maps.totals.map_fd,                                            \
		.calls = (skel)->maps.calls.map_fd,                                              \
		.spaces = (skel)->maps.spaces.map_fd,                                            \
		.peers = (skel)->maps.peers.map_fd,                                              \
		.sockets = (skel)->maps.sockets.map_fd,                                          \
		.devices = (skel)->maps.devices.map_fd,                                          \
		.stopped_at = (u64 *)&(skel)->bss->stopped_at,                                   \
		.alive = (u64 *)&(skel)->bss->alive, \
		.in_parts = (u64 *)&(skel)->bss->in_parts, \
		.born = (u64 *)&(skel)->bss->born, \
		.born_processes = (u64 *)&(skel)->bss->born_processes,                                       \
		.root_process = (const u64 *)&(skel)->bss->root_process,                         \
		.refused = (const void *)&(skel)->bss->refused,                                  \
		.memory = (void *)&(skel)->bss->memory,                                    \
		.skeleton = (skel),                                                              \
		.destroy = destroyer, \
	}

static int load_plain(const struct balance_options *options, struct balance_programs *programs)
{
	struct collect_balance_balance *skel = collect_balance_balance__open();
	int err;

	if (!skel)
		return -ENOMEM;
	skel->rodata->options = *options;
	err = collect_balance_balance__load(skel);
	if (err)
		collect_balance_balance__destroy(skel);
	else
		describe(programs, skel, destroy_plain, skel->progs.balance_tick.prog_fd);
	return err;
}

static int load_any(const struct balance_options *options, struct balance_programs *programs)
{
	struct collect_balance_balance_any *skel = collect_balance_balance_any__open();
	int err;

	if (!skel)
		return -ENOMEM;
	skel->rodata->options = *options;
	err = collect_balance_balance_any__load(skel);
	if (err)
		collect_balance_balance_any__destroy(skel);
	else
		describe(programs, skel, destroy_any, skel->progs.balance_tick.prog_fd);
	return err;
}

static int load_lean(const struct balance_options *options, struct balance_programs *programs)
{
	struct collect_balance_balance_lean *skel = collect_balance_balance_lean__open();
	int err;

	if (!skel)
		return -ENOMEM;
	skel->rodata->options = *options;
	err = collect_balance_balance_lean__load(skel);
	if (err)
		collect_balance_balance_lean__destroy(skel);
	else
		describe(programs, skel, destroy_lean, -1);
	return err;
}

int programs_load(const struct balance_options *options, struct balance_programs *ret_programs)
{
	int err = options->pid_namespace ? load_any(options, ret_programs)
					 : load_plain(options, ret_programs);

	return err == -EPERM || err == -EACCES ? load_lean(options, ret_programs) : err;
}

static int read_rows(int iterator, struct balance_tasks *tasks)
{
	own(freep) char *bytes = malloc(READ_BYTES);
	size_t each = sizeof(struct balance_task);
	ssize_t len;

	if (!bytes)
		return -ENOMEM;
	for (;;) {
		len = read(iterator, bytes, READ_BYTES);
		if (len < 0 && (errno == EAGAIN || errno == EINTR))
			continue; /* after a million of tasks it wants to be asked again */
		if (len < 0)
			return fail(-errno, "cannot look at all threads: %m");
		if (len == 0)
			return 0;
		for (size_t at = 0; at + each <= (size_t)len; at += each)
			if (vec_push(&tasks->tasks, *(struct balance_task *)(bytes + at)))
				return -ENOMEM;
	}
}

int tasks_open(struct balance_tasks *tasks, const struct balance_options *options)
{
	struct collect_balance_tasks *skel;
	int err;

	if (tasks->skeleton)
		return 0;
	skel = collect_balance_tasks__open();
	if (!skel)
		return -ENOMEM;
	skel->rodata->options = *options;
	err = collect_balance_tasks__load(skel);
	if (err) {
		collect_balance_tasks__destroy(skel);
		return fail(err, "cannot look at all threads: %m");
	}
	tasks->skeleton = skel;
	tasks->link = bpf_link_create(skel->progs.balance_tasks.prog_fd, 0, BPF_TRACE_ITER, NULL);
	return tasks->link < 0 ? fail(tasks->link, "cannot look at all threads: %m") : 0;
}

static int by_address(const void *a, const void *b)
{
	const struct balance_task *one = a, *other = b;

	return one->task < other->task ? -1 : one->task > other->task;
}

int tasks_read(struct balance_tasks *tasks, const struct balance_options *options)
{
	own(fd_closep) int iterator = -1;
	int err = tasks_open(tasks, options);

	if (err)
		return err;
	tasks->tasks.len = 0;
	iterator = bpf_iter_create(tasks->link);
	if (iterator < 0)
		return fail(iterator, "cannot look at all threads: %m");
	err = read_rows(iterator, tasks);
	if (!err && tasks->tasks.len)
		qsort(tasks->tasks.data, tasks->tasks.len, sizeof(struct balance_task), by_address);
	return err;
}

const struct balance_task *tasks_at(const struct balance_tasks *tasks, uint64_t address,
				    uint32_t kernel_tgid)
{
	struct balance_task key = { .task = address }, *found;

	if (!tasks->tasks.len)
		return NULL;
	found = bsearch(&key, tasks->tasks.data, tasks->tasks.len, sizeof(key), by_address);
	return found && found->kernel_tgid == kernel_tgid ? found : NULL;
}

void tasks_done(struct balance_tasks *tasks)
{
	vec_done(&tasks->tasks);
	if (!tasks->skeleton)
		return;
	if (tasks->link > 0)
		close(tasks->link);
	collect_balance_tasks__destroy(tasks->skeleton);
	tasks->skeleton = NULL;
}
