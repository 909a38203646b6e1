/* SPDX-License-Identifier: Dual MIT/GPL */
/* call.bpf.c - how long calls take, by probes at the entry and at every exit of functions.
 *
 * A call is known by where its frame lies, never by its thread: recursion, longjmp() and coroutines
 * then need no care.  On x86-64 and arm64 the stack pointer at a return, and at a jump to another function, is
 * what it was at the entry.  A goroutine's stack moves, but its frames keep their distance from the
 * upper end of it.
 *
 *     C, C++, Rust   process, stack pointer at the entry
 *     spans          process, thread, function
 *     Go             process, address of the goroutine (r14, x28), stack.hi - stack pointer
 *
 * A frame that is left otherwise (by an exception, longjmp, a panic) never comes to an exit.  Whatever
 * begins later at the same place shows that it is gone; the rest is forgotten in the order of age.
 *
 * Go's functions look first whether the stack is large enough and if not are executed again from
 * their beginning.  Then the call has begun at the first time.
 */
#include "probe/kernel.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "probe/call.wire.h"
#include "probe/condition.bpf.h"
#include "probe/emit.bpf.h"
#include "probe/histogram.bpf.h"
#include "probe/run_queue.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define DEPTH_SHIFT 3 /* frames lie 8 bytes apart at least */
#define STACK_HI    8 /* runtime.g: stack.lo, stack.hi, ... */
#define WORD_BYTES  8
#define RING_BYTES  (1 << 20)

struct frame {
	u64 place; /* stack pointer; Go: the goroutine */
	u32 tgid;
	u32 depth; /* Go: of the frame below the upper end of the stack, in words */
};

struct pending {
	u64 began;
	u32 function;
	u32 restarts; /* it is about to begin again */
	u64 runq_ns;  /* of its thread so far, waiting for a CPU */
	u32 tid;
	u32 reserved;
};

const volatile struct call_options options = {};
struct call_control control = {};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* set when it is loaded */
	__type(key, u32);
	__type(value, struct call_site);
} sites SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* set when it is loaded */
	__type(key, u32);
	__type(value, struct call_counts);
} functions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, CALL_PENDING_MAX);
	__type(key, struct frame);
	__type(value, struct pending);
} pending SEC(".maps");

/* Of calls that have begun. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1); /* set when it is loaded, where they are asked for */
	__type(key, struct frame);
	__type(value, struct call_arguments);
} arguments SEC(".maps");

/* None: too large for the stack of a program. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct call_arguments);
} blanks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} records SEC(".maps");

#if defined(__TARGET_ARCH_x86)
/* The registers of arguments by their numbers, the first one lowest. */
#define WORDS_GO             0xba9867130
#define WORDS_C              0x981267

#define HOOK_BYTES           8 /* the return address is off the stack */

#define stack_pointer(ctx)   ((ctx)->rsp)
#define program_counter(ctx) ((ctx)->rip)

/* By the number that instructions know it by.  Through memory: the verifier wants each register of
 * the context read by itself.
 */
static __always_inline u64 register_value(const struct pt_regs *ctx, u8 number)
{
	volatile u64 registers[] = {
		ctx->rax, ctx->rcx, ctx->rdx, ctx->rbx, ctx->rsp, ctx->rbp, ctx->rsi, ctx->rdi,
		ctx->r8,  ctx->r9,  ctx->r10, ctx->r11, ctx->r12, ctx->r13, ctx->r14, ctx->r15,
	};

	return registers[number & 15];
}
#elif defined(__TARGET_ARCH_arm64)
#define WORDS_GO             0x876543210
#define WORDS_C              0x543210

#define HOOK_BYTES           0 /* returning does not move it */

#define stack_pointer(ctx)   (user_regs(ctx)->sp)
#define program_counter(ctx) (user_regs(ctx)->pc)
#define two_registers(n)     user_regs(ctx)->regs[n], user_regs(ctx)->regs[(n) + 1]
#define ten_registers(n)                                                                          \
	two_registers(n), two_registers((n) + 2), two_registers((n) + 4), two_registers((n) + 6), \
		two_registers((n) + 8)

