/* SPDX-License-Identifier: MIT */
/* schema.h - what the records of a collector look like: made by tools/records from the BTF of its
 * program, so that every reader and writer of records knows their fields, units and help.
 *
 * A record is a run of bytes: a struct, and behind it the texts that its fields point to.
 */
#ifndef MODEL_SCHEMA_H
#define MODEL_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"
#include "base/vec.h"

enum field_kind {
	FIELD_UNSIGNED, /* of `size` bytes; all ones, of a port zero: not measured, or none */
	FIELD_SIGNED,
	FIELD_BOOL,
	FIELD_CHARS,   /* a text of at most `size` bytes in the record itself */
	FIELD_TEXT,    /* a text behind the record */
	FIELD_WORDS,   /* several */
	FIELD_DOMAIN,  /* a domain name (model/domain.h) */
	FIELD_PATH,    /* a path by components, the last one first */
	FIELD_ADDRESS, /* 16 bytes of IPv6, or an IPv4 address mapped into them */
	FIELD_ENUM,    /* one of `names` */
	FIELD_HISTOGRAM, /* struct histogram of probe/event.wire.h; its values have the field's unit */
	FIELD_KIND_COUNT
};

/* What a number means; what counts nothing has a name of its own. */
enum unit {
	UNIT_NONE,
	UNIT_NS,
	UNIT_MONO_NS, /* an instant; written as Unix time */
	UNIT_BYTES,
	UNIT_COUNT,
	UNIT_PID,
	UNIT_TID,
	UNIT_UID,
	UNIT_CPU,
	UNIT_CGROUP, /* number of a control group; written as its path where that is known */
	UNIT_NETNS,
	UNIT_ERRNO,
	UNIT_SIGNAL,
	UNIT_STATUS,
	UNIT_PORT,
	UNIT_SYSCALL,
	UNIT_DEVICE, /* of a disk, major << 20 | minor */
	UNIT_COUNT_OF
};

struct field {
	const char *name; /* as in the program: "duration" */
	const char *key;  /* as in JSON, with its unit: "duration_ns" */
	const char *help; /* a clause; "" where the name says it all */
	enum field_kind kind;
	enum unit unit;
	uint16_t offset, size;    /* bytes in the record */
	const char *const *names; /* FIELD_ENUM: by value; NULL closes them */
	bool is_key;              /* tables: part of what a row is told by */
	bool is_max;              /* tables: the greatest of all CPUs, not their sum */
};

enum schema_shape {
	SCHEMA_EVENTS, /* a record for each */
	SCHEMA_TABLE,  /* counted in the kernel, a record for each row and interval */
	SCHEMA_JOINED, /* made of other records (model/life.h): nothing that happened once more */
};

struct schema {
	const char *collector; /* "disk" */
	const char *event;     /* "slow" */
	const char *help;      /* tables: a clause */
	enum schema_shape shape;
	uint32_t type; /* event.type: a number of the program's BTF */
	uint32_t size; /* bytes, without texts */
	const struct field *fields;
	size_t field_count;
};

/* One record; the bytes belong to whoever handed it out. */
struct record {
	const struct schema *schema;
	const uint8_t *bytes;
	size_t len;
};

/** schema_field - by its name in the program, NULL if there is none */
const struct field *schema_field(const struct schema *schema, const char *name);

/** record_is_whole - whether the struct is there and no text lies outside; check once, at the entry */
bool record_is_whole(const struct record *record);

/** record_u64 - of numbers, flags and enums */
uint64_t record_u64(const struct record *record, const struct field *field);

/** record_has - false of a number that was not measured, of an empty text, address or histogram */
bool record_has(const struct record *record, const struct field *field);

/** record_enum - the word of FIELD_ENUM, "" where the program knows none */
const char *record_enum(const struct record *record, const struct field *field);

/**
 * record_text - of FIELD_CHARS and FIELD_TEXT as it is, of FIELD_WORDS with blanks between, of
 * FIELD_PATH with slashes, of FIELD_ADDRESS in digits
 * @text: at least RECORD_TEXT_BYTES; closed by NUL
 */
#define RECORD_TEXT_BYTES 16384
void record_text(const struct record *record, const struct field *field, char *text);

/** record_words - all of FIELD_WORDS, closed by NUL each, but for a last one that is cut */
const char *record_words(const struct record *record, const struct field *field, size_t *ret_len);

/** record_word - one of FIELD_WORDS; NULL behind the last; @len without the closing NUL */
const char *record_word(const struct record *record, const struct field *field, size_t *at,
			size_t *ret_len);

#endif
