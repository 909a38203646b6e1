/* SPDX-License-Identifier: MIT */
/* unwind.h - from the registers of a frame to those of its caller, by one rule.
 *
 * The same code on both sides of the kernel boundary: whoever includes it defines before
 *
 *     bool UNWIND_READ(context, address, u64 words[2])   16 bytes of the walked stack; false: cannot
 *     u64 UNWIND_REGISTER(context, number)               of the first frame, by DWARF's number
 *
 * and on arm64 UNWIND_ARM64 where the rules are of that processor.
 */
#ifndef PROBE_UNWIND_H
#define PROBE_UNWIND_H

#include "probe/unwind.wire.h"

#ifndef UNWIND_INLINE
#define UNWIND_INLINE static inline
#endif

#define UNWIND_MAX_FP_FRAME (1u << 20) /* bytes; what claims more by its frame pointer is garbage */
#define UNWIND_RED_ZONE     128u       /* bytes below sp that a function may use */

struct unwind_regs {
	u64 ip, sp, fp;
	u64 lr;   /* arm64: return address that is not on the stack yet */
	u64 kept; /* enum unwind_kept */
	u64 bx;   /* with UNWIND_KEPT_BX_READ */
};

enum unwind_outcome {
	UNWIND_CALLER,  /* regs are the caller's, at its return address */
	UNWIND_RESUMED, /* regs are those that a signal interrupted, at an instruction */
	UNWIND_AT_ROOT,
	UNWIND_FAULT, /* the stack cannot be read there */
	UNWIND_LOST   /* no rule, and no frame pointer either */
};

/* A return address without its authentication code: of 48 bits, the code is above them. */
#ifdef UNWIND_ARM64
#define unwind_bare(address)    ((address)&0x0000ffffffffffffull)
#define unwind_is_signed(rule)  ((rule).saved & UNWIND_RA_SIGNED)
#define unwind_follows_bx(rule) false
#else
#define unwind_bare(address)    (address)
#define unwind_is_signed(rule)  false
#define unwind_follows_bx(rule) ((rule).saved & UNWIND_BX_FOLLOWED)
#endif

/* By frame pointer: both processors keep {caller's fp, return address} where it points. */
UNWIND_INLINE enum unwind_outcome unwind_by_fp(void *context, struct unwind_regs *regs)
{
	u64 words[2];

	if (!regs->fp)
		return UNWIND_AT_ROOT;
	if (regs->fp < regs->sp || regs->fp - regs->sp > UNWIND_MAX_FP_FRAME || (regs->fp & 7))
		return UNWIND_LOST;
	if (!UNWIND_READ(context, regs->fp, words))
		return UNWIND_FAULT;
	regs->sp = regs->fp + 16;
	regs->fp = words[0];
	regs->ip = unwind_bare(words[1]);
	regs->lr = 0;
	regs->kept = UNWIND_KEPT_NONE;
	return regs->ip ? UNWIND_CALLER : UNWIND_AT_ROOT;
}

/* The frame that delivers a signal has the layout of the kernel's struct rt_sigframe. */
#ifdef UNWIND_ARM64
#define UNWIND_SIGNAL_FP 544 /* uc_mcontext.regs[29], regs[30] follows */
#define UNWIND_SIGNAL_SP 560 /* uc_mcontext.sp, pc follows */
#else
#define UNWIND_SIGNAL_FP 120 /* uc_mcontext.rbp */
#define UNWIND_SIGNAL_SP 160 /* uc_mcontext.rsp, rip follows */
#endif

UNWIND_INLINE enum unwind_outcome unwind_signal(void *context, struct unwind_regs *regs)
{
	u64 fp[2], sp[2];

	if (!UNWIND_READ(context, regs->sp + UNWIND_SIGNAL_FP, fp) ||
	    !UNWIND_READ(context, regs->sp + UNWIND_SIGNAL_SP, sp))
		return UNWIND_FAULT;
	regs->fp = fp[0];
	regs->lr = fp[1];
	regs->sp = sp[0];
	regs->ip = sp[1];
	regs->kept = UNWIND_KEPT_NONE;
	return UNWIND_RESUMED;
}

/* Assembler code keeps sp in a register while it realigns its stack, or its return address.  Where it calls
 * more of its own kind that register is left alone, so it holds on the way up through such calls; one that a
 * function has to restore may be on the stack, where no rule tells: but of rbx, in files that need it.
 */
#define UNWIND_SCRATCH 0x0f37u /* rax, rdx, rcx, rsi, rdi, r8 to r11 */

UNWIND_INLINE bool unwind_is_kept(struct unwind_rule rule, const struct unwind_regs *regs)
{
	u32 number = unwind_other(rule.saved);

	if (number == UNWIND_BX)
		return regs->kept & (UNWIND_KEPT_BX | UNWIND_KEPT_BX_READ);
	return regs->kept &
	       (UNWIND_SCRATCH >> number & 1 ? UNWIND_KEPT_SCRATCH : UNWIND_KEPT_SAVED);
}

UNWIND_INLINE u64 unwind_kept_register(void *context, struct unwind_rule rule,
				       const struct unwind_regs *regs)
{
	u32 number = unwind_other(rule.saved);

	if (number == UNWIND_BX && (regs->kept & UNWIND_KEPT_BX_READ))
		return regs->bx;
	return UNWIND_REGISTER(context, number);
}

