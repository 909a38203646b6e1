/* SPDX-License-Identifier: MIT */
/* run_denet.h - a run in the JSON lines of denet, with its field names, from what was measured.
 *
 *     {"kind":"metadata","pid":N,"cmd":[...],"executable":"...","t0_ms":N}
 *     {"kind":"tree","ts_ms":N,"parent":SAMPLE|null,"children":[{"pid":N,"command":"...","metrics":SAMPLE}],
 *      "aggregated":SUMS}                                      at each moment of the timeline
 *     {"kind":"tree",...,"parent":null,"children":[],"aggregated":SUMS with "ebpf"}      at the end
 *     {"kind":"exit","ts_ms":N,"pid":N,"ppid":N,"command":"...","cmd":[...],"exit_status":N|null,
 *      "exit_signal":N|null,"duration_ms":N,"cpu_ms":N}         for each process that has ended
 *     {"kind":"coverage","mode":"...","lost":N,"not_measured":[...]}
 *
 * SAMPLE and SUMS have denet's keys; counters are since the start of the run.  Of SUMS: cpu, disk, faults and
 * calls are of the dead, too; `process_count` is alive, `processes_total` all until then; sock_rx_bytes and
 * sock_tx_bytes are what the tree itself received and sent.  Denet's readers skip kinds and keys that they do
 * not know.  What its format requires and was not measured is 0, and named in the last line.
 */
#ifndef SHOW_RUN_DENET_H
#define SHOW_RUN_DENET_H

#include "show/run.h"

struct run_denet {
	FILE *out;
	const struct run_view *view;
	bool has_begun;
	uint64_t at_mono_ns;    /* of the last record */
	uint64_t running_ns;    /* of the tree by then */
	vec(uint64_t) runnings; /* by number of the process */
};

/** run_denet_moment - a tree record; @denet: struct run_denet.  Return: 0; -ENOMEM; -errno of the stream */
nodiscard int run_denet_moment(void *denet, const struct account *account);

/** run_denet_end - what is known at the end.  The same may then begin another run.  As run_denet_moment() */
nodiscard int run_denet_end(struct run_denet *denet, const struct account *account);
void run_denet_done(struct run_denet *denet);

#endif
