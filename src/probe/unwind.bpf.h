/* SPDX-License-Identifier: Dual MIT/GPL */
/* unwind.bpf.h - the user stack of the current task, by the tables of unwind.wire.h.
 *
 * Works on the window of stack.bpf.h, so most frames read no user memory of their own.  Code that
 * no table describes, made at run time or without call frame information, is left by its frame
 * pointer, and the tables go on from there.
 */
#ifndef PROBE_UNWIND_BPF_H
#define PROBE_UNWIND_BPF_H

#include "probe/stack.bpf.h"

static __always_inline bool unwind_read(void *context, u64 address, u64 words[2]);
static __always_inline u64 unwind_register(void *context, u32 number);
#define UNWIND_READ     unwind_read
#define UNWIND_REGISTER unwind_register
#define UNWIND_INLINE   static __always_inline
#if defined(__TARGET_ARCH_arm64)
#define UNWIND_ARM64
#endif
#include "probe/unwind.h"

#define RAW_BYTES      ((UNWIND_RAW_WORDS - UNWIND_RAW_STACK) * 8)
#define UNWIND_MISSING 0xff /* unwind_rule.kind: user space has not made the block yet */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, 1);   /* BPF_F_NO_PREALLOC: memory only for what is there */
	__uint(max_entries, 1); /* who loads it says, by the budget */
	__type(key, struct unwind_block_key);
	__type(value, struct unwind_block);
} unwind_blocks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, 1);
	__uint(max_entries, 1); /* likewise */
	__type(key, struct unwind_mappings_key);
	__type(value, struct unwind_mappings);
} unwind_mappings SEC(".maps");

/* Where a walk by tables is. */
struct unwind_place {
	struct unwind_regs regs;
	u64 start, end, bias; /* of the mapping that was found last */
	u64 exec_id, exec_vm;
	u32 file;
	u32 pid;
	u32 is_return; /* ip is a return address: look up the call before it */
	u32 by_fp;     /* ip was found by frame pointer, so it may be no address of code */
	u32 is_void; /* no code is known to be at ip, and user space is asked whether that is still so */
	u32 has_others;
	u64 words[2];              /* that unwind_fetch() read */
	u64 others[UNWIND_OTHERS]; /* of the first frame, once they were asked for */
	u32 low, high; /* of a search: in memory, where the verifier does not follow them */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct unwind_place);
} unwind_places SEC(".maps");

#ifndef RAW_HEAD_BYTES
#define RAW_HEAD_BYTES 0
#endif

struct unwind_raws {
	u8 head[RAW_HEAD_BYTES]; /* the caller's, so that a record is in one piece */
	u64 words[UNWIND_RAW_WORDS];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct unwind_raws);
} unwind_raws SEC(".maps");

struct unwind_context {
	struct user_walk *walk;
	struct unwind_place *place;
};

/* The functions below are global, so that the verifier looks at each once. */

/* Makes 16 bytes of the stack `words` of the place.  Return: 0 when they cannot be read */
__noinline u32 unwind_fetch(u64 address)
{
	u32 zero = 0;
	struct unwind_place *place = bpf_map_lookup_elem(&unwind_places, &zero);
	struct user_walk *walk = bpf_map_lookup_elem(&user_walks, &zero);
	struct window *window = bpf_map_lookup_elem(&windows, &zero);
	u64 offset;

	if (!place || !walk || !window || (address & 7))
		return 0;
	offset = address - walk->base;
	if (offset + 16 > walk->filled || offset >= WINDOW_BYTES) {
		if (!window_show(walk, window, address))
			return 0;
		offset = address - walk->base;
	}
	place->words[0] = *(u64 *)(window->bytes + (offset & (WINDOW_BYTES - 8)));
	place->words[1] = *(u64 *)(window->bytes + (offset & (WINDOW_BYTES - 8)) + 8);
	return 1;
}

static __always_inline bool unwind_read(void *context, u64 address, u64 words[2])
{
	struct unwind_place *place = ((struct unwind_context *)context)->place;

	if (!place || !unwind_fetch(address))
		return false;
	words[0] = place->words[0];
	words[1] = place->words[1];
	return true;
}

/* What others there are is asked for rarely. */
__noinline u64 unwind_fetch_other(u32 number)
{
	u32 zero = 0;
	struct unwind_place *place = bpf_map_lookup_elem(&unwind_places, &zero);

	if (!place)
		return 0;
	if (!place->has_others)
		regs_all_of(bpf_get_current_task_btf(), place->others);
	place->has_others = 1;
	return place->others[number & (UNWIND_OTHERS - 1)];
}

