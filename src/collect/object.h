/* SPDX-License-Identifier: MIT */
/* object.h - one compiled program of a collector: what is in it (made by tools/records), and loading
 * and attaching it.
 *
 * An object is a light skeleton: the kernel itself relocates it, so a start needs none of the 25 ms and
 * 14 MB that parsing the kernel's BTF in user space takes.  Programs are raw tracepoints, which load
 * whether or not the kernel has the tracepoint and are refused one by one when they are attached; one that
 * does not load is as one that cannot be attached.  Iterators are read once.
 */
#ifndef COLLECT_OBJECT_H
#define COLLECT_OBJECT_H

#include "model/coverage.h"
#include "model/schema.h"
#include "probe/event.wire.h"

struct object_program {
	const char *name;
	const char *kind;    /* "raw_tp", "iter", "periodic" */
	const char *where;   /* tracepoint */
	size_t program;      /* offset of its struct bpf_prog_desc in the skeleton */
	const char *lacks;   /* what is not measured without it; NULL: nothing works without it */
	const char *instead; /* attached only where that program could not be; or NULL */
	const char *when;    /* attached only if that knob is not 0; or NULL */
};

struct object_table {
	const struct schema *schema;
	size_t map; /* offset of its struct bpf_map_desc in the skeleton */
	uint32_t key_at, key_size, value_at, value_size;
};

struct object_knob {
	const char *name, *help;
	enum unit unit;
	uint32_t offset, size; /* in the constants */
	uint64_t fallback;
};

struct object {
	const char *name;
	void *(*open)(void);
	int (*load)(void *skeleton);
	void (*close)(void *skeleton);
	size_t ring, losses;   /* offsets of their struct bpf_map_desc in the skeleton */
	size_t rodata, filter; /* of the pointer to the constants; of struct event_filter in them */
	const struct schema *const *schemas; /* of the records, closed by NULL */
	const struct object_table *tables;
	size_t table_count;
	const struct object_program *programs;
	size_t program_count;
	const struct object_knob *knobs;
	size_t knob_count;
	const size_t *rooms; /* offsets of struct bpf_map_desc of its hash tables */
	size_t room_count;
};

/* What is loaded. */
struct loaded {
	const struct object *object;
	void *skeleton;
	vec(int) links;
};

/* A constant that the user has set. */
struct knob_value {
	const char *collector, *name;
	uint64_t value;
};

/**
 * object_load - open, set the constants, load
 * @ring_bytes: of its ring, a power of two of pages; 0: as compiled
 * @room: of each hash table, entries; 0: as compiled
 *
 * Return: 0; -EPERM without the rights; -ENOTSUP the kernel refuses it; -ENOMEM; with fail() said.
 * Call object_unload() in any case.
 */
nodiscard int object_load(struct loaded *loaded, const struct object *object,
			  const struct event_filter *filter, uint32_t ring_bytes, uint32_t room,
			  const struct knob_value *knobs, size_t knob_count);

/**
 * object_attach - every program to its tracepoint
 * @coverage: what is not measured because a tracepoint is not there is noted here
 *
 * Return: 0; -ENOTSUP a tracepoint without which nothing works is not there; -errno; with fail() said.
 */
nodiscard int object_attach(struct loaded *loaded, struct coverage *coverage);

/** object_detach - records already in the ring stay */
void object_detach(struct loaded *loaded);
void object_unload(struct loaded *loaded);

/**
 * object_missed - how often the kernel did not run one of its programs
 *
 * That is where an event comes up while the program runs on the same CPU for an earlier one.
 */
uint64_t object_missed(const struct loaded *loaded);

/**
 * object_run - run its periodic programs
 * @is_last: for the last time
 *
 * Return: 0; -errno with fail() said.
 */
nodiscard int object_run(const struct loaded *loaded, bool is_last);

/** object_map - descriptor of a map by its offset */
int object_map(const struct loaded *loaded, size_t offset);

/** object_schema - of records by event.type, NULL if there is none */
const struct schema *object_schema(const struct object *object, uint32_t type);

/**
 * object_iterate - run its iterators and hand on the records that they write
 *
 * Return: 0; what @each returned; -errno with fail() said.
 */
nodiscard int object_iterate(const struct loaded *loaded,
			     int (*each)(void *context, const struct record *record),
			     void *context);

#endif