static __always_inline u64 register_value(const struct pt_regs *ctx, u8 number)
{
	volatile u64 registers[32] = {
		ten_registers(0),
		ten_registers(10),
		ten_registers(20),
		user_regs(ctx)->regs[30],
	};

	return registers[number & 31];
}
#endif

/* Where an indirect jump leads.  Return: whether that can be read. */
static __always_inline bool jump_target(const struct pt_regs *ctx, const struct call_site *site,
					u64 bias, u64 *ret)
{
	u64 at;

	if (site->kind == CALL_JUMP_REGISTER) {
		*ret = register_value(ctx, site->base);
		return true;
	}
	at = (u64)site->displacement;
	at += site->base == CALL_NO_REGISTER ? bias : register_value(ctx, site->base);
	if (site->index != CALL_NO_REGISTER)
		at += register_value(ctx, site->index) * site->scale;
	return bpf_probe_read_user(ret, sizeof(*ret), (void *)at) == 0;
}

/* Whether its function is left at this site. */
static __always_inline bool jumps_out(const struct pt_regs *ctx, const struct call_site *site)
{
	u64 bias = program_counter(ctx) - site->address, to;

	if (site->kind == CALL_JUMP_IF)
		return condition_holds(ctx, site->condition);
	if (site->kind == CALL_RETURN && site->is_if)
		return !condition_holds(ctx, site->condition);
	if (site->kind != CALL_JUMP_REGISTER && site->kind != CALL_JUMP_MEMORY)
		return true;
	if (!jump_target(ctx, site, bias, &to)) {
		__sync_fetch_and_add(&control.unread, 1);
		return false;
	}
	for (int i = 0; i < CALL_RANGES; i++)
		if (to - bias >= site->ranges[i].start && to - bias < site->ranges[i].end)
			return false;
	return true;
}

/* Return: whether the frame of this call can be told. */
static __always_inline bool frame_of(const struct pt_regs *ctx, const struct call_site *site,
				     struct frame *frame)
{
	u64 sp = stack_pointer(ctx), hi = 0;

	sp += site->kind == CALL_ENTRY || site->kind == CALL_RETURN ? site->pushed : 0;
	sp -= site->kind == CALL_HOOKED ? HOOK_BYTES : 0;
	frame->tgid = bpf_get_current_pid_tgid() >> 32;
	frame->place = sp;
	frame->depth = 0;
	if (site->kind == CALL_POINT || site->kind == CALL_SPAN) {
		frame->place = (u32)bpf_get_current_pid_tgid();
		frame->depth = ~site->function; /* no goroutine's stack is that deep */
		return true;
	}
	if (!site->is_go)
		return true;
	frame->place = goroutine(ctx);
	if (bpf_probe_read_user(&hi, sizeof(hi), (void *)(frame->place + STACK_HI)) || hi < sp) {
		__sync_fetch_and_add(&control.unread, 1);
		return false;
	}
	frame->depth = (hi - sp) >> DEPTH_SHIFT;
	return true;
}

static __always_inline u64 word_of(const struct pt_regs *ctx, const struct call_site *site,
				   u32 word)
{
	u64 words = site->is_go ? WORDS_GO : WORDS_C;

	return register_value(ctx, words >> (word * 4) & 15);
}

/* Brings in the pages of a text that nobody has read yet, as its reader would: the program may sleep. */
static __always_inline void touch_text(u64 at, u64 bytes)
{
	char one;

	bpf_copy_from_user(&one, 1, (void *)at);
	if (bytes > 1)
		bpf_copy_from_user(&one, 1, (void *)(at + bytes - 1));
}

