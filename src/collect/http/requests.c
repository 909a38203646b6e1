/* SPDX-License-Identifier: MIT */
#include "collect/http/requests.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/clock.h"
#include "base/error.h"
#include "collect/alive.h"
#include "collect/cgroup.h"
#include "collect/descendants.h"
#include "collect/listening.h"
#include "collect/namespace.h"
#include "collect/perf_ring.h"
#include "collect/rights.h"
#include "collect/uapi.h"
#include "probe/target.wire.h"

#include "collect/http/http.skel.h"

#define SETTLE_NS   NS_PER_S
#define TLS_ENTRIES 16384   /* threads that are in OpenSSL, or were last */
#define SAMPLE_NS   5003000 /* CPU time from one sample to the next; no multiple of a timer's tick */

struct requests {
	struct requests_request request;
	struct collect_http_http *skeleton;
	struct ring_buffer *ring;
	vec(int) links; /* probes, and clocks of samples */
	size_t clocks;  /* how many of them are such; 0: CPU time is not known */
	int clock_err;  /* why there are none; 0: there are */
	enum requests_way way;
	int stats; /* -1: none; while it is open the kernel measures programs */
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

/* Tables are as large as they need to be only where they are used. */
static int choose_probes(struct requests *requests)
{
	struct collect_http_http *skeleton = requests->skeleton;
	struct bpf_program *programs[] = { skeleton->progs.http_tls, skeleton->progs.http_go };
	const uint32_t counts[] = { requests->request.tls.count, requests->request.go.count };
	int err = 0;

	for (size_t i = 0; i < array_len(programs); i++) {
		bpf_program__set_autoload(programs[i], counts[i] > 0);
		bpf_program__set_autoattach(programs[i], false);
		bpf_program__set_expected_attach_type(
			programs[i], (enum bpf_attach_type)UAPI_TRACE_UPROBE_MULTI);
	}
	if (counts[0]) {
		err = bpf_map__set_max_entries(skeleton->maps.tls_readings, TLS_ENTRIES);
		err = err ?: bpf_map__set_max_entries(skeleton->maps.tls_sockets, TLS_ENTRIES);
		err = err
			      ?: bpf_map__set_max_entries(skeleton->maps.tls_sessions,
							  HTTP_CONNECTIONS_MAX);
	}
	if (!err && counts[1])
		err = bpf_map__set_max_entries(skeleton->maps.go_requests, HTTP_RUNNERS_MAX);
	return err;
}

/* In every process that has the file: which of them are meant the program asks. */
static int attach_probes(struct requests *requests, const struct bpf_program *program,
			 const struct requests_probes *probes, const char *what)
{
	uint64_t offsets[REQUESTS_PROBES_MAX], cookies[REQUESTS_PROBES_MAX];
	char path[40];
	int link, err;

	if (!probes->count)
		return 0;
	for (uint32_t i = 0; i < probes->count; i++) {
		offsets[i] = probes->list[i].offset;
		cookies[i] = probes->list[i].cookie;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", probes->file);
	link = uapi_uprobe_multi(&(struct uapi_uprobe_multi){
		.prog_fd = (uint32_t)bpf_program__fd(program),
		.attach_type = UAPI_TRACE_UPROBE_MULTI,
		.path = (uint64_t)(uintptr_t)path,
		.offsets = (uint64_t)(uintptr_t)offsets,
		.cookies = (uint64_t)(uintptr_t)cookies,
		.count = probes->count,
	});
	if (link < 0)
		return fail(link, "cannot probe %s: %m", what);
	err = vec_push(&requests->links, link);
	if (err)
		close(link);
	return err;
}

static void close_links(struct requests *requests)
{
	vec_each(link, &requests->links)
		close(*link);
	vec_done(&requests->links);
	requests->clocks = 0;
}

static void refuse_clocks(struct requests *requests, int err)
{
	close_links(requests);
	requests->clock_err = err;
}

/* One on each processor, or none at all: then CPU time is not known. */
static void open_clocks(struct requests *requests)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = SAMPLE_NS,
		.disabled = 1,
	};
	struct cpu_list cpus = { 0 };
	int err = perf_cpus(&cpus);

	for (size_t i = 0; !err && i < cpus.ids.len; i++) {
		int fd = perf_open(&attr, -1, (int)cpus.ids.data[i], -1, 0);

		err = fd < 0 ? fd : vec_push(&requests->links, fd);
	}
	requests->clocks = requests->links.len;
	if (err)
		refuse_clocks(requests, err);
	vec_done(&cpus.ids);
}

