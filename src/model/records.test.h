/* SPDX-License-Identifier: MIT */
/* records.test.h - a kind of record, and a table, as tools/records would describe them; for tests. */
#ifndef MODEL_RECORDS_TEST_H
#define MODEL_RECORDS_TEST_H

#include <string.h>

#include "model/schema.h"
#include "probe/event.wire.h"

struct made_record {
	struct event event;
	unit_ns took;
	id_errno error;
	id_port port;
	s16 below;
	u8 mode, pad[3];
	struct net_address address;
	struct tail_text file;
	struct tail_words words;
	struct tail_path path;
	char texts[64];
};

#define MADE_SIZE offsetof(struct made_record, texts)

static const char *const made_modes[] = { "off", "half on", NULL };

#define made_field(name, key, kind, unit, names)                                     \
	{                                                                            \
#name, key, "", kind, unit, offsetof(struct made_record, name),      \
			sizeof(((struct made_record *)0)->name), names, false, false \
	}

static const struct field made_fields[] = {
	{ "at", "at_unix_ns", "", FIELD_UNSIGNED, UNIT_MONO_NS, 0, 8, NULL, false, false },
	{ "comm", "comm", "", FIELD_CHARS, UNIT_NONE, offsetof(struct event, comm), EVENT_COMM,
	  NULL, false, false },
	made_field(took, "took_ns", FIELD_UNSIGNED, UNIT_NS, NULL),
	made_field(error, "error", FIELD_UNSIGNED, UNIT_ERRNO, NULL),
	made_field(port, "port", FIELD_UNSIGNED, UNIT_PORT, NULL),
	made_field(below, "below", FIELD_SIGNED, UNIT_NONE, NULL),
	made_field(mode, "mode", FIELD_ENUM, UNIT_NONE, made_modes),
	made_field(address, "address", FIELD_ADDRESS, UNIT_NONE, NULL),
	made_field(file, "file", FIELD_TEXT, UNIT_NONE, NULL),
	made_field(words, "words", FIELD_WORDS, UNIT_NONE, NULL),
	made_field(path, "path", FIELD_PATH, UNIT_NONE, NULL),
};

static const struct schema made_schema = {
	"made", "up", "", SCHEMA_EVENTS, 7, MADE_SIZE, made_fields, array_len(made_fields),
};

/* Texts: file "f,\n", words "a" "" "c d", path /x/yz. */
static inline struct made_record made_one(void)
{
	struct made_record one = {
		.event = { .at = 5, .comm = "me" },
		.took = 1500,
		.error = 2,
		.port = 80,
		.below = -3,
		.mode = 1,
		.address = { { [10] = 0xff, [11] = 0xff, 127, 0, 0, 1 } },
		.file = { MADE_SIZE, 3 },
		.words = { MADE_SIZE + 3, 7 },
		.path = { MADE_SIZE + 10, 5 },
	};

	memcpy(one.texts, "f,\na\0\0c d\0yz\0x", 15);
	return one;
}

static inline struct record made_record(const struct made_record *one)
{
	return (struct record){ &made_schema, (const uint8_t *)one, sizeof(*one) };
}

#endif
