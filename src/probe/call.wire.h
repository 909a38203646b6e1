/* SPDX-License-Identifier: MIT */
/* call.wire.h - timing the calls of functions: what user space tells the program, and what it counts.
 *
 * A site is a probed instruction.  Its number is the cookie of its probe, so one program serves all
 * sites of all functions.
 */
#ifndef PROBE_CALL_WIRE_H
#define PROBE_CALL_WIRE_H

#include "probe/unit.h"

#define CALL_FUNCTIONS_MAX 16384
#define CALL_SITES_MAX     262144
#define CALL_RANGES        2 /* of one function */
#define CALL_PENDING_MAX \
	65536 /* calls that have begun and not ended; then the oldest is forgotten */
#define CALL_NO_REGISTER 0xff

enum call_kind {
	CALL_ENTRY,
	CALL_RETURN,        /* the stack pointer is what it was at the entry, less `pushed` */
	CALL_JUMP,          /* it is what it was at the entry */
	CALL_JUMP_IF,       /* likewise, if `condition` holds */
	CALL_JUMP_REGISTER, /* likewise, if it leads out of `ranges` */
	CALL_JUMP_MEMORY,
	CALL_POINT,  /* a probe point, which is only counted, or with which a span begins */
	CALL_SPAN,   /* one with which a span ends, on the thread that began it */
	CALL_HOOKED, /* a return probe: the return address has been taken off the stack */
};

/* What a hit is, by what it costs. */
enum call_cost {
	CALL_EMULATED,   /* the kernel does what the instruction does */
	CALL_STEPPED,    /* it executes a copy of it, and traps again */
	CALL_TRAMPOLINE, /* a return probe, with what it adds to its entry */
	CALL_COSTS
};

struct call_range { /* addresses as the file states them */
	u64 start, end;
};

struct call_site {
	u64 address; /* as the file states it */
	s64 displacement;
	struct call_range ranges[CALL_RANGES];
	u32 function;
	u32 pushed; /* CALL_ENTRY, CALL_RETURN: bytes by which the stack has grown since the call */
	u8 kind;    /* enum call_kind */
	u8 condition;
	u8 is_if; /* a conditional jump: CALL_ENTRY: leads away where the stack must grow; CALL_RETURN: where
		   * it does not return */
	u8 is_go;
	u8 cost; /* enum call_cost */
	u8 base, index, scale;
	u8 goid_words; /* Go: where a goroutine has its number, in words; 0: not known */
	u8 reserved[7];
};

/* 16 buckets for each power of 2, so a bucket is at most 1/16 wide and its middle at most 1/32 off. */
#define CALL_BITS    4
#define CALL_OCTAVES 44 /* 4.9 hours; what is longer is in the last bucket */
#define CALL_BUCKETS ((CALL_OCTAVES - CALL_BITS + 1) << CALL_BITS)

/* Of one function. */
struct call_counts {
	u64 hits[CALL_COSTS]; /* of its sites */
	u64 calls;            /* begun and ended: what is in the buckets */
	u64 sum_ns;
	u64 max_ns[2]; /* of this interval and of the one before, by turns */
	u64 unseen;    /* ended, and their beginning was not seen */
	u64 cut;       /* another call began in their place: they ended without coming to an exit */
	u64 buckets[CALL_BUCKETS];
};

#define CALL_ARGS_MAX      4 /* that are told of each call */
#define CALL_ARG_WORDS     9 /* that a function can have in registers: Go; others have 6 */
#define CALL_ARG_WORDS_C   6
#define CALL_TEXT_BYTES    64    /* of an argument; what is longer is cut */
#define CALL_ARGUMENTS_MAX 16384 /* calls of which they are kept; then the oldest are forgotten */

enum call_arg_kind {
	CALL_ARG_INT,   /* a word */
	CALL_ARG_INT32, /* its lower half */
	CALL_ARG_STR,   /* the address of a text that ends with 0 */
	CALL_ARG_GOSTR, /* two words: where a text lies, and how long it is */
};

struct call_arg {
	u8 word; /* from 0 on */
	u8 kind; /* enum call_arg_kind */
	u8 reserved[2];
};

enum call_arg_state {
	CALL_ARG_UNREAD, /* it is not in memory, or no address */
	CALL_ARG_WHOLE,
	CALL_ARG_CUT,
	CALL_ARG_FORGOTTEN, /* too many calls were under way */
};

struct call_argument {
	u64 number;
	u32 state; /* enum call_arg_state */
	u32 bytes; /* of the text */
	char text[CALL_TEXT_BYTES];
};

/* Of one call, in the order of the options. */
struct call_arguments {
	struct call_argument list[CALL_ARGS_MAX];
};

/* Of the whole program; user space writes the upper half. */
struct call_control {
	u32 armed;
	u32 turn;     /* which of max_ns[] is in use */
	u32 is_trial; /* of any process, and within no limit */
	u32 reserved;
	u64 taken;     /* calls, where there is a limit */
	u64 dropped;   /* records for which the ring was full */
	u64 refused;   /* calls for which there was no memory */
	u64 unread;    /* hits of which a goroutine or a target could not be read */
	u64 forgotten; /* calls that are told without their arguments: too many were under way */
	u64 woken_at;  /* emit.bpf.h */
};

struct call_options {
	u64 limit;   /* calls to count; 0: any number */
	u64 slower;  /* ns from which on a call is a record of its own */
	u32 tgid;    /* of the initial namespace; 0: any process */
	u32 records; /* 0: none */
	u32 split;   /* tell how long the thread of a call waited for a CPU */
	u32 arg_count;
	struct call_arg args[CALL_ARGS_MAX];
};

#define CALL_NOT_SPLIT ((u64)-1)

struct call_record {
	unit_mono_ns at; /* when it ended */
	u64 took_ns;
	u64 goroutine; /* 0: none, or not known */
	u64 runq_ns;   /* of it, waiting for a CPU; CALL_NOT_SPLIT: another thread began it */
	u32 function;
	id_pid pid;
	id_tid tid; /* that it ended on */
	u32 is_go;
};

/* Where arguments are asked for. */
struct call_record_long {
	struct call_record call;
	struct call_arguments arguments;
};

#endif