static __always_inline void read_text(struct call_argument *argument, u64 at, u64 bytes)
{
	u64 kept = bytes < CALL_TEXT_BYTES ? bytes : CALL_TEXT_BYTES;

	if (kept)
		touch_text(at, kept);
	barrier_var(kept);
	if (kept > CALL_TEXT_BYTES ||
	    (kept && bpf_probe_read_user(argument->text, kept, (void *)at)))
		return;
	argument->bytes = kept;
	argument->state = bytes > kept ? CALL_ARG_CUT : CALL_ARG_WHOLE;
}

static __always_inline void read_argument(const struct pt_regs *ctx, const struct call_site *site,
					  const struct call_arg *arg,
					  struct call_argument *argument)
{
	u64 value = word_of(ctx, site, arg->word);
	long bytes;

	argument->number = value;
	argument->state = CALL_ARG_UNREAD;
	argument->bytes = 0;
	if (arg->kind == CALL_ARG_GOSTR) {
		read_text(argument, value, word_of(ctx, site, arg->word + 1));
	} else if (arg->kind == CALL_ARG_STR) {
		touch_text(value, CALL_TEXT_BYTES);
		bytes = bpf_probe_read_user_str(argument->text, CALL_TEXT_BYTES, (void *)value);
		if (bytes <= 0)
			return;
		argument->bytes = bytes - 1;
		argument->state = bytes < CALL_TEXT_BYTES ? CALL_ARG_WHOLE : CALL_ARG_CUT;
	} else {
		argument->state = CALL_ARG_WHOLE;
	}
}

static __always_inline void keep_arguments(const struct pt_regs *ctx, const struct call_site *site,
					   const struct frame *frame)
{
	struct call_arguments *kept;
	u32 zero = 0;
	void *blank = bpf_map_lookup_elem(&blanks, &zero);

	if (!blank || bpf_map_update_elem(&arguments, frame, blank, BPF_ANY))
		return;
	kept = bpf_map_lookup_elem(&arguments, frame);
	for (u32 i = 0; kept && i < CALL_ARGS_MAX && i < options.arg_count; i++)
		read_argument(ctx, site, (const struct call_arg *)&options.args[i], &kept->list[i]);
}

static __always_inline void begin(const struct pt_regs *ctx, const struct call_site *site,
				  const struct frame *frame)
{
	struct pending fresh = { .began = bpf_ktime_get_ns(), .function = site->function }, *old;
	u32 function = site->function;
	struct call_counts *other;

	old = bpf_map_lookup_elem(&pending, frame);
	if (old && old->restarts && old->function == site->function) {
		fresh.began = old->began;
	} else if (old) {
		function = old->function;
		other = bpf_map_lookup_elem(&functions, &function);
		if (other)
			__sync_fetch_and_add(&other->cut, 1);
	}
	fresh.restarts = site->is_go && site->is_if && condition_holds(ctx, site->condition);
	if (options.split) {
		fresh.runq_ns = run_queue_ns();
		fresh.tid = (u32)bpf_get_current_pid_tgid();
	}
	if (options.arg_count && site->kind == CALL_ENTRY)
		keep_arguments(ctx, site, frame);
	if (bpf_map_update_elem(&pending, frame, &fresh, BPF_ANY))
		__sync_fetch_and_add(&control.refused, 1);
}

/* Fills a record. */
static __always_inline void describe(struct call_record *record, const struct call_site *site,
				     u64 place, u64 now, u64 took, u64 runq_ns)
{
	u64 ids = bpf_get_current_pid_tgid();

	*record = (struct call_record){
		.at = now,
		.took_ns = took,
		.function = site->function,
		.pid = ids >> 32,
		.tid = (u32)ids,
		.runq_ns = runq_ns,
		.is_go = site->is_go,
	};
	if (site->goid_words &&
	    bpf_probe_read_user(&record->goroutine, sizeof(record->goroutine),
				(void *)(place + site->goid_words * WORD_BYTES)))
		record->goroutine = 0;
}

