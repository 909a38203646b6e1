/* SPDX-License-Identifier: MIT */
#include "session/processes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "collect/alive.h"
#include "probe/reason.wire.h"
#include "probe/stack.wire.h"
#include "resolve/maps.h"

#define MAPS_MAX_BYTES (64u << 20) /* 65,530 mappings of 1,000 bytes: vm.max_map_count's default */
#define KEEP_ENDED_NS  NS_PER_S    /* samples of an ended process may still be on their way */
#define PAUSE_MIN_NS   (50 * NS_PER_MS)
#define PAUSE_MAX_NS   (3200 * NS_PER_MS)
#define CACHE_SLOTS    4096u /* a power of two */
#define PROCESS_NONE   UINT32_MAX

enum mappings_state {
	MAPPINGS_UNREAD,  /* to be read from /proc when needed */
	MAPPINGS_KNOWN,   /* all executable mappings, kept current by events */
	MAPPINGS_MISSING, /* could not be read: the process had ended */
};

struct known_process {
	uint32_t pid, parent; /* 0: not known, or it has executed something since */
	uint32_t life;        /* unique among all: a PID, from one fork or exec to the next */
	uint32_t parent_life; /* at the fork */
	uint32_t process;     /* number in the profile, PROCESS_NONE until it is sampled */
	uint32_t name;        /* string: comm at its last exec; 0: not known */
	uint64_t started_mono_ns;
	struct mappings mappings;
	enum mappings_state state;
	uint32_t version;          /* of the mappings, unique among all: guards the cache */
	uint64_t ended_mono_ns;    /* 0: lives, as far as we know */
	bool leader_ended;         /* other threads may go on */
	bool has_jit, has_jitdump; /* files_ knows */
	uint32_t kernel_pid;       /* that its unwind tables are told by; 0: none are */
	uint64_t told_mono_ns;     /* when they were in the kernel, */
	uint64_t told[2];          /* for this exec_id and exec_vm */
	uint64_t look_mono_ns;     /* not before that are its mappings read once more */
	uint64_t pause_ns;         /* up to the next time, if it is in vain again */
};

/* What an address of one state of one process's mappings is in the profile. */
struct cached_frame {
	uint64_t address;
	uint32_t version; /* 0: empty */
	uint32_t frame;
	bool is_return_address;
};

struct processes {
	struct profile *profile;
	struct files *files;
	vec(struct known_process) known;
	struct index by_pid; /* hash of pid -> known; only the latest of a pid is there */
	struct cached_frame cache[CACHE_SLOTS];
	uint32_t versions, lives;
	uint64_t ended, denied;    /* whose mappings could not be read */
	struct unwinder *unwinder; /* NULL: samples come with frames only */
	bool follow_all;
	const char *no_frames;
};

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

static bool pid_same(const void *owner, uint32_t entry, const void *key)
{
	return ((const struct processes *)owner)->known.data[entry].pid == *(const uint32_t *)key;
}

static struct known_process *find(struct processes *processes, uint32_t pid)
{
	uint32_t entry =
		index_find(&processes->by_pid, hash_mix(1, pid), pid_same, processes, &pid);

	return entry == INDEX_NONE ? NULL : &processes->known.data[entry];
}

/* What the kernel side knows of a process' code is no longer so.  It notices by itself when the amount
 * of mapped code changes, but not when one library takes the place of another of its size.
 */
static void forget_tables(const struct processes *processes, struct known_process *known)
{
	if (known->kernel_pid)
		unwinder_forget(processes->unwinder, known->kernel_pid);
	known->kernel_pid = 0;
}

/* Enters a process, or begins a new one in the place of an earlier process with its PID. */
static int begin(struct processes *processes, uint32_t pid, uint32_t parent, uint64_t at_mono_ns,
		 struct known_process **ret_known)
{
	struct known_process *known = find(processes, pid);
	int err = 0;

