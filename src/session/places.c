/* SPDX-License-Identifier: MIT */
/* places.c - the stacks of samples in the profile, root first; what cut them stands at their root. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "probe/reason.wire.h"
#include "probe/stack.wire.h"
#include "resolve/maps.h"
#include "session/known_process.h"

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
		struct open_mapped mapped = known_mapped_at(processes, known, mapping);

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
		err = known_look_again(processes, known, code_bytes, raw[UNWIND_RAW_IP], &changed);
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
	int err = known_need_mappings(processes, known);
	bool changed = false;
	uint32_t frame;

	if (!err && walked.stop == STACK_STOP_RAW)
		err = complete(processes, known, sample, frames + sample->first_raw, &stack);
	if (!err && stack.stop == STACK_STOP_NO_CODE)
		err = known_look_for(processes, known, stack.frames[stack.count - 1], &changed);
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
	int err = known_need_number(processes, known);

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
	struct known_process *known = known_find(processes, sample->pid);
	struct processes_place place = { .quality = PROCESSES_NO_STACK };
	uint32_t mark;
	int err = 0;

	if (!known)
		err = known_begin(processes, sample->pid, 0, sample->at_mono_ns, &known);
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
	struct known_process *known = known_find(processes, waker->pid);
	struct processes_place below = { .stack = place->stack };
	char text[64];
	uint32_t mark;
	int err = 0;

	if (!known)
		err = known_begin(processes, waker->pid, 0, waker->at_mono_ns, &known);
	if (!*waker->comm)
		snprintf(text, sizeof(text), "[woken in an interrupt]");
	else
		snprintf(text, sizeof(text), "[woken %s: %s]",
			 waker->reason ? "in an interrupt, under" : "by", waker->comm);
	err = err ?: mark_frame(processes, text, &mark);
	err = err ?: profile_add_stack(processes->profile, below.stack, mark, &below.stack);
	if (!err && waker->user_frames)
		err = known_need_number(processes, known);
	if (!err && waker->user_frames && !waker->pid)
		err = push_outsider(processes, &below.stack);
	else if (!err && waker->user_frames)
		err = push_user(processes, known, waker, frames, &below);
	err = err ?: push_kernel(processes, waker, frames, &below.stack);
	place->stack = below.stack;
	return err;
}