/* Return: 0; -errno. */
static int start_clocks(const struct requests *requests)
{
	int program = bpf_program__fd(requests->skeleton->progs.http_sample);

	for (size_t i = 0; i < requests->clocks; i++)
		if (ioctl(requests->links.data[i], PERF_EVENT_IOC_SET_BPF, program) ||
		    ioctl(requests->links.data[i], PERF_EVENT_IOC_ENABLE, 0))
			return -errno;
	return 0;
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
		.tls = request->tls.count > 0,
		.packets = requests->way == REQUESTS_BY_PACKETS,
		.go = request->go.count > 0,
		.go_runtime = request->about_go.runtime,
		.go_at = request->about_go.at,
		.sample_ns = requests->clocks ? SAMPLE_NS : 0,
	};
	err = err ?: choose_probes(requests);
	bpf_program__set_autoload(skeleton->progs.target_fork, request->pid);
	bpf_program__set_autoload(skeleton->progs.target_exec, false);
	bpf_program__set_autoload(skeleton->progs.target_free, request->pid);
	bpf_program__set_autoload(skeleton->progs.http_sample, requests->clocks);
	bpf_program__set_autoload(skeleton->progs.http_exec, requests->clocks);
	bpf_program__set_autoload(skeleton->progs.http_fork, requests->clocks);
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

/* At all sockets: those of the outermost control group.  The links are the skeleton's. */
static int attach_packets(struct requests *requests)
{
	struct collect_http_http *skeleton = requests->skeleton;
	own(freep) char *mount = cgroup_mount(HIERARCHY_V2);
	own(fd_closep) int folder = -1;

	if (!mount)
		return fail(-ENOTSUP,
			    "cannot see packets: no control groups of version 2 are mounted");
	folder = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return fail(-errno, "cannot open '%s': %m", mount);
	skeleton->links.http_packet_in =
		bpf_program__attach_cgroup(skeleton->progs.http_packet_in, folder);
	if (!skeleton->links.http_packet_in)
		return fail(-errno, "cannot attach to packets that come in: %m");
	skeleton->links.http_packet_out =
		bpf_program__attach_cgroup(skeleton->progs.http_packet_out, folder);
	if (!skeleton->links.http_packet_out)
		return fail(-errno, "cannot attach to packets that go out: %m");
	return 0;
}

/* Hooks first, so that no fork and no new listener is missed in between. */
static int attach(struct requests *requests)
{
	const struct requests_request *request = &requests->request;
	int err = collect_http_http__attach(requests->skeleton);

	if (err)
		return fail(err, "cannot attach to the sockets: %m");
	if (requests->way == REQUESTS_BY_PACKETS)
		err = attach_packets(requests);
	err = err
		      ?: attach_probes(requests, requests->skeleton->progs.http_tls, &request->tls,
				       "OpenSSL");
	err = err
		      ?: attach_probes(requests, requests->skeleton->progs.http_go, &request->go,
				       "net/http of Go");
	if (!err && request->pid)
		err = descendants_each(request->pid, add_target, requests);
	if (request->port)
		return err ?: add_port(requests, request->port);
	return err ?: listening_each(add_port, requests);
}

/* Each way has programs of its own. */
static void choose_way(struct requests *requests)
{
	struct collect_http_http *skeleton = requests->skeleton;
	bool by_packets = requests->way == REQUESTS_BY_PACKETS;

	bpf_program__set_autoload(skeleton->progs.http_ready, !by_packets);
	bpf_program__set_autoload(skeleton->progs.http_read, !by_packets);
	bpf_program__set_autoload(skeleton->progs.http_write,
				  requests->way == REQUESTS_BY_TRACEPOINT);
	bpf_program__set_autoload(skeleton->progs.http_write_called,
				  requests->way == REQUESTS_BY_ENTRY);
	bpf_program__set_autoload(skeleton->progs.http_packet_in, by_packets);
	bpf_program__set_autoload(skeleton->progs.http_packet_read, by_packets);
	bpf_program__set_autoload(skeleton->progs.http_packet_out, by_packets);
}

static int load_way(struct requests *requests, enum requests_way way)
{
	int err;

	requests->way = way;
	if (way == REQUESTS_BY_PACKETS)
		refuse_clocks(requests, 0); /* who answers is not seen */
	collect_http_http__destroy(requests->skeleton);
	requests->skeleton = collect_http_http__open();
	if (!requests->skeleton)
		return -errno;
	err = choose(requests);
	if (err)
		return err;
	choose_way(requests);
	return collect_http_http__load(requests->skeleton);
}

static int fail_ways(const struct requests *requests, int err)
{
	if (requests->way == REQUESTS_BY_PACKETS && err == -EPERM && rights_load_tracing()) {
		err = fail(err, "not permitted to see packets");
		hint("run with sudo, or give the program CAP_NET_ADMIN, too");
		return err;
	}
	err = rights_fail_load(err, "the program that sees requests");
	if (err == -ENOTSUP && requests->way != REQUESTS_BY_PACKETS)
		hint("without --tls requests are seen in the packets of their connections");
	return err;
}

