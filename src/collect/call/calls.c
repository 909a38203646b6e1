/* SPDX-License-Identifier: MIT */
#include "collect/call/calls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/clock.h"
#include "base/error.h"
#include "collect/call/call.skel.h"
#include "collect/call/links.h"
#include "collect/call/trial.h"
#include "collect/rights.h"
#include "collect/uapi.h"

struct calls {
	struct calls_request request;
	struct collect_call_call *skeleton;
	struct ring_buffer *ring;
	struct call_counts *counts;
	size_t counts_bytes;
	struct links trials; /* of this program itself */
	struct links links;
};

static int on_record(void *context, void *data, size_t len)
{
	const struct calls *calls = context;
	struct call_record_long record;
	bool is_long = len >= sizeof(record);

	if (len < sizeof(record.call))
		return 0;
	memcpy(&record, data, is_long ? sizeof(record) : sizeof(record.call));
	if (record.call.function >= calls->request.function_count || !calls->request.each)
		return 0;
	return calls->request.each(calls->request.context, &record.call,
				   is_long ? &record.arguments : NULL);
}

static void unload(struct calls *calls)
{
	links_drop(&calls->links);
	links_drop(&calls->trials);
	ring_buffer__free(calls->ring);
	if (calls->counts)
		munmap(calls->counts, calls->counts_bytes);
	collect_call_call__destroy(calls->skeleton);
	calls->skeleton = NULL;
	calls->ring = NULL;
	calls->counts = NULL;
}

/* Sites and functions of the trial stand behind those that were asked for. */
static int load(struct calls *calls)
{
	struct collect_call_call *skeleton = collect_call_call__open();
	int err;

	calls->skeleton = skeleton;
	if (!skeleton)
		return -errno;
	skeleton->rodata->options = calls->request.options;
	if (!calls->links.is_perf)
		bpf_program__set_expected_attach_type(
			skeleton->progs.call_site, (enum bpf_attach_type)UAPI_TRACE_UPROBE_MULTI);
	err = bpf_map__set_max_entries(skeleton->maps.sites,
				       calls->request.site_count + TRIAL_SITES);
	err = err
		      ?: bpf_map__set_max_entries(skeleton->maps.functions,
						  calls->request.function_count + TRIAL_FUNCTIONS);
	if (!err && calls->request.options.arg_count) {
		err = bpf_map__set_max_entries(skeleton->maps.arguments, CALL_ARGUMENTS_MAX);
		err = err ?: bpf_program__set_flags(skeleton->progs.call_site, BPF_F_SLEEPABLE);
	}
	err = err ?: collect_call_call__load(skeleton);
	if (!err)
		calls->links.program = calls->trials.program =
			bpf_program__fd(skeleton->progs.call_site);
	return err;
}

static int map_counts(struct calls *calls)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t bytes = (size_t)(calls->request.function_count + TRIAL_FUNCTIONS) *
		       sizeof(struct call_counts);
	void *mapping;

	calls->counts_bytes = (bytes + page - 1) / page * page;
	mapping = mmap(NULL, calls->counts_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
		       bpf_map__fd(calls->skeleton->maps.functions), 0);
	if (mapping == MAP_FAILED)
		return fail(-errno, "cannot map the counts of calls: %m");
	calls->counts = mapping;
	return 0;
}

static int put_sites(struct calls *calls, uint32_t first, const struct call_site *sites,
		     uint32_t count)
{
	int map = bpf_map__fd(calls->skeleton->maps.sites), err = 0;

	for (uint32_t i = 0; !err && i < count; i++) {
		uint32_t number = first + i;

		if (bpf_map_update_elem(map, &number, &sites[i], BPF_ANY))
			err = fail(-errno, "cannot tell the program what it probes: %m");
	}
	return err;
}

static int fail_link(int err)
{
	if (err == -EPERM || err == -EACCES)
		return fail(-EPERM, "not permitted to set probes");
	if (err == -ESRCH)
		return fail(err, "the process has ended");
	if (err == -E2BIG) {
		err = fail(err,
			   "this kernel wants a perf event for each place that is probed, and at "
			   "most %d are set",
			   LINKS_PERF_MAX);
		hint("name fewer functions, or use Linux 6.6 or later");
		return err;
	}
	return fail(err, "cannot set probes: %s", strerror(-err));
}

static int set_trials(struct calls *calls)
{
	struct trial_plan plan;
	uint64_t cookies[TRIAL_SITES];
	int err = 0;

	if (!trial_plan(calls->request.function_count, &plan))
		return 0;
	err = put_sites(calls, calls->request.site_count, plan.sites, TRIAL_SITES);
	if (err)
		return err;
	for (uint32_t i = 0; i < TRIAL_SITES; i++)
		cookies[i] = calls->request.site_count + i;
	for (uint32_t i = 0; !err && i < TRIAL_LINKS; i++)
		err = links_set(&calls->trials, plan.path,
				&(struct links_places){
					.offsets = plan.offsets + (i ? TRIAL_HOOKED : 0),
					.cookies = cookies + (i ? TRIAL_HOOKED : 0),
					.count = i ? TRIAL_SITES - TRIAL_HOOKED : TRIAL_HOOKED,
					.hooked = i,
				},
				(uint32_t)getpid());
	return err;
}

