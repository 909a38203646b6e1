/* SPDX-License-Identifier: MIT */
/* sideband.h - what processes do to themselves while they are sampled: fork, exec, map code, end.
 *
 * The kernel writes these as perf records, synchronously and with the clock of the samples, so the
 * mappings of a process are known even if it is gone before anybody looks into /proc.
 */
#ifndef COLLECT_SIDEBAND_H
#define COLLECT_SIDEBAND_H

#include "collect/perf_ring.h"
#include "model/batch.h"

/* What the records say with these attributes: every event that carries them is one of ours. */
#define SIDEBAND_SAMPLE_TYPE (PERF_SAMPLE_TID | PERF_SAMPLE_TIME)

struct sideband {
	vec(struct perf_ring) rings; /* one per CPU */
};

/** sideband_attr - turns on the records in @attr, stamped with CLOCK_MONOTONIC */
void sideband_attr(struct perf_event_attr *attr);

/** sideband_open - records of the whole host; 0; -EACCES or -EPERM; -errno */
nodiscard int sideband_open(struct sideband *sideband, const struct cpu_list *cpus);

/** sideband_drain - append what is there to @batch */
nodiscard int sideband_drain(struct sideband *sideband, struct batch *batch);
void sideband_close(struct sideband *sideband);

/**
 * sideband_record - append one record to @batch if it is one of these; others are ignored
 * @trailer_bytes: size of the sample_id behind the record's own fields: pid, tid, time, and what
 *                 the event's sample_type adds behind them
 */
nodiscard int sideband_record(struct batch *batch, const struct perf_event_header *record,
			      size_t trailer_bytes);

#endif
