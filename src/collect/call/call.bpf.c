/* SPDX-License-Identifier: Dual MIT/GPL */
/* call.bpf.c - how long calls take, by probes at the entry and at every exit of functions.
 *
 * A call is known by where its frame lies, never by its thread: recursion, longjmp() and coroutines
 * then need no care.  On x86-64 the stack pointer at a return, and at a jump to another function, is
 * what it was at the entry.  A goroutine's stack moves, but its frames keep their distance from the
 * upper end of it.
 *
 *     C, C++, Rust   process, stack pointer at the entry
 *     spans          process, thread, function
 *     Go             process, address of the goroutine (r14), stack.hi - stack pointer
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

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} records SEC(".maps");

#if defined(__TARGET_ARCH_x86)
#define FLAG_CARRY           0x001
#define FLAG_PARITY          0x004
#define FLAG_ZERO            0x040
#define FLAG_SIGN            0x080
#define FLAG_OVERFLOW        0x800

#define stack_pointer(ctx)   ((ctx)->rsp)
#define goroutine(ctx)       ((ctx)->r14)
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

/* Whether Jcc with these four bits of its opcode would jump. */
static __always_inline bool condition_holds(const struct pt_regs *ctx, u8 condition)
{
	u64 flags = ctx->eflags;
	bool is_less = !(flags & FLAG_SIGN) != !(flags & FLAG_OVERFLOW), holds = false;

	switch (condition >> 1) {
	case 0:
		holds = flags & FLAG_OVERFLOW;
		break;
	case 1:
		holds = flags & FLAG_CARRY;
		break;
	case 2:
		holds = flags & FLAG_ZERO;
		break;
	case 3:
		holds = flags & (FLAG_CARRY | FLAG_ZERO);
		break;
	case 4:
		holds = flags & FLAG_SIGN;
		break;
	case 5:
		holds = flags & FLAG_PARITY;
		break;
	case 6:
		holds = is_less;
		break;
	case 7:
		holds = is_less || flags & FLAG_ZERO;
		break;
	}
	return holds != (condition & 1);
}
#else /* code_examine() finds no sites there */
#define stack_pointer(ctx)   PT_REGS_SP(ctx)
#define program_counter(ctx) PT_REGS_IP(ctx)
#define goroutine(ctx)       0
static __always_inline u64 register_value(const struct pt_regs *ctx, u8 number)
{
	return 0;
}

static __always_inline bool condition_holds(const struct pt_regs *ctx, u8 condition)
{
	return false;
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

/* Whether the jump at this site leaves its function. */
static __always_inline bool jumps_out(const struct pt_regs *ctx, const struct call_site *site)
{
	u64 bias = program_counter(ctx) - site->address, to;

	if (site->kind == CALL_JUMP_IF)
		return condition_holds(ctx, site->condition);
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

	sp += site->kind == CALL_ENTRY ? site->pushed : 0;
	sp -= site->kind == CALL_HOOKED ? WORD_BYTES : 0;
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
	if (bpf_map_update_elem(&pending, frame, &fresh, BPF_ANY))
		__sync_fetch_and_add(&control.refused, 1);
}

static __always_inline void tell(const struct call_site *site, u64 place, u64 now, u64 took,
				 u64 runq_ns)
{
	struct call_record *record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);
	u64 ids = bpf_get_current_pid_tgid();

	if (!record) {
		__sync_fetch_and_add(&control.dropped, 1);
		return;
	}
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
	bpf_ringbuf_submit(record, emit_flags(&records, &control.woken_at));
}

/* Whether this call is one of those that are wanted. */
static __always_inline bool within_limit(void)
{
	return !options.limit || control.is_trial ||
	       __sync_fetch_and_add(&control.taken, 1) < options.limit;
}

static __always_inline void end(const struct call_site *site, const struct frame *frame,
				struct call_counts *counts)
{
	u64 now = bpf_ktime_get_ns(), took, runq_ns = CALL_NOT_SPLIT;
	struct pending *call = bpf_map_lookup_elem(&pending, frame);
	u32 bucket;

	if (!call || call->function != site->function) {
		__sync_fetch_and_add(&counts->unseen, 1);
		return;
	}
	took = now - call->began;
	if (options.split && call->tid == (u32)bpf_get_current_pid_tgid() && !site->is_go)
		runq_ns = run_queue_ns() - call->runq_ns;
	bpf_map_delete_elem(&pending, frame);
	if (!within_limit())
		return;
	bucket = histogram_index_fine(took, CALL_BITS);
	if (bucket >= CALL_BUCKETS)
		bucket = CALL_BUCKETS - 1;
	__sync_fetch_and_add(&counts->buckets[bucket], 1);
	__sync_fetch_and_add(&counts->sum_ns, took);
	histogram_raise(&counts->max_ns[control.turn & 1], took);
	__sync_fetch_and_add(&counts->calls, 1);
	if (options.records && took >= options.slower)
		tell(site, frame->place, now, took, runq_ns);
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
