/* SPDX-License-Identifier: MIT */
#include "session/known_process.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "collect/alive.h"
#include "resolve/maps.h"

#define MAPS_MAX_BYTES (64u << 20) /* 65,530 mappings of 1,000 bytes: vm.max_map_count's default */
#define PAUSE_MIN_NS   (50 * NS_PER_MS)
#define PAUSE_MAX_NS   (3200 * NS_PER_MS)

static bool pid_same(const void *owner, uint32_t entry, const void *key)
{
	return ((const struct processes *)owner)->known.data[entry].pid == *(const uint32_t *)key;
}

struct known_process *known_find(struct processes *processes, uint32_t pid)
{
	uint32_t entry =
		index_find(&processes->by_pid, hash_mix(1, pid), pid_same, processes, &pid);

	return entry == INDEX_NONE ? NULL : &processes->known.data[entry];
}

void known_forget_tables(const struct processes *processes, struct known_process *known)
{
	if (known->kernel_pid)
		unwinder_forget(processes->unwinder, known->kernel_pid);
	known->kernel_pid = 0;
}

int known_begin(struct processes *processes, uint32_t pid, uint32_t parent, uint64_t at_mono_ns,
		struct known_process **ret_known)
{
	struct known_process *known = known_find(processes, pid);
	int err = 0;

	if (known) {
		mappings_clear(&known->mappings);
		known_forget_tables(processes, known);
	} else {
		err = vec_reserve(&processes->known, 1);
		err = err
			      ?: index_add(&processes->by_pid, hash_mix(1, pid),
					   (uint32_t)processes->known.len);
		if (err)
			return err;
		known = &processes->known.data[processes->known.len++];
	}
	*known = (struct known_process){ .pid = pid,
					 .parent = parent,
					 .life = ++processes->lives,
					 .process = PROCESS_NONE,
					 .started_mono_ns = at_mono_ns,
					 .version = ++processes->versions };
	*ret_known = known;
	return 0;
}

int known_need_number(struct processes *processes, struct known_process *known)
{
	struct process process = { known->pid, known->name, known->started_mono_ns };

	if (known->process != PROCESS_NONE)
		return 0;
	return profile_add_process(processes->profile, &process, &known->process);
}

/* What a process maps now, into empty mappings. */
static int read_fresh(struct processes *processes, uint32_t pid, struct mappings *mappings)
{
	own(fd_closep) int fd = open_maps(pid);
	own(freep) char *text = NULL;
	size_t len;
	int err = fd < 0 ? fd : file_read_all(fd, MAPS_MAX_BYTES, &text, &len);

	if (!err && len == 0 && alive_process(pid) != 1) /* only kernel threads map nothing */
		err = -ESRCH;
	return err ?: mappings_parse(mappings, text, len, true, &processes->profile->text, NULL);
}

static void set_mappings(struct processes *processes, struct known_process *known,
			 const struct mappings *mappings)
{
	mappings_clear(&known->mappings);
	known->mappings = *mappings;
	known->version = ++processes->versions;
}

static int read_maps(struct processes *processes, struct known_process *known, uint32_t pid)
{
	struct mappings fresh = { 0 };
	int err = read_fresh(processes, pid, &fresh);

	if (err && !fresh.len)
		return err;
	set_mappings(processes, known, &fresh);
	return err;
}

struct open_mapped known_mapped_at(const struct processes *processes,
				   const struct known_process *known, const struct mapping *mapping)
{
	return (struct open_mapped){
		.pid = known->pid,
		.start = mapping->start,
		.end = mapping->end,
		.path = profile_text(processes->profile, mapping->path),
		.inode = mapping->inode,
	};
}

/* "jit-1234.dump": a JIT compiler maps it executable for no other reason than to be seen here. */
static bool is_jitdump(const char *path)
{
	const char *name = strrchr(path, '/');
	unsigned pid;
	int end = 0;

	return name && sscanf(name, "/jit-%u.dump%n", &pid, &end) == 1 && end && !name[end];
}

int known_see_jitdump(struct processes *processes, struct known_process *known,
		      const struct mapping *mapping)
{
	struct open_mapped dump = known_mapped_at(processes, known, mapping);
	int err;

	if (known->has_jitdump || !is_jitdump(dump.path))
		return 0;
	known->has_jitdump = true;
	err = known_need_number(processes, known);
	return err ?: files_see_jitdump(processes->files, known->process, &dump);
}

/* Those mapped before we came. */
static int see_jitdumps(struct processes *processes, struct known_process *known)
{
	const struct mapping *at = mappings_next(&known->mappings, 0);
	int err = 0;

	for (; !err && at; at = mappings_next(&known->mappings, at->end))
		err = known_see_jitdump(processes, known, at);
	return err;
}

/* A process that has executed nothing since its fork maps what its parent maps, if that has executed
 * nothing either.  Its own maps may be those of the program that it has begun by now.
 */
static int read_parent(struct processes *processes, struct known_process *known)
{
	const struct known_process *parent = known_find(processes, known->parent);

	if (!known->parent || !parent || parent->life != known->parent_life)
		return -ESRCH;
	if (parent->state != MAPPINGS_KNOWN)
		return read_maps(processes, known, parent->pid);
	mappings_clear(&known->mappings);
	mappings_copy(&known->mappings, &parent->mappings);
	known->version = ++processes->versions;
	return 0;
}

int known_need_mappings(struct processes *processes, struct known_process *known)
{
	int err;

	if (known->state != MAPPINGS_UNREAD)
		return 0;
	err = read_parent(processes, known);
	if (err && err != -ENOMEM && err != -E2BIG)
		err = read_maps(processes, known, known->pid);
	if (err == -ENOMEM || err == -E2BIG)
		return err;
	known->state = err ? MAPPINGS_MISSING : MAPPINGS_KNOWN;
	if (err == -EACCES || err == -EPERM)
		processes->denied++;
	else
		processes->ended += err != 0;
	return see_jitdumps(processes, known);
}

int known_look_again(struct processes *processes, struct known_process *known, uint64_t code_bytes,
		     uint64_t address, bool *ret_changed)
{
	uint64_t now = clock_mono_ns();
	struct mappings fresh = { 0 };
	bool is_right;
	int err;

	*ret_changed = false;
	if (known->ended_mono_ns || now < known->look_mono_ns)
		return 0;
	err = read_fresh(processes, known->pid, &fresh);
	is_right = !err &&
		   ((code_bytes && mappings_code_bytes(&fresh) == code_bytes) ||
		    (!mappings_find(&known->mappings, address) && mappings_find(&fresh, address)));
	known->pause_ns = is_right ? PAUSE_MIN_NS : 2 * known->pause_ns;
	known->pause_ns = known->pause_ns < PAUSE_MIN_NS   ? PAUSE_MIN_NS
			  : known->pause_ns > PAUSE_MAX_NS ? PAUSE_MAX_NS
							   : known->pause_ns;
	known->look_mono_ns = now + known->pause_ns;
	if (!is_right) {
		mappings_clear(&fresh);
		return err == -ENOMEM ? err : 0;
	}
	set_mappings(processes, known, &fresh);
	known_forget_tables(processes, known);
	*ret_changed = true;
	return 0;
}

int known_look_for(struct processes *processes, struct known_process *known, uint64_t address,
		   bool *ret_changed)
{
	*ret_changed = false;
	if (!processes->unwinder || mappings_find(&known->mappings, address))
		return 0;
	return known_look_again(processes, known, 0, address, ret_changed);
}
