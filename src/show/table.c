/* SPDX-License-Identifier: MIT */
/* table.c - one line per sample: when, who, where, and how much stack there was.
 *
 *     TIME                 COMM                     PID     CPUID   KStackSz UStackSz
 *     1753000000000000000  bash                     1234    0       24      80
 *
 * TIME is Unix time in ns, PID the process, the sizes are bytes (8 a frame).  A name with blanks or
 * longer than its column shifts the rest: split from the right, the last four fields are numbers.
 * With `stacks` two lines follow each, root first, escaped as in the folded format:
 *
 *     KStack: [do_syscall_64;ksys_read]
 *     UStack: [main;work]
 */
#include <inttypes.h>

#include "base/text.h"
#include "report/names.h"
#include "show/sinks.h"

#define FRAME_BYTES 8

static int table_begin(struct sink_target *target)
{
	target->state = calloc(1, sizeof(struct path));
	if (!target->state)
		return -ENOMEM;
	fprintf(target->out, "%-20s %-24s %-7s %-7s %-7s %-7s\n", "TIME", "COMM", "PID", "CPUID",
		"KStackSz", "UStackSz");
	return 0;
}

static void put_line(FILE *out, const struct profile *profile, const struct moment *moment)
{
	const struct task *task = &profile->tasks.data[moment->task];
	const char *comm = profile_text(profile, task->name);
	size_t columns = text_columns(comm);

	fprintf(out, "%-20" PRIu64 " ",
		moment->at_mono_ns + profile->started_unix_ns - profile->started_mono_ns);
	text_put_plain(out, comm);
	fprintf(out, "%*s %-7" PRIu32 " %-7" PRIu32 " %-7d %-7d\n",
		columns < 24 ? 24 - (int)columns : 0, "",
		profile->processes.data[task->process].pid, moment->cpu,
		moment->kernel_frames * FRAME_BYTES, moment->user_frames * FRAME_BYTES);
}

static void put_stack(FILE *out, const struct profile *profile, const char *heading,
		      const uint32_t *frames, size_t count)
{
	const char *between = "";

	fprintf(out, "%s: [", heading);
	for (size_t i = 0; i < count; i++) {
		const struct name *names;
		struct name spare;
		uint32_t name_count =
			names_of(profile, &profile->frames.data[frames[i]], &spare, &names);

		for (uint32_t j = 0; j < name_count; j++) {
			fputs(between, out);
			text_put_folded(out, names_text(profile, names[j].function), 0);
			between = ";";
		}
	}
	fputs("]\n", out);
}

static int table_moments(struct sink_target *target, size_t first, size_t count)
{
	const struct profile *profile = target->profile;
	struct path *path = target->state;

	for (size_t i = first; i < first + count; i++) {
		const struct moment *moment = &profile->moments.data[i];
		int err;

		put_line(target->out, profile, moment);
		if (!target->options.stacks)
			continue;
		err = path_load(path, profile, moment->stack);
		if (err)
			return err;
		put_stack(target->out, profile, "KStack", path->frames.data + path->kernel,
			  path->frames.len - path->kernel);
		put_stack(target->out, profile, "UStack", path->frames.data, path->kernel);
	}
	return 0;
}

static int table_end(struct sink_target *target)
{
	path_done(target->state);
	free(target->state);
	target->state = NULL;
	return 0;
}

const struct sink show_table = {
	.name = "table",
	.help = "one line per sample: time, comm, pid, cpu and the sizes of its stacks",
	.suffix = "table",
	.every_sample = true,
	.is_live = true,
	.begin = table_begin,
	.moments = table_moments,
	.end = table_end,
};
