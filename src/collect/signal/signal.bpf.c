/* SPDX-License-Identifier: Dual MIT/GPL */
/* signal.bpf.c - signals as they are sent.
 *
 * Where the kernel sends one by itself, in a timer's interrupt or after a fault, whoever runs is not the
 * sender.  si_code tells: processes cannot give one above 0, except to SIGCHLD, which a child causes.
 */
#include "collect/signal/signal.wire.h"
#include "probe/event.bpf.h"
#include "probe/row.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define SIGNALS_MAX 512 /* signals times results */

/* include/uapi/asm-generic/{signal,siginfo}.h */
#define SIGKILL     9
#define SIGALRM     14
#define SIGCHLD     17
#define SIGURG      23
#define SIGVTALRM   26
#define SIGPROF     27
#define SIGWINCH    28
#define SI_USER     0
#define SI_KERNEL   0x80
#define SI_TIMER    (-2)
#define SI_ASYNCIO  (-4)
#define SI_SIGIO    (-5)
#define BIT(nr)     (1ull << (nr))
/* Sent all the time by programs that are well: children that end, timers, the run time of Go. */
#define USUAL \
	(BIT(SIGALRM) | BIT(SIGCHLD) | BIT(SIGURG) | BIT(SIGVTALRM) | BIT(SIGPROF) | BIT(SIGWINCH))

const volatile id_signal
	only KNOB("number of the only signal to show; 0: all but the usual ones") = 0;
const volatile u32 every KNOB("1: also CHLD, URG, WINCH, ALRM, VTALRM and PROF") = 0;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, SIGNALS_MAX);
	__type(key, struct signal_totals_key);
	__type(value, struct signal_total);
} signal_totals SEC(".maps") TABLE("signals by number and result");

static __always_inline bool is_shown(u32 signal)
{
	if (only)
		return signal == only;
	return every || signal >= 64 || !(USUAL & BIT(signal));
}

/* 0 and 1 are no addresses: the kernel's short forms of "a user" and "the kernel". */
static __always_inline s32 code_of(struct kernel_siginfo *info)
{
	if ((u64)info > 1)
		return BPF_CORE_READ(info, si_code);
	return info ? SI_KERNEL : SI_USER;
}

static __always_inline bool has_sender(u32 signal, s32 code)
{
	if (signal == SIGCHLD && code > 0 && code != SI_KERNEL)
		return true;
	if (signal == SIGKILL && code == SI_KERNEL)
		return true; /* out of memory, or the end of a PID namespace: never in an interrupt */
	return code <= 0 && code != SI_TIMER && code != SI_ASYNCIO && code != SI_SIGIO;
}

static __always_inline void put_sender(struct signal_sent *sent, struct task_struct *sender)
{
	sent->sender_pid = BPF_CORE_READ(sender, tgid);
	sent->sender_tid = BPF_CORE_READ(sender, pid);
	sent->sender_uid = BPF_CORE_READ(sender, cred, uid.val);
	BPF_CORE_READ_STR_INTO(&sent->sender_comm, sender, comm);
}

SEC("raw_tp/signal_generate")
int signal_on_generate(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (void *)ctx->args[2];
	struct task_struct *sender = (void *)bpf_get_current_task();
	struct signal_totals_key key = { .signal = ctx->args[0], .result = ctx->args[4] };
	s32 code = code_of((void *)ctx->args[1]);
	bool is_sent = has_sender(key.signal, code);
	struct signal_total *total;
	struct signal_sent *sent;

	if (!event_wants(task) && !(is_sent && event_wants(sender)))
		return 0;
	total = row_get(&signal_totals, &key);
	if (total)
		total->count++;
	if (!is_shown(key.signal))
		return 0;
	sent = event_new(signal_sent, task);
	if (!sent)
		return 0;
	sent->signal = key.signal;
	sent->result = key.result;
	sent->code = code;
	sent->to_thread = !ctx->args[3];
	sent->sender_pid = sent->sender_tid = sent->sender_uid = ~0u;
	if (is_sent)
		put_sender(sent, sender);
	event_send(sent);
	return 0;
}