static __always_inline u64 unwind_register(void *context, u32 number)
{
	return unwind_fetch_other(number);
}

/* How many parts of those that a part finds begin at or below an address. */
static __always_inline u32 count_starts(struct unwind_place *place,
					const struct unwind_mappings *part, u64 address)
{
	place->low = 0;
	place->high = part->count;
	for (int i = 0; i < 8; i++) {
		u32 middle = (place->low + place->high) / 2;

		barrier_var(middle); /* the compiler must keep the check that follows */
		if (place->low >= place->high || middle >= UNWIND_STARTS)
			break;
		if (part->starts[middle] <= address)
			place->low = middle + 1;
		else
			place->high = middle;
	}
	return place->low;
}

/* Makes the mapping that holds an address the current one.  Return: 0; STACK_STOP_NO_TABLE when user
 * space must tell first; STACK_STOP_NO_CODE when no code is mapped there.
 */
__noinline u32 unwind_find_mapping(u64 address)
{
	u32 zero = 0, found, indexes;
	struct unwind_place *place = bpf_map_lookup_elem(&unwind_places, &zero);
	struct unwind_mappings_key key = {};
	struct unwind_mappings *part;

	if (!place)
		return STACK_STOP_NO_TABLE;
	key.pid = place->pid;
	part = bpf_map_lookup_elem(&unwind_mappings, &key);
	if (!part || part->exec_id != place->exec_id || part->exec_vm != place->exec_vm)
		return STACK_STOP_NO_TABLE;
	indexes = part->indexes;
	found = count_starts(place, part, address);
	if (indexes && found) {
		key.part = found;
		part = bpf_map_lookup_elem(&unwind_mappings, &key);
		if (!part)
			return STACK_STOP_NO_TABLE;
		found = indexes + (found - 1) * UNWIND_STARTS + count_starts(place, part, address);
	}
	key.part = found;
	if (!key.part)
		return STACK_STOP_NO_CODE;
	part = bpf_map_lookup_elem(&unwind_mappings, &key);
	if (!part)
		return STACK_STOP_NO_TABLE;
	place->low = 0;
	place->high = part->count;
	for (int i = 0; i < 7; i++) {
		u32 middle = (place->low + place->high) / 2;

		barrier_var(middle); /* the compiler must keep the check that follows */
		if (place->low >= place->high || middle >= UNWIND_MAPPINGS_PER_PART)
			break;
		if (part->mappings[middle].start <= address)
			place->low = middle + 1;
		else
			place->high = middle;
	}
	found = place->low - 1;
	barrier_var(found);
	if (found >= UNWIND_MAPPINGS_PER_PART || address >= part->mappings[found].end)
		return STACK_STOP_NO_CODE;
	place->start = part->mappings[found].start;
	place->end = part->mappings[found].end;
	place->bias = part->mappings[found].bias;
	place->file = part->mappings[found].file;
	return 0;
}

/* Code that may be written as well is not counted in exec_vm, and mremap() changes no amount: where nothing
 * is known to be mapped there may be code by now.  Return: whether user space is to look
 */
__noinline u32 unwind_is_new_void(u32 pid)
{
	struct unwind_mappings_key key = { .pid = pid };
	struct unwind_mappings *first = bpf_map_lookup_elem(&unwind_mappings, &key);
	u32 zero = 0;
	struct unwind_place *place = bpf_map_lookup_elem(&unwind_places, &zero);

	if (!first || !place || first->voids >= UNWIND_VOIDS_MAX)
		return 0;
	place->is_void = 1;
	return 1;
}

__noinline u32 unwind_count_void(u32 pid)
{
	struct unwind_mappings_key key = { .pid = pid };
	struct unwind_mappings *first = bpf_map_lookup_elem(&unwind_mappings, &key);

	if (first)
		first->voids++;
	return 0;
}

