/* SPDX-License-Identifier: MIT */
#include "session/processes.h"

#include <errno.h>

#include "base/clock.h"
#include "collect/alive.h"
#include "session/known_process.h"

#define KEEP_ENDED_NS NS_PER_S /* samples of an ended process may still be on their way */

int processes_new(struct profile *profile, struct files *files, bool follow_all,
		  const char *no_frames, struct processes **ret_processes)
{
	struct processes *processes = calloc(1, sizeof(*processes));

	if (!processes)
		return -ENOMEM;
	processes->profile = profile;
	processes->files = files;
	processes->follow_all = follow_all;
	processes->no_frames = no_frames;
	*ret_processes = processes;
	return 0;
}

void processes_free(struct processes *processes)
{
	if (!processes)
		return;
	vec_each(known, &processes->known)
		mappings_clear(&known->mappings);
	vec_done(&processes->known);
	index_done(&processes->by_pid);
	free(processes);
}

int processes_expect(struct processes *processes, uint32_t pid)
{
	struct known_process *known = known_find(processes, pid);
	int err = known ? 0 : known_begin(processes, pid, 0, clock_mono_ns(), &known);

	return err ?: known_need_mappings(processes, known);
}

static int fork_event(struct processes *processes, const struct process_event *event)
{
	struct known_process *parent = known_find(processes, event->parent), *child;
	int err;

	if (event->pid == event->parent) /* a thread */
		return 0;
	if (!parent && !processes->follow_all && !known_find(processes, event->pid))
		return 0;
	if (!parent && processes->follow_all && event->parent) {
		err = known_begin(processes, event->parent, 0, event->at_mono_ns, &parent);
		if (err)
			return err;
	}
	err = known_begin(processes, event->pid, event->parent, event->at_mono_ns, &child);
	parent = known_find(processes, event->parent); /* the array may have moved */
	if (err || !parent)
		return err;
	child->parent_life = parent->life;
	if (parent->state != MAPPINGS_KNOWN)
		return 0;
	mappings_copy(&child->mappings, &parent->mappings);
	child->state = MAPPINGS_KNOWN;
	child->name = parent->name;
	return 0;
}

static int exec_event(struct processes *processes, const struct process_event *event,
		      const char *comm)
{
	struct known_process *known = known_find(processes, event->pid);
	int err;

	if (!known && !processes->follow_all)
		return 0;
	err = known_begin(processes, event->pid, 0, event->at_mono_ns, &known);
	if (err)
		return err;
	known->state = MAPPINGS_KNOWN; /* nothing yet: the events that follow tell all */
	return profile_add_text(processes->profile, comm, &known->name);
}

static int map_event(struct processes *processes, const struct process_event *event,
		     const char *path)
{
	struct known_process *known = known_find(processes, event->pid);
	struct mapping mapping = {
		.start = event->start,
		.end = event->end,
		.file_offset = event->file_offset,
		.device = event->device,
		.inode = event->inode,
		.kind = mapping_kind_of(path),
		.executable = true,
		.writable = event->writable,
	};
	int err;

	if (!known || known->state != MAPPINGS_KNOWN)
		return 0; /* read from /proc when it is sampled */
	err = profile_add_text(processes->profile, path, &mapping.path);
	if (err)
		return err;
	known->version = ++processes->versions;
	known_forget_tables(processes, known);
	err = known_see_jitdump(processes, known, &mapping);
	if (!err && mapping.end > mapping.start)
		err = mappings_insert(&known->mappings, &mapping);
	return err == -E2BIG ? 0
			     : err; /* more than a kernel allows: what lies there stays unknown */
}

static void exit_event(struct processes *processes, const struct process_event *event)
{
	struct known_process *known = known_find(processes, event->pid);

	if (!known)
		return;
	known->leader_ended |= event->tid == event->pid;
	if (known->leader_ended)
		known->ended_mono_ns = event->at_mono_ns;
}

int processes_apply(struct processes *processes, const struct process_event *event,
		    const char *text)
{
	if (!event->pid || event->pid == UINT32_MAX) /* outside this PID namespace, or gone */
		return 0;
	switch (event->kind) {
	case PROCESS_FORK:
		return fork_event(processes, event);
	case PROCESS_EXEC:
		return exec_event(processes, event, text);
	case PROCESS_MAP:
		return map_event(processes, event, text);
	case PROCESS_EXIT:
		exit_event(processes, event);
		return 0;
	case PROCESS_COMM:
		return 0; /* a sample carries the name that held */
	}
	return 0;
}

void processes_refresh(struct processes *processes)
{
	vec_each(known, &processes->known)
		if (!known->ended_mono_ns) {
			known->state = MAPPINGS_UNREAD;
			known->parent = 0; /* an exec may be among what was lost */
			known_forget_tables(processes, known);
		}
}

void processes_sweep(struct processes *processes, uint64_t now_mono_ns)
{
	vec_each(known, &processes->known) {
		if (!known->ended_mono_ns || !known->mappings.table ||
		    known->ended_mono_ns + KEEP_ENDED_NS > now_mono_ns)
			continue;
		if (alive_process(known->pid) == 1) { /* other threads went on */
			known->ended_mono_ns = 0;
			continue;
		}
		mappings_clear(&known->mappings);
		known->version = ++processes->versions;
		known_forget_tables(processes, known);
	}
}

void processes_unwind(struct processes *processes, struct unwinder *unwinder)
{
	processes->unwinder = unwinder;
}

uint64_t processes_ended(const struct processes *processes)
{
	return processes->ended;
}

uint64_t processes_denied(const struct processes *processes)
{
	return processes->denied;
}
