/* SPDX-License-Identifier: MIT */
#include "collect/http/requests.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/clock.h"
#include "base/error.h"
#include "collect/alive.h"
#include "collect/cgroup.h"
#include "collect/descendants.h"
#include "collect/listening.h"
#include "collect/namespace.h"
#include "collect/rights.h"
#include "probe/target.wire.h"

#include "collect/http/http.skel.h"

#define SETTLE_NS NS_PER_S

struct requests {
	struct requests_request request;
	struct collect_http_http *skeleton;
	struct ring_buffer *ring;
};

static int on_record(void *context, void *data, size_t len)
{
	const struct requests *requests = context;
	struct http_record record;

	if (len < sizeof(record))
		return 0;
	memcpy(&record, data, sizeof(record));
	return requests->request.each(requests->request.context, &record);
}

static int choose(struct requests *requests)
{
	struct collect_http_http *skeleton = requests->skeleton;
	const struct requests_request *request = &requests->request;
	struct target_filter filter = { .kind = TARGET_HOST };
	int err = namespace_of_pids(&filter.pid_namespace);

	if (!err && request->pid) {
		filter.kind = TARGET_PROCESS;
		if (alive_process(request->pid) != 1)
			err = fail(-ESRCH, "there is no process %u", request->pid);
	} else if (!err && request->cgroup) {
		filter.kind = TARGET_CGROUP;
		err = cgroup_find(request->cgroup, &filter.hierarchy, &filter.cgroup_id);
	}
	skeleton->rodata->target = filter;
	skeleton->rodata->options = (struct http_options){
		.settle_ns = SETTLE_NS,
		.port = request->port,
	};
	bpf_program__set_autoload(skeleton->progs.target_fork, request->pid);
	bpf_program__set_autoload(skeleton->progs.target_exec, false);
	bpf_program__set_autoload(skeleton->progs.target_free, request->pid);
	return err;
}

static int add_target(void *context, uint32_t pid)
{
	const struct requests *requests = context;
	uint8_t one = 1;

	if (bpf_map_update_elem(bpf_map__fd(requests->skeleton->maps.targets), &pid, &one, BPF_ANY))
		return fail(-errno, "cannot follow process %u: %m", pid);
	return 0;
}

static int add_port(void *context, uint16_t port)
{
	uint64_t *ports = ((struct requests *)context)->skeleton->bss->ports;

	__atomic_fetch_or(&ports[port / 64], 1ull << (port % 64), __ATOMIC_RELAXED);
	return 0;
}

/* Hooks first, so that no fork and no new listener is missed in between. */
static int attach(struct requests *requests)
{
	const struct requests_request *request = &requests->request;
	int err = collect_http_http__attach(requests->skeleton);

	if (err)
		return fail(err, "cannot attach to the sockets: %m");
	if (request->pid)
		err = descendants_each(request->pid, add_target, requests);
	if (request->port)
		return err ?: add_port(requests, request->port);
	return err ?: listening_each(add_port, requests);
}

static int load(struct requests *requests)
{
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	int err = 0;

	requests->skeleton = collect_http_http__open();
	if (!requests->skeleton)
		err = -errno;
	err = err ?: choose(requests);
	if (!err) {
		err = collect_http_http__load(requests->skeleton);
		if (err)
			err = rights_fail_load(err, "the program that sees requests");
		if (err == -ENOTSUP)
			hint("requests are seen on Linux 6.16 and later; functions of a server can be "
			     "timed");
	}
	libbpf_set_print(print);
	return err;
}

int requests_open(const struct requests_request *request, struct requests **ret_requests)
{
	own(requests_closep) struct requests *requests = calloc(1, sizeof(*requests));
	int err;

	if (!requests)
		return -ENOMEM;
	requests->request = *request;
	err = load(requests);
	err = err ?: attach(requests);
	if (err)
		return err;
	requests->ring = ring_buffer__new(bpf_map__fd(requests->skeleton->maps.records), on_record,
					  requests, NULL);
	if (!requests->ring)
		return fail(-errno, "cannot read the ring of requests: %m");
	*ret_requests = take(requests);
	return 0;
}

void requests_arm(struct requests *requests)
{
	__atomic_store_n(&requests->skeleton->bss->control.armed, 1, __ATOMIC_SEQ_CST);
}

int requests_settle(struct requests *requests, bool is_last)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);

	if (is_last) {
		__atomic_store_n(&requests->skeleton->bss->control.armed, 0, __ATOMIC_SEQ_CST);
		__atomic_store_n(&requests->skeleton->bss->control.is_last, 1, __ATOMIC_SEQ_CST);
	}
	if (bpf_prog_test_run_opts(bpf_program__fd(requests->skeleton->progs.http_settle),
				   &options))
		return fail(-errno, "cannot look at the open connections: %m");
	return 0;
}

int requests_drain(struct requests *requests)
{
	int got = ring_buffer__consume(requests->ring);

	return got < 0 ? got : 0;
}

int requests_descriptor(const struct requests *requests)
{
	return ring_buffer__epoll_fd(requests->ring);
}

void requests_detach(struct requests *requests)
{
	collect_http_http__detach(requests->skeleton);
}

const volatile struct http_control *requests_control(const struct requests *requests)
{
	return &requests->skeleton->bss->control;
}

uint64_t requests_refused(const struct requests *requests)
{
	return __atomic_load_n(&requests->skeleton->bss->targets_refused, __ATOMIC_RELAXED);
}

uint64_t requests_missed(const struct requests *requests)
{
	struct bpf_program *program;
	uint64_t missed = 0;

	bpf_object__for_each_program(program, requests->skeleton->obj) {
		struct bpf_prog_info info = { 0 };
		uint32_t len = sizeof(info);

		if (bpf_program__fd(program) >= 0 &&
		    !bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &len))
			missed += info.recursion_misses;
	}
	return missed;
}

void requests_close(struct requests *requests)
{
	if (!requests)
		return;
	ring_buffer__free(requests->ring);
	collect_http_http__destroy(requests->skeleton);
	free(requests);
}