/* Where the CFA is.  false: the stack cannot be read */
UNWIND_INLINE bool unwind_cfa(void *context, struct unwind_rule rule,
			      const struct unwind_regs *regs, u64 *ret_cfa)
{
	bool of_fp = rule.kind == UNWIND_FP || rule.kind == UNWIND_DEREF_FP;
	u64 base = of_fp ? regs->fp : regs->sp, words[2];

	if (rule.kind == UNWIND_PLT) {
		*ret_cfa = regs->sp + 8 + ((regs->ip & 15) >= (u64)rule.cfa ? 8 : 0);
		return true;
	}
	if (rule.kind == UNWIND_SP || rule.kind == UNWIND_FP) {
		*ret_cfa = base + (s64)rule.cfa;
		return true;
	}
	if (rule.kind == UNWIND_OTHER) {
		*ret_cfa = unwind_kept_register(context, rule, regs) + (s64)rule.cfa;
		return true;
	}
	if (!UNWIND_READ(context, base + 8 * (s64)(rule.cfa >> 8), words))
		return false;
	*ret_cfa = words[0] + (rule.cfa & 0xff);
	return true;
}

/* Where the caller's fp was saved.  Below sp it was popped already: what is in the register is as good,
 * should the memory be at hand no more.
 */
UNWIND_INLINE bool unwind_fp_saved(void *context, struct unwind_rule rule, u64 cfa,
				   struct unwind_regs *regs)
{
	u64 at = (rule.saved & UNWIND_FP_BY_FP ? regs->fp : cfa) + (s64)rule.fp, words[2];

	if (UNWIND_READ(context, at, words))
		regs->fp = words[0];
	else if (at >= regs->sp || at + UNWIND_RED_ZONE < regs->sp)
		return false;
	return true;
}

/* What is known of other registers in the caller. */
UNWIND_INLINE void unwind_keep(void *context, struct unwind_rule rule, u64 cfa,
			       struct unwind_regs *regs)
{
	u64 kept = regs->kept & UNWIND_KEPT_SCRATCH, words[2];

	if (unwind_follows_bx(rule) && !rule.ra) {
		kept |= regs->kept & (UNWIND_KEPT_BX | UNWIND_KEPT_BX_READ);
	} else if (unwind_follows_bx(rule) && UNWIND_READ(context, cfa + (s64)rule.ra, words)) {
		regs->bx = words[0];
		kept |= UNWIND_KEPT_BX_READ;
	}
	regs->kept = kept;
}

/* Whether a walk that was lost at a rule met one that is known, but not followed. */
#define unwind_is_hard(kind) ((kind) == UNWIND_HARD || (kind) == UNWIND_OTHER)

UNWIND_INLINE enum unwind_outcome unwind_apply(void *context, struct unwind_rule rule,
					       struct unwind_regs *regs)
{
	s64 ra = unwind_follows_bx(rule) ? -8 : rule.ra;
	u64 cfa, words[2];

	if (rule.kind == UNWIND_ROOT)
		return UNWIND_AT_ROOT;
	if (rule.kind == UNWIND_SIGNAL)
		return unwind_signal(context, regs);
	if (rule.kind == UNWIND_NONE)
		return unwind_by_fp(context, regs);
	if (rule.kind >=
	    UNWIND_HARD) /* code that is described needs no frame pointer: it is data */
		return UNWIND_LOST;
	if (rule.kind == UNWIND_OTHER && !unwind_is_kept(rule, regs))
		return UNWIND_LOST;
	if (!unwind_cfa(context, rule, regs, &cfa))
		return UNWIND_FAULT;
	if (rule.kind == UNWIND_OTHER && (cfa - regs->sp > UNWIND_MAX_FP_FRAME || (cfa & 7)))
		return UNWIND_LOST;
	if (cfa <= regs->sp && !(rule.kind == UNWIND_SP && cfa == regs->sp))
		return UNWIND_LOST; /* a caller's frame lies above */
	if (!(rule.saved & UNWIND_RA_SAVED) && unwind_other(rule.saved) &&
	    unwind_is_kept(rule, regs))
		regs->lr = unwind_kept_register(context, rule, regs);
	if (!(rule.saved & UNWIND_RA_SAVED) && !regs->lr)
		return UNWIND_LOST; /* only the frame that runs has its return address there */
	if ((rule.saved & (UNWIND_FP_SAVED | UNWIND_RA_SAVED | UNWIND_FP_BY_FP)) ==
		    (UNWIND_FP_SAVED | UNWIND_RA_SAVED) &&
	    ra == rule.fp + 8 &&
	    cfa + (s64)rule.fp >= regs->sp) { /* the usual frame: one read for both */
		if (!UNWIND_READ(context, cfa + (s64)rule.fp, words))
			return UNWIND_FAULT;
		regs->fp = words[0];
		regs->ip = words[1];
	} else {
		if (rule.saved & UNWIND_RA_SAVED) {
			if (!UNWIND_READ(context, cfa + ra, words))
				return UNWIND_FAULT;
			regs->ip = words[0];
		} else {
			regs->ip = regs->lr;
		}
		if ((rule.saved & UNWIND_FP_SAVED) && !unwind_fp_saved(context, rule, cfa, regs))
			return UNWIND_FAULT;
	}
	if (unwind_is_signed(rule))
		regs->ip = unwind_bare(regs->ip);
	regs->lr = 0; /* the caller's is on the stack */
	unwind_keep(context, rule, cfa, regs);
	regs->sp = cfa;
	return regs->ip ? UNWIND_CALLER : UNWIND_AT_ROOT;
}

#endif