/* Decided by what loads. */
static int load_any(struct requests *requests)
{
	const struct requests_request *request = &requests->request;
	bool has_probes = request->tls.count || request->go.count;
	enum requests_way last = has_probes ? REQUESTS_BY_ENTRY : REQUESTS_BY_PACKETS;
	int err = 0;

	error_clear();
	if (request->by_packets && has_probes)
		return fail(-ENOTSUP, "nothing behind TLS is seen in packets");
	for (enum requests_way way = request->by_packets ? REQUESTS_BY_PACKETS : 0; way <= last;
	     way++) {
		err = load_way(requests, way);
		if (!err || *error_text())
			return err;
	}
	return fail_ways(requests, err);
}

/* Whether samples are taken the programs are told by a constant: where the clocks are refused that late, once more. */
static int load_and_sample(struct requests *requests)
{
	int err = load_any(requests), refused;

	if (err)
		return err;
	refused = start_clocks(requests);
	if (!refused)
		return 0;
	refuse_clocks(requests, refused);
	return load_any(requests);
}

/* The program at the beginning of a function may load, and the kernel refuse to attach it. */
static int load_and_attach(struct requests *requests)
{
	struct requests_request *request = &requests->request;
	int err = load_and_sample(requests);

	if (err)
		return err;
	err = attach(requests);
	if (!err || requests->way != REQUESTS_BY_ENTRY || request->tls.count || request->go.count)
		return err;
	request->by_packets = true;
	err = load_and_sample(requests);
	return err ?: attach(requests);
}

int requests_open(const struct requests_request *request, struct requests **ret_requests)
{
	own(requests_closep) struct requests *requests = calloc(1, sizeof(*requests));
	int err;

	if (!requests)
		return -ENOMEM;
	requests->request = *request;
	requests->stats = -1;
	open_clocks(requests);
	err = load_and_attach(requests);
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
	close_links(requests);
}

const volatile struct http_control *requests_control(const struct requests *requests)
{
	return &requests->skeleton->bss->control;
}

int requests_runtime(const struct requests *requests, uint32_t pid,
		     const struct http_runtime *runtime)
{
	if (bpf_map_update_elem(bpf_map__fd(requests->skeleton->maps.runtimes), &pid, runtime,
				BPF_ANY))
		return fail(-errno, "cannot say what process %u runs: %m", pid);
	return 0;
}

void requests_unseen(const struct requests *requests, uint64_t *ret_tls, uint64_t *ret_two)
{
	int map = bpf_map__fd(requests->skeleton->maps.go_processes);
	uint32_t pid, *before = NULL;

	*ret_tls = *ret_two = 0;
	for (; bpf_map_get_next_key(map, before, &pid) == 0; before = &pid) {
		struct http_process process;

		if (bpf_map_lookup_elem(map, &pid, &process) || process.requests)
			continue;
		*ret_tls += process.tls;
		*ret_two += process.two;
	}
}

uint64_t requests_sample_ns(const struct requests *requests)
{
	return requests->skeleton->rodata->options.sample_ns;
}

int requests_clock_error(const struct requests *requests)
{
	return requests->clock_err;
}

enum requests_way requests_way(const struct requests *requests)
{
	return requests->way;
}

bool requests_knows(const struct requests *requests, uint32_t pid)
{
	struct http_runtime runtime;

	return !bpf_map_lookup_elem(bpf_map__fd(requests->skeleton->maps.runtimes), &pid, &runtime);
}

void requests_forget(const struct requests *requests, uint32_t pid)
{
	bpf_map_delete_elem(bpf_map__fd(requests->skeleton->maps.runtimes), &pid);
}

uint64_t requests_refused(const struct requests *requests)
{
	return __atomic_load_n(&requests->skeleton->bss->targets_refused, __ATOMIC_RELAXED);
}

/* What the kernel has counted of all programs together. */
static struct bpf_prog_info totals(const struct requests *requests)
{
	struct bpf_prog_info sum = { 0 };
	struct bpf_program *program;

	bpf_object__for_each_program(program, requests->skeleton->obj) {
		struct bpf_prog_info info = { 0 };
		uint32_t len = sizeof(info);

		if (bpf_program__fd(program) < 0 ||
		    bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &len))
			continue;
		sum.recursion_misses += info.recursion_misses;
		sum.run_time_ns += info.run_time_ns;
	}
	return sum;
}

uint64_t requests_missed(const struct requests *requests)
{
	return totals(requests).recursion_misses;
}

int requests_cost(struct requests *requests, uint64_t *ret_ns)
{
	if (requests->stats < 0)
		requests->stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (requests->stats < 0)
		return fail(-errno, "cannot have the kernel measure what programs cost: %m");
	*ret_ns = totals(requests).run_time_ns;
	return 0;
}

void requests_close(struct requests *requests)
{
	if (!requests)
		return;
	ring_buffer__free(requests->ring);
	close_links(requests);
	fd_closep(&requests->stats);
	collect_http_http__destroy(requests->skeleton);
	free(requests);
}
