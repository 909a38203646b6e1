/* SPDX-License-Identifier: MIT */
/* event.wire.h - what the records of collectors are made of.
 *
 * A record is a struct NAME_EVENT that begins with `struct event`, sent by the programs of collector
 * NAME.  The types of its members say what they mean (unit.h, and the structs below), so tools/records
 * makes its description from the BTF of the compiled program and nothing is written down twice:
 *
 *     struct disk_slow {
 *             struct event event;
 *             unit_ns latency HELP("from issue to completion");
 *             ...
 *     };
 *
 * Of an unsigned number, all ones means that it was not measured; of a port, zero does.
 *
 * What is only counted lies in a map that is marked TABLE("help") and read from time to time; the
 * members of its key, then those of its value, are the columns.
 */
#ifndef PROBE_EVENT_WIRE_H
#define PROBE_EVENT_WIRE_H

#include "probe/unit.h"

#ifdef __bpf__
#define HELP(text)          __attribute__((btf_decl_tag("help:" text)))
/* Of a member: kymo needs it and nobody else. */
#define HIDDEN              __attribute__((btf_decl_tag("hidden:")))
#define TABLE(text)         __attribute__((btf_decl_tag("table:" text)))
/* A constant that the user may set; the text is its help. */
#define KNOB(text)          __attribute__((btf_decl_tag("knob:" text)))
/* Of a program: what is not measured where it cannot be attached; without this, the collector fails. */
#define OPTIONAL(text)      __attribute__((btf_decl_tag("lacks:" text)))
/* Of a program: it is attached to nothing and run ten times a second; ctx->args[0]: for the last time. */
#define PERIODIC            __attribute__((btf_decl_tag("periodic:")))
/* Of a program: it is attached only if that constant (a knob of this object) is not 0. */
#define WHEN(knob)          __attribute__((btf_decl_tag("when:" #knob)))
/* Of a program: it is attached to this tracepoint, too, whose arguments are the same. */
#define ALSO_AT(tracepoint) __attribute__((btf_decl_tag("also:" #tracepoint)))
/* Of a program: it is attached only where that other one of this object could not be. */
#define INSTEAD_OF(program) __attribute__((btf_decl_tag("instead:" #program)))
#else
#define HELP(text)
#define HIDDEN
#endif

#define EVENT_COMM 16
#define EVENT_PIDS 16 /* that a filter can name */

struct event {
	unit_mono_ns at HELP("when it happened");
	u32 type; /* number of the record's struct in the BTF of the program */
	id_pid pid HELP("process");
	id_tid tid HELP("thread");
	id_uid uid HELP("user");
	id_cgroup cgroup HELP("control group");
	char comm[EVENT_COMM] HELP("name of the thread");
};

/* Behind the record, @at bytes from its beginning; @bytes without a closing NUL. */
struct tail_text {
	u16 at, bytes;
};

/* The path of a control group inside its hierarchy. */
typedef struct tail_text tail_cgroup;

/* Several, closed by NUL each. */
struct tail_words {
	u16 at, bytes;
};

/* A domain name as in a packet: labels with their length in front, a 0 behind the last if it is whole. */
struct tail_domain {
	u16 at, bytes;
};

/* A path: its components, closed by NUL each, the last one first. */
struct tail_path {
	u16 at, bytes;
};

/* An IPv6 address, or an IPv4 one as ::ffff:a.b.c.d; in network order.  All zeros: none. */
struct net_address {
	u8 bytes[16];
};

/* How often something took how long: HISTOGRAM_PER_OCTAVE buckets for each power of 2, so a bound is at
 * most 1/4 above the value; every u64 has a bucket.
 */
#define HISTOGRAM_BITS    2
#define HISTOGRAM_BUCKETS ((64 - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS)

struct histogram {
	u64 buckets[HISTOGRAM_BUCKETS];
	u64 sum, max;
};

/* Whose events are wanted; constants of each program. */
struct event_filter {
	u64 cgroup_id; /* 0: any */
	u32 hierarchy; /* enum target_hierarchy, also of event.cgroup */
	u32 pid_count;
	id_pid pids[EVENT_PIDS];
	char comm[EVENT_COMM]; /* "": any */
	u32 uid;
	bool has_uid;
	unit_ns min_duration; /* of events that take time */
};

#endif
