/* SPDX-License-Identifier: MIT */
#include "session/recording.h"

#include <errno.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "session/intake.h"

#define SAMPLING_NICE (-10)

struct recording {
	const struct recording_request *request;
	struct profile *profile;
	struct files *files;
	struct debuginfod *debuginfod;
	struct intake *intake;
	struct resolver *resolver;
	struct cpu *cpu;
	struct unwinder *unwinder;
	int old_nice;
	bool is_raised;
};

/* While samples come, whoever waits for their reader loses them: on a busy host it must not wait its
 * turn.  It needs some milliseconds of a second.
 */
static void raise_priority(struct recording *recording)
{
	recording->old_nice = getpriority(PRIO_PROCESS, 0);
	recording->is_raised = recording->old_nice > SAMPLING_NICE &&
			       setpriority(PRIO_PROCESS, 0, SAMPLING_NICE) == 0;
}

static void lower_priority(struct recording *recording)
{
	if (recording->is_raised)
		setpriority(PRIO_PROCESS, 0, recording->old_nice);
	recording->is_raised = false;
}

static int open_resolver(struct recording *recording)
{
	const struct recording_request *request = recording->request;
	struct opener opener;
	int err;

	err = profile_new(&recording->profile);
	err = err ?: files_new(&recording->files);
	if (!err && request->debuginfod)
		err = debuginfod_new(&recording->debuginfod);
	if (err)
		return err;
	files_ask(recording->files, recording->debuginfod);
	opener = files_opener(recording->files);
	return resolver_new(&request->naming, &opener, &recording->resolver);
}

static int open_all(struct recording *recording)
{
	const struct recording_request *request = recording->request;
	int err = open_resolver(recording);

	err = err
		      ?: intake_new(recording->profile, recording->files, &request->cpu,
				    &recording->intake);
	err = err ?: cpu_open(&request->cpu, &recording->cpu);
	if (!err && cpu_unwind_tables(recording->cpu)) {
		err = unwinder_new(cpu_unwind_tables(recording->cpu), &recording->profile->text,
				   &recording->unwinder);
		intake_unwind(recording->intake, recording->unwinder);
	}
	return err ?: cpu_describe(recording->cpu, &recording->profile->coverage);
}

/* What is known of the run before the first sample. */
static void begin_profile(struct recording *recording)
{
	static const enum profile_time times[] = {
		[CPU_TIME_ON] = PROFILE_RUNNING,
		[CPU_TIME_OFF] = PROFILE_WAITING,
		[CPU_TIME_WALL] = PROFILE_LIVING,
	};
	const struct recording_request *request = recording->request;
	struct profile *profile = recording->profile;

	profile->started_mono_ns = clock_mono_ns();
	profile->started_unix_ns = profile->started_mono_ns + clock_unix_offset_ns();
	if (request->cpu.time != CPU_TIME_OFF)
		profile->rate_hz = request->cpu.rate_hz;
	profile->cpus = cpu_count(recording->cpu);
	profile->keep_moments = request->keep_moments;
	profile->time = times[request->cpu.time];
}

int recording_open(const struct recording_request *request, struct recording **ret_recording)
{
	own(recording_freep) struct recording *recording = calloc(1, sizeof(*recording));
	int err;

	if (!recording)
		return -ENOMEM;
	recording->request = request;
	err = open_all(recording);
	if (err)
		return err;
	begin_profile(recording);
	*ret_recording = take(recording);
	return 0;
}

void recording_free(struct recording *recording)
{
	if (!recording)
		return;
	lower_priority(recording);
	intake_free(recording->intake);
	unwinder_free(recording->unwinder);
	cpu_close(recording->cpu);
	resolver_free(recording->resolver);
	files_free(recording->files);
	debuginfod_free(recording->debuginfod);
	profile_free(recording->profile);
	free(recording);
}

int recording_start(struct recording *recording)
{
	raise_priority(recording);
	return cpu_start(recording->cpu);
}

int recording_drain(struct recording *recording)
{
	return intake_drain(recording->intake, recording->cpu);
}

void recording_stop(struct recording *recording)
{
	cpu_stop(recording->cpu);
	lower_priority(recording);
	recording->profile->duration_ns = clock_mono_ns() - recording->profile->started_mono_ns;
}

int recording_finish(struct recording *recording)
{
	return intake_finish(recording->intake, recording->cpu);
}

int recording_name(struct recording *recording)
{
	return resolver_name(recording->resolver, recording->profile);
}

int recording_report(struct recording *recording)
{
	int err = resolver_report(recording->resolver, recording->profile);

	return err ?: intake_report(recording->intake);
}

int recording_descriptor(const struct recording *recording)
{
	return cpu_descriptor(recording->cpu);
}

bool recording_is_over(const struct recording *recording)
{
	return cpu_is_over(recording->cpu);
}

struct profile *recording_profile(const struct recording *recording)
{
	return recording->profile;
}

struct profile *recording_take(struct recording *recording)
{
	return take(recording->profile);
}
