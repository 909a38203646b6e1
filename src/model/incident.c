/* SPDX-License-Identifier: MIT */
#include "model/incident.h"

#include <string.h>

const char *const incident_triggers[INCIDENT_TRIGGERS + 1] = {
	[INCIDENT_PROCESS_CPU] = "process_cpu",
	[INCIDENT_HOST_CPU] = "host_cpu",
	[INCIDENT_RUN_QUEUE] = "run_queue",
	[INCIDENT_IO] = "io",
	[INCIDENT_OOM] = "oom",
	[INCIDENT_EXIT] = "exit",
	[INCIDENT_LATENCY] = "latency",
	NULL,
};

static const char *const units[] = { "%", "ns", "none", NULL };

const char *const incident_states[] = { "done", "no profile", "cut", NULL };

#define number(record, member, name_, key_, unit_, help_)                                         \
	{                                                                                         \
		.name = name_, .key = key_, .help = help_, .kind = FIELD_UNSIGNED, .unit = unit_, \
		.offset = offsetof(struct record, member),                                        \
		.size = sizeof(((struct record *)0)->member)                                      \
	}
#define choice(record, member, name_, help_, names_)                                  \
	{                                                                             \
		.name = name_, .key = name_, .help = help_, .kind = FIELD_ENUM,       \
		.offset = offsetof(struct record, member), .size = 1, .names = names_ \
	}
#define chars(record, member, name_, help_)                                      \
	{                                                                        \
		.name = name_, .key = name_, .help = help_, .kind = FIELD_CHARS, \
		.offset = offsetof(struct record, member),                       \
		.size = sizeof(((struct record *)0)->member)                     \
	}
#define text(record, member, name_, help_)                                      \
	{                                                                       \
		.name = name_, .key = name_, .help = help_, .kind = FIELD_TEXT, \
		.offset = offsetof(struct record, member##_at), .size = 4       \
	}

#define AT(record) \
	number(record, at_mono_ns, "at", "at_unix_ns", UNIT_MONO_NS, "when it was noticed")
#define TRIGGER(record) \
	choice(record, trigger, "trigger", "which trigger noticed it", incident_triggers)
#define PID(record)  number(record, pid, "pid", "pid", UNIT_PID, "process; null: it is of the host")
#define COMM(record) chars(record, comm, "comm", "name of the process")

#define BEGIN_FIELDS                                                                         \
	TRIGGER(incident_begin), PID(incident_begin), COMM(incident_begin),                  \
		text(incident_begin, what, "what", "what was noticed, in words"),            \
		number(incident_begin, value, "value", "value", UNIT_COUNT,                  \
		       "what was measured, in 'unit'"),                                      \
		number(incident_begin, threshold, "threshold", "threshold", UNIT_COUNT,      \
		       "from which value on the trigger fires"),                             \
		choice(incident_begin, unit, "unit", "of value, threshold and peak", units), \
		number(incident_begin, held_ns, "held", "held_ns", UNIT_NS,                  \
		       "over so long the value is"),                                         \
		number(incident_begin, from_mono_ns, "from", "from_unix_ns", UNIT_MONO_NS,   \
		       "from when on what was recorded belongs to it"),                      \
		number(incident_begin, rate_hz, "rate", "rate_hz", UNIT_COUNT,               \
		       "samples of each processor and second in its profile"),               \
		chars(incident_begin, session, "session", "that takes its profile")

#define END_FIELDS                                                                                 \
	choice(incident_end, state, "state",                                                       \
	       "done: with its profile; no profile; cut: kymo ended meanwhile", incident_states),  \
		number(incident_end, peak, "peak", "peak", UNIT_COUNT,                             \
		       "the greatest value meanwhile, in 'unit'"),                                 \
		number(incident_end, samples, "samples", "samples", UNIT_COUNT, "in its profile"), \
		number(incident_end, lost, "lost", "lost", UNIT_COUNT, "samples of it"),           \
		text(incident_end, why, "why", "why it has no profile"),                           \
		text(incident_end, also, "also", "what else was noticed meanwhile")

static const struct field begin_fields[] = { AT(incident_begin), BEGIN_FIELDS };

static const struct field end_fields[] = {
	AT(incident_end),
	number(incident_end, incident, "incident", "incident", UNIT_NONE,
	       "which one is over: the seq of its beginning"),
	TRIGGER(incident_end),
	PID(incident_end),
	COMM(incident_end),
	END_FIELDS,
};

/* Only its names and units count: nothing is read from such a record. */
static const struct field whole_fields[] = {
	AT(incident_begin),
	{ .name = "ended",
	  .key = "ended_unix_ns",
	  .help = "when its profile was over; null: it goes on",
	  .kind = FIELD_UNSIGNED,
	  .unit = UNIT_MONO_NS,
	  .size = 8 },
	{ .name = "is_over",
	  .key = "is_over",
	  .help = "nothing is measured for it any more",
	  .kind = FIELD_BOOL,
	  .size = 1 },
	BEGIN_FIELDS,
	END_FIELDS,
};

const struct schema incident_begin_schema = {
	.collector = "incident",
	.event = "begin",
	.help = "a trigger has fired",
	.shape = SCHEMA_EVENTS,
	.size = offsetof(struct incident_begin, what),
	.fields = begin_fields,
	.field_count = array_len(begin_fields),
};

const struct schema incident_end_schema = {
	.collector = "incident",
	.event = "end",
	.help = "what a trigger began is over",
	.shape = SCHEMA_EVENTS,
	.size = offsetof(struct incident_end, why),
	.fields = end_fields,
	.field_count = array_len(end_fields),
};

const struct schema incident_whole_schema = {
	.collector = "incident",
	.event = "whole",
	.help = "what a trigger noticed, with what was measured for it",
	.shape = SCHEMA_JOINED,
	.fields = whole_fields,
	.field_count = array_len(whole_fields),
};

static const struct schema *const schemas[] = {
	&incident_begin_schema,
	&incident_end_schema,
	NULL,
};

static const struct schema *const joined[] = { &incident_whole_schema, NULL };

const struct record_view incident_view = { .collector = "incident", .schemas = schemas };
const struct record_view incident_whole_view = { .collector = "incident", .schemas = joined };

static void place(uint16_t *at, uint16_t *len, size_t offset, const char *words)
{
	*at = (uint16_t)offset;
	*len = (uint16_t)strlen(words);
}

struct record incident_record_begin(struct incident_begin *begin)
{
	place(&begin->what_at, &begin->what_len, offsetof(struct incident_begin, what),
	      begin->what);
	return (struct record){ &incident_begin_schema, (const uint8_t *)begin, sizeof(*begin) };
}

struct record incident_record_end(struct incident_end *end)
{
	place(&end->why_at, &end->why_len, offsetof(struct incident_end, why), end->why);
	place(&end->also_at, &end->also_len, offsetof(struct incident_end, also), end->also);
	return (struct record){ &incident_end_schema, (const uint8_t *)end, sizeof(*end) };
}