	if (known) {
		mappings_clear(&known->mappings);
		forget_tables(processes, known);
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

/* Gives a process its number in the profile. */
static int need_process(struct processes *processes, struct known_process *known)
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

static struct open_mapped mapped_at(const struct processes *processes,
				    const struct known_process *known,
				    const struct mapping *mapping)
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

static int see_jitdump(struct processes *processes, struct known_process *known,
		       const struct mapping *mapping)
{
	struct open_mapped dump = mapped_at(processes, known, mapping);
	int err;

	if (known->has_jitdump || !is_jitdump(dump.path))
		return 0;
	known->has_jitdump = true;
	err = need_process(processes, known);
	return err ?: files_see_jitdump(processes->files, known->process, &dump);
}

/* Those mapped before we came. */
static int see_jitdumps(struct processes *processes, struct known_process *known)
{
	const struct mapping *at = mappings_next(&known->mappings, 0);
	int err = 0;

	for (; !err && at; at = mappings_next(&known->mappings, at->end))
		err = see_jitdump(processes, known, at);
	return err;
}

/* A process that has executed nothing since its fork maps what its parent maps, if that has executed
 * nothing either.  Its own maps may be those of the program that it has begun by now.
 */
static int read_parent(struct processes *processes, struct known_process *known)
{
	const struct known_process *parent = find(processes, known->parent);

	if (!known->parent || !parent || parent->life != known->parent_life)
		return -ESRCH;
	if (parent->state != MAPPINGS_KNOWN)
		return read_maps(processes, known, parent->pid);
	mappings_clear(&known->mappings);
	mappings_copy(&known->mappings, &parent->mappings);
	known->version = ++processes->versions;
	return 0;
}

static int need_mappings(struct processes *processes, struct known_process *known)
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

int processes_expect(struct processes *processes, uint32_t pid)
{
	struct known_process *known = find(processes, pid);
	int err = known ? 0 : begin(processes, pid, 0, clock_mono_ns(), &known);

	return err ?: need_mappings(processes, known);
}

static int fork_event(struct processes *processes, const struct process_event *event)
{
	struct known_process *parent = find(processes, event->parent), *child;
	int err;

	if (event->pid == event->parent) /* a thread */
		return 0;
	if (!parent && !processes->follow_all && !find(processes, event->pid))
		return 0;
	if (!parent && processes->follow_all && event->parent) {
		err = begin(processes, event->parent, 0, event->at_mono_ns, &parent);
		if (err)
			return err;
	}
	err = begin(processes, event->pid, event->parent, event->at_mono_ns, &child);
	parent = find(processes, event->parent); /* the array may have moved */
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
	struct known_process *known = find(processes, event->pid);
	int err;

	if (!known && !processes->follow_all)
		return 0;
	err = begin(processes, event->pid, 0, event->at_mono_ns, &known);
	if (err)
		return err;
	known->state = MAPPINGS_KNOWN; /* nothing yet: the events that follow tell all */
	return profile_add_text(processes->profile, comm, &known->name);
}

static int map_event(struct processes *processes, const struct process_event *event,
		     const char *path)
{
	struct known_process *known = find(processes, event->pid);
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
	forget_tables(processes, known);
	err = see_jitdump(processes, known, &mapping);
	if (!err && mapping.end > mapping.start)
		err = mappings_insert(&known->mappings, &mapping);
	return err == -E2BIG ? 0
			     : err; /* more than a kernel allows: what lies there stays unknown */
}

static void exit_event(struct processes *processes, const struct process_event *event)
{
	struct known_process *known = find(processes, event->pid);

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
			forget_tables(processes, known);
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
		forget_tables(processes, known);
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

/* The frame of an address in a file: a new file is opened now, while it is there. */
static int file_frame(struct processes *processes, const struct known_process *known,
		      const struct mapping *mapping, struct frame *frame)
{
	struct profile *profile = processes->profile;
	struct file file = {
		.path = mapping->path,
		.device = mapping->device,
		.inode = mapping->inode,
		.text_offset = mapping->file_offset,
		.text_end = mapping->file_offset + (mapping->end - mapping->start),
	};
	size_t before = profile->files.len;
	int err = 0;

	/* The vDSO of a 32-bit process is another one than ours. */
	if (mapping->kind == MAPPING_VDSO && mapping->end <= UINT32_MAX)
		err = profile_add_text(profile, "[vdso32]", &file.path);
	err = err ?: profile_add_file(profile, &file, &frame->origin);
	frame->kind = FRAME_USER;
	frame->address += mapping->file_offset - mapping->start;
	if (!err && profile->files.len > before) {
		struct open_mapped mapped = mapped_at(processes, known, mapping);

		err = files_see(processes->files, frame->origin, &mapped);
	}
	return err;
}

static int user_frame(struct processes *processes, struct known_process *known, uint64_t address,
		      bool is_return_address, uint32_t *ret_frame)
{
	const struct mapping *mapping =
		mappings_find(&known->mappings, address - is_return_address);
	struct frame frame = {
		.address = address,
		.origin = known->process,
		.kind = FRAME_UNKNOWN,
		.is_return_address = is_return_address,
	};
	int err = 0;

	if (mapping && (mapping->kind == MAPPING_FILE || mapping->kind == MAPPING_VDSO)) {
		err = file_frame(processes, known, mapping, &frame);
	} else if (mapping && mapping->kind != MAPPING_SPECIAL) {
		frame.kind = FRAME_JIT;
		if (!known->has_jit)
			err = files_see_jit(processes->files, known->process, known->pid);
		known->has_jit = true;
	}
	return err ?: profile_add_frame(processes->profile, &frame, ret_frame);
}

/* As user_frame(), remembering the answer for as long as the mappings stay as they are. */
static int cached_user_frame(struct processes *processes, struct known_process *known,
			     uint64_t address, bool is_return_address, uint32_t *ret_frame)
{
	uint64_t hash = hash_mix(hash_mix(1, address), known->version);
	struct cached_frame *cached = &processes->cache[hash & (CACHE_SLOTS - 1)];
	int err;

	if (cached->version == known->version && cached->address == address &&
	    cached->is_return_address == is_return_address) {
		*ret_frame = cached->frame;
		return 0;
	}
	err = user_frame(processes, known, address, is_return_address, ret_frame);
	if (!err)
		*cached = (struct cached_frame){ address, known->version, *ret_frame,
						 is_return_address };
	return err;
}

static int mark_frame(struct processes *processes, const char *text, uint32_t *ret_frame)
{
	struct frame frame = { .kind = FRAME_MARK };
	int err = profile_add_text(processes->profile, text, &frame.origin);

	return err ?: profile_add_frame(processes->profile, &frame, ret_frame);
}

/* The kernel tells the PID of a process that this PID namespace does not see as 0: /proc does not
 * show it, and events of many processes would claim to be its.
 */
static int push_outsider(struct processes *processes, uint32_t *stack)
{
	uint32_t frame;
	int err = mark_frame(processes, "[outside this PID namespace]", &frame);

	return err ?: profile_add_stack(processes->profile, *stack, frame, stack);
}

/* Why a stack is not whole, for its reader. */
static const char *why_cut(uint8_t stop)
{
	switch (stop) {
	case STACK_STOP_FAULT:
		return "stack not readable";
	case STACK_STOP_DEPTH:
		return "too deep";
	case STACK_STOP_COMPAT:
		return "32-bit program";
	case STACK_STOP_NO_CODE:
		return "no code at the return address";
	case STACK_STOP_HARD:
		return "call frame information too complex";
	case STACK_STOP_NO_TABLE:
		return "mappings not known in time";
	case STACK_STOP_STAYED:
		return "the thread did not return to user mode";
	case STACK_STOP_LOST:
		return "lost";
	default:
		return "no call frame information";
	}
}

/* The frames of one user stack, wherever they were walked. */
struct user_stack {
	const uint64_t *frames;
	uint32_t count;
	uint8_t stop; /* enum stack_stop */
};

/* Some changes come without an event: what is unmapped, and what mremap() moves, as V8 does with its
 * builtin functions.  So the mappings are read once more when they lack what a stack goes through.
 * They are taken if they are those of the sample, with so many bytes of code (0: that is no question), or
 * if they have code at an address where there was none.
 */
static int look_again(struct processes *processes, struct known_process *known, uint64_t code_bytes,
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
	forget_tables(processes, known);
	*ret_changed = true;
	return 0;
}

/* A stack ends where nothing is known to be mapped. */
static int look_for(struct processes *processes, struct known_process *known, uint64_t address,
		    bool *ret_changed)
{
	*ret_changed = false;
	if (!processes->unwinder || mappings_find(&known->mappings, address))
		return 0;
	return look_again(processes, known, 0, address, ret_changed);
}

/* Samples that were under way while the kernel was told of the mappings need not tell it again: that empties
 * the tables meanwhile, and of 65,000 mappings it takes so long that all samples come without.  Nor need those
 * that went where nothing is mapped, as far as both sides know.
 */
static bool is_told(const struct known_process *known, const struct sample *sample,
		    const uint64_t *raw)
{
	return known->kernel_pid && known->kernel_pid == (uint32_t)raw[UNWIND_RAW_PID] &&
	       known->told[0] == raw[UNWIND_RAW_EXEC_ID] &&
	       known->told[1] == raw[UNWIND_RAW_EXEC_VM] &&
	       (raw[UNWIND_RAW_IS_VOID] || sample->at_mono_ns < known->told_mono_ns);
}

static int complete(struct processes *processes, struct known_process *known,
		    const struct sample *sample, const uint64_t *raw, struct user_stack *stack)
{
	uint64_t code_bytes = raw[UNWIND_RAW_EXEC_VM] * (uint64_t)getpagesize();
	struct unwinder_task task = {
		.pid = known->pid,
		.kernel_pid = (uint32_t)raw[UNWIND_RAW_PID],
		.mappings = &known->mappings,
		.frames = stack->frames,
		.walked = sample->user_frames,
		.raw = raw,
		.words = sample->raw_words,
	};
	struct unwinder_walk walk;
	bool changed;
	int err = 0;

	if (code_bytes && mappings_code_bytes(&known->mappings) != code_bytes)
		err = look_again(processes, known, code_bytes, raw[UNWIND_RAW_IP], &changed);
	task.is_told = is_told(known, sample, raw);
	err = err ?: unwinder_complete(processes->unwinder, &task, &walk);
	known->kernel_pid = task.kernel_pid;
	if (!task.is_told) {
		known->told_mono_ns = clock_mono_ns();
		known->told[0] = raw[UNWIND_RAW_EXEC_ID];
		known->told[1] = raw[UNWIND_RAW_EXEC_VM];
	}
	if (!err && !known->mappings.len)
		walk.stop = STACK_STOP_NO_TABLE;
	if (!err)
		*stack = (struct user_stack){ walk.frames, walk.count, walk.stop };
	return err;
}

/* The file in which a walk ended: its path, 0 where there is none. */
static uint32_t file_of(const struct known_process *known, const struct user_stack *stack)
{
	const struct mapping *mapping =
		mappings_find(&known->mappings, stack->frames[stack->count - 1]);

	return mapping ? mapping->path : 0;
}

/* A stack that is not whole says so at its root, and is never joined to one that is. */
static int push_cut(struct processes *processes, const struct known_process *known,
		    const struct user_stack *stack, struct processes_place *place)
{
	char text[80];
	uint32_t mark;
	int err;

	if (stack->stop == STACK_STOP_ROOT ||
	    (!processes->unwinder && stack->stop != STACK_STOP_DEPTH))
		return 0;
	if (stack->stop == STACK_STOP_DEPTH)
		snprintf(text, sizeof(text), "[truncated: deeper than %u frames]", stack->count);
	else
		snprintf(text, sizeof(text), "[truncated: %s]", why_cut(stack->stop));
	err = mark_frame(processes, text, &mark);
	err = err ?: profile_add_stack(processes->profile, place->stack, mark, &place->stack);
	if (!err && processes->unwinder)
		err = quality_gap(&processes->profile->quality, why_cut(stack->stop),
				  file_of(known, stack), &place->quality);
	return err;
}

/* A user stack that was to come, and did not. */
static int push_missing(struct processes *processes, uint8_t stop, struct processes_place *place)
{
	char text[80];
	uint32_t mark;
	int err;

	if (!processes->unwinder || (stop != STACK_STOP_STAYED && stop != STACK_STOP_LOST))
		return 0;
	snprintf(text, sizeof(text), "[truncated: %s]", why_cut(stop));
	err = mark_frame(processes, text, &mark);
	err = err ?: profile_add_stack(processes->profile, place->stack, mark, &place->stack);
	return err ?: quality_gap(&processes->profile->quality, why_cut(stop), 0, &place->quality);
}

static int push_user(struct processes *processes, struct known_process *known,
		     const struct sample *sample, const uint64_t *frames,
		     struct processes_place *place)
{
	struct user_stack stack = { frames + sample->first_user, sample->user_frames,
				    sample->user_stop };
	struct user_stack walked = stack;
	int err = need_mappings(processes, known);
	bool changed = false;
	uint32_t frame;

	if (!err && walked.stop == STACK_STOP_RAW)
		err = complete(processes, known, sample, frames + sample->first_raw, &stack);
	if (!err && stack.stop == STACK_STOP_NO_CODE)
		err = look_for(processes, known, stack.frames[stack.count - 1], &changed);
	if (!err && changed && walked.stop == STACK_STOP_RAW) {
		stack = walked;
		err = complete(processes, known, sample, frames + sample->first_raw, &stack);
	}
	if (processes->unwinder)
		place->quality = QUALITY_WHOLE;
	place->user_frames = (uint16_t)stack.count;
	err = err ?: push_cut(processes, known, &stack, place);
	for (uint32_t i = stack.count; !err && i-- > 0;) {
		err = cached_user_frame(processes, known, stack.frames[i], i > 0, &frame);
		err = err
			      ?: profile_add_stack(processes->profile, place->stack, frame,
						   &place->stack);
	}
	return err;
}

static int push_kernel(struct processes *processes, const struct sample *sample,
		       const uint64_t *frames, uint32_t *stack)
{
	int err = 0;

	for (uint32_t i = sample->kernel_frames; !err && i-- > 0;) {
		struct frame frame = {
			.kind = FRAME_KERNEL,
			.address = frames[sample->first_kernel + i],
			.is_return_address = i > 0,
		};
		uint32_t id;

		err = profile_add_frame(processes->profile, &frame, &id);
		err = err ?: profile_add_stack(processes->profile, *stack, id, stack);
	}
	return err;
}

/* Comm of a thread, for a sample that came without. */
static int read_comm(struct processes *processes, uint32_t tid, uint32_t *ret_name)
{
	own(fd_closep) int fd = open_comm(tid);
	own(freep) char *text = NULL;
	size_t len;

	if (fd < 0 || file_read_all(fd, 256, &text, &len))
		return 0;
	if (len && text[len - 1] == '\n')
		len--;
	return strings_add(&processes->profile->text, text, len, ret_name);
}

static int find_task(struct processes *processes, struct known_process *known,
		     const struct sample *sample, uint32_t *ret_task)
{
	struct profile *profile = processes->profile;
	struct task task = { .tid = sample->tid };
	struct process *process;
	int err = need_process(processes, known);

	if (err)
		return err;
	task.process = known->process;
	process = &profile->processes.data[known->process];
	err = strings_add(&profile->text, sample->comm, sizeof(sample->comm), &task.name);
	if (!err && !task.name)
		err = read_comm(processes, sample->tid, &task.name);
	if (!err && !process->name && sample->tid != sample->pid)
		err = read_comm(processes, sample->pid, &process->name);
	if (!process->name)
		process->name = task.name;
	if (!task.name)
		task.name = process->name;
	return err ?: profile_add_task(profile, &task, ret_task);
}

/* What a thread waited for, as the leaf of its stack. */
static const char *reason_text(uint8_t reason)
{
	static const char *const texts[BLOCK_REASON_COUNT] = {
		[BLOCK_DISK] = "[waiting: disk]",
		[BLOCK_FAULT_DISK] = "[waiting: page fault, disk]",
		[BLOCK_FAULT] = "[waiting: page fault]",
		[BLOCK_FILE] = "[waiting: file]",
		[BLOCK_SOCKET] = "[waiting: socket]",
		[BLOCK_PIPE] = "[waiting: pipe]",
		[BLOCK_TERMINAL] = "[waiting: terminal]",
		[BLOCK_DEVICE] = "[waiting: device]",
		[BLOCK_EVENT] = "[waiting: event]",
		[BLOCK_LOCK] = "[waiting: lock]",
		[BLOCK_POLL] = "[waiting: poll]",
		[BLOCK_SLEEP] = "[waiting: sleep]",
		[BLOCK_CHILD] = "[waiting: child]",
		[BLOCK_STOPPED] = "[waiting: stopped]",
		[BLOCK_IPC] = "[waiting: ipc]",
		[BLOCK_IO_URING] = "[waiting: io_uring]",
		[BLOCK_EXIT] = "[waiting: exit]",
		[BLOCK_OTHER] = "[waiting: other]",
		[BLOCK_UNSEEN] = "[waiting: end not seen]",
		[BLOCK_SHORT] = "[short waits, added up]",
		[BLOCK_RUNQ] = "[waiting for a CPU]",
	};

	return reason < BLOCK_REASON_COUNT && texts[reason] ? texts[reason] : "[waiting]";
}

int processes_place(struct processes *processes, const struct sample *sample,
		    const uint64_t *frames, struct processes_place *ret_place)
{
	struct known_process *known = find(processes, sample->pid);
	struct processes_place place = { .quality = PROCESSES_NO_STACK };
	uint32_t mark;
	int err = 0;

	if (!known)
		err = begin(processes, sample->pid, 0, sample->at_mono_ns, &known);
	err = err ?: find_task(processes, known, sample, &place.task);
	if (!err && sample->user_frames && !sample->pid)
		err = push_outsider(processes, &place.stack);
	else if (!err && sample->user_frames)
		err = push_user(processes, known, sample, frames, &place);
	else if (!err)
		err = push_missing(processes, sample->user_stop, &place);
	err = err ?: push_kernel(processes, sample, frames, &place.stack);
	if (!err && sample->reason) {
		err = mark_frame(processes, reason_text(sample->reason), &mark);
		err = err ?: profile_add_stack(processes->profile, place.stack, mark, &place.stack);
	} else if (!err && !place.stack) {
		err = mark_frame(processes, processes->no_frames, &mark);
		err = err ?: profile_add_stack(processes->profile, 0, mark, &place.stack);
	}
	if (!err)
		*ret_place = place;
	return err;
}

int processes_place_waker(struct processes *processes, const struct sample *waker,
			  const uint64_t *frames, struct processes_place *place)
{
	struct known_process *known = find(processes, waker->pid);
	struct processes_place below = { .stack = place->stack };
	char text[64];
	uint32_t mark;
	int err = 0;

	if (!known)
		err = begin(processes, waker->pid, 0, waker->at_mono_ns, &known);
	if (!*waker->comm)
		snprintf(text, sizeof(text), "[woken in an interrupt]");
	else
		snprintf(text, sizeof(text), "[woken %s: %s]",
			 waker->reason ? "in an interrupt, under" : "by", waker->comm);
	err = err ?: mark_frame(processes, text, &mark);
	err = err ?: profile_add_stack(processes->profile, below.stack, mark, &below.stack);
	if (!err && waker->user_frames)
		err = need_process(processes, known);
	if (!err && waker->user_frames && !waker->pid)
		err = push_outsider(processes, &below.stack);
	else if (!err && waker->user_frames)
		err = push_user(processes, known, waker, frames, &below);
	err = err ?: push_kernel(processes, waker, frames, &below.stack);
	place->stack = below.stack;
	return err;
}