/* The rule of an address in a file, in the eight bytes of struct unwind_rule. */
__noinline u64 unwind_find_rule(u32 file, u64 address)
{
	struct unwind_block_key key = { file, unwind_page(address, 0u) };
	struct unwind_block *block = bpf_map_lookup_elem(&unwind_blocks, &key);
	u32 offset = address & ((1u << UNWIND_PAGE_SHIFT) - 1), zero = 0, at;
	struct unwind_place *place = bpf_map_lookup_elem(&unwind_places, &zero);

	if (!block || !place)
		return UNWIND_MISSING;
	if (block->is_split) {
		key.page = unwind_page(address, 1u);
		offset &= (1u << unwind_code_shift(1)) - 1;
		block = bpf_map_lookup_elem(&unwind_blocks, &key);
		if (!block)
			return UNWIND_MISSING;
	}
	if (block->is_split) {
		key.page = unwind_page(address, 2u);
		offset &= (1u << unwind_code_shift(2)) - 1;
		block = bpf_map_lookup_elem(&unwind_blocks, &key);
		if (!block)
			return UNWIND_MISSING;
	}
	if (!block->used)
		block->used = 1;
	place->low = 0;
	place->high = block->rows;
	for (int i = 0; i < 10; i++) {
		u32 middle = (place->low + place->high) / 2;

		barrier_var(middle); /* the compiler must keep the check that follows */
		if (place->low >= place->high || middle >= UNWIND_BLOCK_ROWS)
			break;
		if (*(u16 *)(block->data + 2 * middle) <= offset)
			place->low = middle + 1;
		else
			place->high = middle;
	}
	if (!place->low)
		return UNWIND_NONE;
	at = 2 * (u32)block->rows + place->low - 1;
	barrier_var(at);
	if (at >= sizeof(block->data))
		return UNWIND_NONE;
	at = block->rules + 8 * (u32)block->data[at];
	if (at > sizeof(block->data) - 8 || (at & 7))
		return UNWIND_NONE;
	return *(u64 *)(block->data + at);
}

union unwind_packed {
	u64 word;
	struct unwind_rule rule;
};

/* One frame.  Return: whether the walk is over, `walk->stop` then says why */
static int unwind_step(u32 index, struct unwind_context *context)
{
	struct user_walk *walk = context->walk;
	struct unwind_place *place = context->place;
	union unwind_packed packed = { .word = UNWIND_NONE };
	enum unwind_outcome outcome;
	struct unwind_regs regs;
	u64 look;
	u32 err;

	if (!walk || !place)
		return 1;
	look = place->regs.ip - place->is_return;
	if (look < place->start || look >= place->end) {
		err = unwind_find_mapping(look);
		if (err) {
			if (err == STACK_STOP_NO_CODE && unwind_is_new_void(place->pid)) {
				err = STACK_STOP_NO_TABLE;
			} else if (err == STACK_STOP_NO_CODE && place->by_fp && walk->count > 1) {
				walk->count--; /* it was no return address */
				err = STACK_STOP_BAD_FRAME;
			}
			walk->stop = err;
			return 1;
		}
	}
	if (place->file == UNWIND_UNOPENED) {
		walk->stop = STACK_STOP_NO_TABLE;
		return 1;
	}
	if (place->file != UNWIND_NO_FILE)
		packed.word = unwind_find_rule(place->file, look - place->bias);
	if (packed.rule.kind == UNWIND_MISSING) {
		walk->stop = STACK_STOP_NO_TABLE;
		return 1;
	}
	regs = place->regs;
	outcome = unwind_apply(context, packed.rule, &regs);
	if (outcome > UNWIND_RESUMED) {
		walk->stop = outcome == UNWIND_AT_ROOT          ? STACK_STOP_ROOT
			     : outcome == UNWIND_FAULT          ? STACK_STOP_FAULT
			     : unwind_is_hard(packed.rule.kind) ? STACK_STOP_HARD
								: STACK_STOP_BAD_FRAME;
		return 1;
	}
	if (walk->trampoline)
		regs.ip = uprobes_mend_ip(walk->trampoline, regs.ip, regs.sp);
	place->regs = regs;
	place->is_return = outcome == UNWIND_CALLER;
	place->by_fp = packed.rule.kind == UNWIND_NONE;
	if (walk->count >= STACK_MAX_USER) {
		walk->stop = STACK_STOP_DEPTH;
		return 1;
	}
	walk_push(walk, regs.ip);
	return 0;
}

static int unwind_mend_step(u32 index, struct uprobes_copy *copy)
{
	return uprobes_mend_word(index, copy, UNWIND_RAW_WORDS - UNWIND_RAW_STACK);
}

__noinline u32 unwind_mend_raw(u64 base, u32 count)
{
	u32 zero = 0;
	struct unwind_raws *raw = bpf_map_lookup_elem(&unwind_raws, &zero);

	if (raw)
		uprobes_mend_copy(unwind_mend_step, &raw->words[UNWIND_RAW_STACK], base, count);
	return 0;
}

/* The registers where the walk ended, and as much of the stack above as there is room for.  Return:
 * words in `raw->words`
 */
