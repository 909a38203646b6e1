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
#include "base/vec.h"
#include "collect/call/call.skel.h"
#include "collect/call/trial.h"
#include "collect/rights.h"
#include "collect/uapi.h"

struct link_list {
	int *data;
	size_t len, cap;
};

struct calls {
	struct calls_request request;
	struct collect_call_call *skeleton;
	struct ring_buffer *ring;
	struct call_counts *counts;
	size_t counts_bytes;
	struct link_list trials; /* to this program itself */
	struct link_list links;
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

/* Sites and functions of the trial stand behind those that were asked for. */
static int load(struct calls *calls)
{
	struct collect_call_call *skeleton = collect_call_call__open();
	int err;

	calls->skeleton = skeleton;
	if (!skeleton)
		return -errno;
	skeleton->rodata->options = calls->request.options;
	bpf_program__set_expected_attach_type(skeleton->progs.call_site,
					      (enum bpf_attach_type)UAPI_TRACE_UPROBE_MULTI);
	err = bpf_map__set_max_entries(skeleton->maps.sites,
				       calls->request.site_count + TRIAL_SITES);
	err = err
		      ?: bpf_map__set_max_entries(skeleton->maps.functions,
						  calls->request.function_count + TRIAL_FUNCTIONS);
	if (!err && calls->request.options.arg_count) {
		err = bpf_map__set_max_entries(skeleton->maps.arguments, CALL_ARGUMENTS_MAX);
		err = err ?: bpf_program__set_flags(skeleton->progs.call_site, BPF_F_SLEEPABLE);
	}
	return err ?: collect_call_call__load(skeleton);
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

int calls_open(const struct calls_request *request, struct calls **ret_calls)
{
	own(calls_closep) struct calls *calls = calloc(1, sizeof(*calls));
	libbpf_print_fn_t print;
	int err;

	if (!calls)
		return -ENOMEM;
	calls->request = *request;
	print = libbpf_set_print(NULL);
	err = load(calls);
	libbpf_set_print(print);
	if (err)
		return rights_fail_load(err, "the program that times calls");
	err = map_counts(calls);
	err = err ?: put_sites(calls, 0, request->sites, request->site_count);
	if (err)
		return err;
	calls->ring = ring_buffer__new(bpf_map__fd(calls->skeleton->maps.records), on_record, calls,
				       NULL);
	if (!calls->ring)
		return fail(-errno, "cannot read the ring of calls: %m");
	*ret_calls = take(calls);
	return 0;
}

struct link_sites {
	const uint64_t *offsets, *cookies;
	const uint64_t *semaphores; /* NULL: none */
	uint32_t count;
	bool hooked; /* return probes */
};

/* Return: a descriptor of the link; -errno. */
static int link_sites(const struct calls *calls, const char *path, const struct link_sites *sites,
		      uint32_t pid)
{
	return uapi_uprobe_multi(&(struct uapi_uprobe_multi){
		.prog_fd = (uint32_t)bpf_program__fd(calls->skeleton->progs.call_site),
		.attach_type = UAPI_TRACE_UPROBE_MULTI,
		.path = (uint64_t)(uintptr_t)path,
		.offsets = (uint64_t)(uintptr_t)sites->offsets,
		.ref_ctr_offsets = (uint64_t)(uintptr_t)sites->semaphores,
		.cookies = (uint64_t)(uintptr_t)sites->cookies,
		.count = sites->count,
		.multi_flags = sites->hooked ? UAPI_UPROBE_MULTI_RETURN : 0,
		.pid = pid,
	});
}

static struct call_control *control_of(const struct calls *calls)
{
	return &calls->skeleton->bss->control;
}

static int fail_link(int err)
{
	if (err == -EPERM || err == -EACCES)
		return fail(-EPERM, "not permitted to set probes");
	if (err == -ESRCH)
		return fail(err, "the process has ended");
	if (err == -EINVAL || err == -EOPNOTSUPP) {
		err = fail(-ENOTSUP, "this kernel sets no probes at many places by one link");
		hint("Linux 6.6 and later do; 'kymo doctor' tries it");
		return err;
	}
	return fail(err, "cannot set probes: %m");
}

/* Takes a descriptor, or says why there is none. */
static int keep_link(struct link_list *links, int link)
{
	int err;

	if (link < 0)
		return fail_link(link);
	err = vec_push(links, link);
	if (err)
		close(link);
	return err;
}

int calls_measure(struct calls *calls, struct calls_costs *ret_costs)
{
	struct trial_plan plan;
	uint64_t cookies[TRIAL_SITES];
	int err;

	*ret_costs = (struct calls_costs){ 0 };
	if (!trial_plan(calls->request.function_count, &plan))
		return 0;
	err = put_sites(calls, calls->request.site_count, plan.sites, TRIAL_SITES);
	if (err)
		return err;
	for (uint32_t i = 0; i < TRIAL_SITES; i++)
		cookies[i] = calls->request.site_count + i;
	for (uint32_t i = 0; !err && i < TRIAL_LINKS; i++)
		err = keep_link(
			&calls->trials,
			link_sites(calls, plan.path,
				   &(struct link_sites){
					   .offsets = plan.offsets + (i ? TRIAL_HOOKED : 0),
					   .cookies = cookies + (i ? TRIAL_HOOKED : 0),
					   .count = i ? TRIAL_SITES - TRIAL_HOOKED : TRIAL_HOOKED,
					   .hooked = i,
				   },
				   (uint32_t)getpid()));
	if (err)
		return err;
	control_of(calls)->is_trial = 1;
	control_of(calls)->armed = 1;
	trial_run(ret_costs);
	control_of(calls)->armed = 0;
	control_of(calls)->is_trial = 0;
	control_of(calls)->taken = 0;
	ring_buffer__consume(calls->ring);
	return 0;
}

/* Which site the kernel does not probe; all of them belong to one file. */
static uint32_t find_refused(const struct calls *calls, const char *path, struct link_sites sites)
{
	while (sites.count > 1) {
		struct link_sites half = sites;
		own(fd_closep) int link = -1;

		half.count /= 2;
		link = link_sites(calls, path, &half, calls->request.pid);
		if (link >= 0) {
			sites.offsets += half.count;
			sites.cookies += half.count;
			sites.semaphores += sites.semaphores ? half.count : 0;
			sites.count -= half.count;
		} else {
			sites.count = half.count;
		}
	}
	return (uint32_t)*sites.cookies;
}

static int attach_sites(struct calls *calls, const struct calls_file *file,
			const struct link_sites *sites, uint32_t *ret_site)
{
	char path[40];
	int link;

	if (!sites->count)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file->fd);
	link = link_sites(calls, path, sites, calls->request.pid);
	if (link == -UAPI_ENOTSUPP || link == -EINVAL || link == -EIO) {
		*ret_site = find_refused(calls, path, *sites);
		return -EOPNOTSUPP;
	}
	return keep_link(&calls->links, link);
}

/* Return probes first, so that every call whose entry is seen has one. */
static int attach_file(struct calls *calls, const struct calls_file *file, const uint64_t *cookies,
		       uint32_t *ret_site)
{
	uint32_t plain_count = file->count - file->hooked, first_hooked = file->first + plain_count;
	struct link_sites hooked = {
		.offsets = calls->request.offsets + first_hooked,
		.cookies = cookies + first_hooked,
		.count = file->hooked,
		.hooked = true,
	};
	struct link_sites plain = {
		.offsets = calls->request.offsets + file->first,
		.semaphores = calls->request.semaphores + file->first,
		.cookies = cookies + file->first,
		.count = plain_count,
	};
	int err = attach_sites(calls, file, &hooked, ret_site);

	return err ?: attach_sites(calls, file, &plain, ret_site);
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

static void close_links(struct link_list *links)
{
	vec_each(link, links)
		close(*link);
	vec_done(links);
}

void calls_detach(struct calls *calls)
{
	close_links(&calls->links);
	close_links(&calls->trials);
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
	calls_detach(calls);
	ring_buffer__free(calls->ring);
	if (calls->counts)
		munmap(calls->counts, calls->counts_bytes);
	collect_call_call__destroy(calls->skeleton);
	free(calls);
}