/* Return: 0; -errno, with fail() said unless the program is loaded and no probe can be set. */
static int prepare(struct calls *calls)
{
	int err = load(calls);

	if (err)
		return rights_fail_load(err, "the program that times calls");
	err = map_counts(calls);
	err = err ?: put_sites(calls, 0, calls->request.sites, calls->request.site_count);
	if (err)
		return err;
	calls->ring = ring_buffer__new(bpf_map__fd(calls->skeleton->maps.records), on_record, calls,
				       NULL);
	return calls->ring ? 0 : fail(-errno, "cannot read the ring of calls: %m");
}

/* By one link for each file; where the kernel has none, by perf events. */
int calls_open(const struct calls_request *request, struct calls **ret_calls)
{
	own(calls_closep) struct calls *calls = calloc(1, sizeof(*calls));
	int err;

	if (!calls)
		return -ENOMEM;
	calls->request = *request;
	calls->links.is_perf = calls->trials.is_perf = request->is_perf;
	err = prepare(calls);
	if (err)
		return err;
	err = set_trials(calls);
	if ((err == -EINVAL || err == -EOPNOTSUPP) && !calls->links.is_perf) {
		unload(calls);
		calls->links.is_perf = calls->trials.is_perf = true;
		err = prepare(calls);
		if (err)
			return err;
		err = set_trials(calls);
	}
	if (err)
		return fail_link(err);
	*ret_calls = take(calls);
	return 0;
}

bool calls_by_perf(const struct calls *calls)
{
	return calls->links.is_perf;
}

static struct call_control *control_of(const struct calls *calls)
{
	return &calls->skeleton->bss->control;
}

void calls_measure(struct calls *calls, struct calls_costs *ret_costs)
{
	*ret_costs = (struct calls_costs){ 0 };
	if (!calls->trials.fds.len)
		return;
	control_of(calls)->is_trial = 1;
	control_of(calls)->armed = 1;
	trial_run(ret_costs);
	control_of(calls)->armed = 0;
	control_of(calls)->is_trial = 0;
	control_of(calls)->taken = 0;
	ring_buffer__consume(calls->ring);
}

static int attach_places(struct calls *calls, const struct calls_file *file,
			 const struct links_places *places, uint32_t *ret_site)
{
	char path[40];
	int err;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", file->fd);
	err = links_set(&calls->links, path, places, calls->request.pid);
	if (err == -UAPI_ENOTSUPP || err == -EINVAL || err == -EIO) {
		*ret_site =
			(uint32_t)links_refused(&calls->links, path, *places, calls->request.pid);
		return -EOPNOTSUPP;
	}
	return err ? fail_link(err) : 0;
}

/* Return probes first, so that every call whose entry is seen has one. */
static int attach_file(struct calls *calls, const struct calls_file *file, const uint64_t *cookies,
		       uint32_t *ret_site)
{
	uint32_t plain_count = file->count - file->hooked, first_hooked = file->first + plain_count;
	struct links_places hooked = {
		.offsets = calls->request.offsets + first_hooked,
		.cookies = cookies + first_hooked,
		.count = file->hooked,
		.hooked = true,
	};
	struct links_places plain = {
		.offsets = calls->request.offsets + file->first,
		.semaphores = calls->request.semaphores + file->first,
		.cookies = cookies + file->first,
		.count = plain_count,
	};
	int err = attach_places(calls, file, &hooked, ret_site);

	return err ?: attach_places(calls, file, &plain, ret_site);
}

int calls_attach(struct calls *calls, uint32_t *ret_site)
{
	own(freep) uint64_t *cookies = calloc(calls->request.site_count, sizeof(*cookies));
	int err = cookies ? 0 : -ENOMEM;

	for (uint32_t i = 0; !err && i < calls->request.site_count; i++)
		cookies[i] = i;
	for (uint32_t i = 0; !err && i < calls->request.file_count; i++)
		err = attach_file(calls, &calls->request.files[i], cookies, ret_site);
	return err;
}

void calls_arm(struct calls *calls)
{
	__atomic_store_n(&control_of(calls)->armed, 1, __ATOMIC_SEQ_CST);
}

void calls_disarm(struct calls *calls)
{
	__atomic_store_n(&control_of(calls)->armed, 0, __ATOMIC_SEQ_CST);
}

void calls_detach(struct calls *calls)
{
	links_drop(&calls->links);
	links_drop(&calls->trials);
}

int calls_drain(struct calls *calls)
{
	int got = ring_buffer__consume(calls->ring);

	return got < 0 ? got : 0;
}

int calls_descriptor(const struct calls *calls)
{
	return ring_buffer__epoll_fd(calls->ring);
}

const volatile struct call_counts *calls_counts(const struct calls *calls, uint32_t function)
{
	return &calls->counts[function];
}

unsigned calls_turn(struct calls *calls)
{
	unsigned old = control_of(calls)->turn & 1, new = !old;

	for (uint32_t i = 0; i < calls->request.function_count; i++)
		if (calls->counts[i].max_ns[new])
			calls->counts[i].max_ns[new] = 0;
	__atomic_store_n(&control_of(calls)->turn, new, __ATOMIC_SEQ_CST);
	return old;
}

const volatile struct call_control *calls_control(const struct calls *calls)
{
	return control_of(calls);
}

void calls_close(struct calls *calls)
{
	if (!calls)
		return;
	unload(calls);
	free(calls);
}