static __always_inline u32 unwind_copy_raw(struct unwind_raws *raw,
					   const struct unwind_place *place, u64 trampoline)
{
	u64 at = place->regs.sp & ~7ull, word;
	u32 len = 0;

	/* Where the stack has just grown, its last page is not there yet. */
	if (bpf_probe_read_user(&word, sizeof(word), (void *)at))
		at = (at | (PAGE_BYTES - 1)) + 1;
	raw->words[UNWIND_RAW_IP] = place->regs.ip;
	raw->words[UNWIND_RAW_SP] = place->regs.sp;
	raw->words[UNWIND_RAW_FP] = place->regs.fp;
	raw->words[UNWIND_RAW_EXEC_ID] = place->exec_id;
	raw->words[UNWIND_RAW_EXEC_VM] = place->exec_vm;
	raw->words[UNWIND_RAW_LR] = place->regs.lr;
	raw->words[UNWIND_RAW_PID] = place->pid;
	raw->words[UNWIND_RAW_IS_RETURN] = place->is_return;
	raw->words[UNWIND_RAW_BY_FP] = place->by_fp;
	raw->words[UNWIND_RAW_BASE] = at;
	raw->words[UNWIND_RAW_IS_VOID] = place->is_void;
	if (place->is_void)
		unwind_count_void(place->pid);
	raw->words[UNWIND_RAW_KEPT] = place->regs.kept;
	raw->words[UNWIND_RAW_BX] = place->regs.bx;
	if (place->regs.kept) {
		unwind_fetch_other(0);
		__builtin_memcpy(&raw->words[UNWIND_RAW_OTHERS], place->others,
				 sizeof(place->others));
	}
	raw->words[UNWIND_RAW_IS_CUT] = 0;
	/* Up to the end of some page: the first that is not resident ends the stack that we get. */
	for (int pages = UNWIND_RAW_PAGES; pages >= 0; pages--) {
		len = PAGE_BYTES - (at & (PAGE_BYTES - 1)) + pages * PAGE_BYTES;
		if (len > RAW_BYTES)
			len = RAW_BYTES;
		if (!bpf_probe_read_user(&raw->words[UNWIND_RAW_STACK], len, (void *)at)) {
			raw->words[UNWIND_RAW_IS_CUT] = pages == UNWIND_RAW_PAGES;
			break;
		}
		len = 0;
	}
	if (trampoline)
		unwind_mend_raw(at, len / 8);
	return UNWIND_RAW_STACK + len / 8;
}

/* Goes on by frame pointers from where the tables ended.  `stop` stays what it was: what follows may
 * have gaps.
 */
__noinline u32 unwind_on_by_fp(void)
{
	u32 zero = 0, stop;
	struct unwind_place *place = bpf_map_lookup_elem(&unwind_places, &zero);
	struct walk_context context = {};

	context.walk = bpf_map_lookup_elem(&user_walks, &zero);
	context.window = bpf_map_lookup_elem(&windows, &zero);
	if (!place || !context.walk || !context.window)
		return 0;
	stop = context.walk->stop;
	context.walk->base = place->regs.sp & ~7ull;
	context.walk->filled = 0;
	context.walk->frame_pointer = place->regs.fp;
	bpf_loop(STACK_MAX_USER, walk_step, &context, 0);
	context.walk->stop = stop;
	return 0;
}

/* As walk_user(), by tables.  STACK_STOP_NO_TABLE: user space must help, see unwind_copy_raw(). */
static __always_inline void unwind_user(struct user_walk *walk, const struct regs *from,
					bool is_return, u32 pid)
{
	struct unwind_context context = { .walk = walk };
	struct unwind_place *place;
	u32 zero = 0;

	walk_push(walk, from->ip);
	if (from->is_compat) {
		walk->stop = STACK_STOP_COMPAT;
		return;
	}
	context.place = place = bpf_map_lookup_elem(&unwind_places, &zero);
	if (!place)
		return;
	place->regs.ip = from->ip;
	place->regs.sp = from->sp;
	place->regs.fp = from->fp;
	place->regs.lr = from->lr;
	place->start = place->end = 0;
	place->is_return = is_return;
	place->by_fp = 0;
	place->is_void = 0;
	place->has_others = 0;
	place->regs.bx = 0;
	place->regs.kept = is_return ? UNWIND_KEPT_NONE : UNWIND_KEPT_ALL;
	place->pid = pid;
	place->exec_id = walk->exec_id;
	place->exec_vm = walk->exec_vm;
	walk->base = from->sp & ~7ull;
	walk->filled = 0;
	bpf_loop(STACK_MAX_USER + 1, unwind_step, &context, 0);
}

#endif