static __always_inline void tell_long(const struct call_site *site, const struct frame *frame,
				      u64 now, u64 took, u64 runq_ns)
{
	struct call_record_long *record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);
	const struct call_arguments *kept = bpf_map_lookup_elem(&arguments, frame);

	if (!record) {
		__sync_fetch_and_add(&control.dropped, 1);
		return;
	}
	describe(&record->call, site, frame->place, now, took, runq_ns);
	if (kept) {
		__builtin_memcpy(&record->arguments, kept, sizeof(*kept));
	} else {
		__builtin_memset(&record->arguments, 0, sizeof(record->arguments));
		for (int i = 0; i < CALL_ARGS_MAX; i++)
			record->arguments.list[i].state = CALL_ARG_FORGOTTEN;
		__sync_fetch_and_add(&control.forgotten, 1);
	}
	bpf_ringbuf_submit(record, emit_flags(&records, &control.woken_at));
}

static __always_inline void tell(const struct call_site *site, const struct frame *frame, u64 now,
				 u64 took, u64 runq_ns)
{
	struct call_record *record;

	if (options.arg_count) {
		tell_long(site, frame, now, took, runq_ns);
		return;
	}
	record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);
	if (!record) {
		__sync_fetch_and_add(&control.dropped, 1);
		return;
	}
	describe(record, site, frame->place, now, took, runq_ns);
	bpf_ringbuf_submit(record, emit_flags(&records, &control.woken_at));
}

/* Whether this call is one of those that are wanted. */
static __always_inline bool within_limit(void)
{
	return !options.limit || control.is_trial ||
	       __sync_fetch_and_add(&control.taken, 1) < options.limit;
}

static __always_inline void count_call(struct call_counts *counts, u64 took)
{
	u32 bucket = histogram_index_fine(took, CALL_BITS);

	if (bucket >= CALL_BUCKETS)
		bucket = CALL_BUCKETS - 1;
	__sync_fetch_and_add(&counts->buckets[bucket], 1);
	__sync_fetch_and_add(&counts->sum_ns, took);
	histogram_raise(&counts->max_ns[control.turn & 1], took);
	__sync_fetch_and_add(&counts->calls, 1);
}

static __always_inline void end(const struct call_site *site, const struct frame *frame,
				struct call_counts *counts)
{
	u64 now = bpf_ktime_get_ns(), took, runq_ns = CALL_NOT_SPLIT;
	struct pending *call = bpf_map_lookup_elem(&pending, frame);

	if (!call || call->function != site->function) {
		__sync_fetch_and_add(&counts->unseen, 1);
		return;
	}
	took = now - call->began;
	if (options.split && call->tid == (u32)bpf_get_current_pid_tgid() && !site->is_go)
		runq_ns = run_queue_ns() - call->runq_ns;
	bpf_map_delete_elem(&pending, frame);
	if (within_limit()) {
		count_call(counts, took);
		if (options.records && took >= options.slower)
			tell(site, frame, now, took, runq_ns);
	}
	if (options.arg_count)
		bpf_map_delete_elem(&arguments, frame);
}

SEC("uprobe")
int call_site(struct pt_regs *ctx)
{
	u32 number = (u32)bpf_get_attach_cookie(ctx);
	struct call_site *site = bpf_map_lookup_elem(&sites, &number);
	struct call_counts *counts;
	struct frame frame = {};
	u32 function;

	if (!site || !control.armed)
		return 0;
	if (options.tgid && !control.is_trial && options.tgid != bpf_get_current_pid_tgid() >> 32)
		return 0;
	function = site->function;
	counts = bpf_map_lookup_elem(&functions, &function);
	if (!counts)
		return 0;
	if (site->cost < CALL_COSTS)
		__sync_fetch_and_add(&counts->hits[site->cost], 1);
	if (site->kind == CALL_POINT && !site->is_if) /* nothing ends */
		return 0;
	if (site->kind != CALL_ENTRY && !jumps_out(ctx, site))
		return 0;
	if (!frame_of(ctx, site, &frame))
		return 0;
	if (site->kind == CALL_ENTRY || site->kind == CALL_POINT)
		begin(ctx, site, &frame);
	else
		end(site, &frame, counts);
	return 0;
}
