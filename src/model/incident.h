/* SPDX-License-Identifier: MIT */
/* incident.h - what a trigger of the daemon noticed, as records: when it begins, when it is over, and both
 * joined to one.
 *
 *     incident.begin   a trigger has fired; a profile at a higher rate begins
 *     incident.end     that profile is over, or could not be taken
 *     incident.whole   both together, once for each incident; its `seq` is that of its beginning and names it
 */
#ifndef MODEL_INCIDENT_H
#define MODEL_INCIDENT_H

#include "model/record_sink.h"

#define INCIDENT_SESSION 40
#define INCIDENT_TEXT    512 /* of each text, in bytes */

enum incident_trigger {
	INCIDENT_PROCESS_CPU,
	INCIDENT_HOST_CPU,
	INCIDENT_RUN_QUEUE,
	INCIDENT_IO,
	INCIDENT_OOM,
	INCIDENT_EXIT,
	INCIDENT_LATENCY,
	INCIDENT_TRIGGERS
};

/* The words for them, as in settings and answers. */
extern const char *const incident_triggers[INCIDENT_TRIGGERS + 1];

enum incident_unit {
	INCIDENT_PERCENT,
	INCIDENT_NS,
	INCIDENT_NOTHING /* there is no threshold */
};

enum incident_state {
	INCIDENT_DONE,       /* with its profile */
	INCIDENT_NO_PROFILE, /* `why` says why */
	INCIDENT_CUT,        /* kymo ended meanwhile */
};

extern const char *const incident_states[];

struct incident_begin {
	uint64_t at_mono_ns, from_mono_ns; /* from: what is looked at begins there */
	uint64_t value, threshold;         /* in `unit`; all ones: there is none */
	uint64_t held_ns;                  /* for so long; all ones likewise */
	uint32_t pid;                      /* all ones: it is of the host */
	uint32_t rate_hz;                  /* of the profile; all ones: none is taken */
	uint8_t trigger, unit;
	char comm[16];
	char session[INCIDENT_SESSION]; /* of the profile while it runs; "": none */
	uint16_t what_at, what_len;     /* a sentence, behind the record */
	char what[INCIDENT_TEXT];
};

struct incident_end {
	uint64_t at_mono_ns;
	uint64_t incident; /* the `seq` of its beginning */
	uint64_t peak;     /* the greatest value meanwhile; all ones: there is none */
	uint64_t samples, lost;
	uint32_t pid;
	uint8_t trigger, state;
	char comm[16];
	uint16_t why_at, why_len;   /* there is no profile, behind the record */
	uint16_t also_at, also_len; /* what else was noticed meanwhile */
	char why[INCIDENT_TEXT], also[INCIDENT_TEXT];
};

extern const struct schema incident_begin_schema, incident_end_schema, incident_whole_schema;
extern const struct record_view incident_view,
	incident_whole_view; /* the second: of what is joined */

/** incident_record_begin, incident_record_end - as a record; @begin and @end stay the caller's */
struct record incident_record_begin(struct incident_begin *begin);
struct record incident_record_end(struct incident_end *end);

#endif
