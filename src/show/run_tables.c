/* SPDX-License-Identifier: MIT */
#include "show/run_tables.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "model/syscalls.h"

static int by_process_and_time(const void *a, const void *b, void *context)
{
	const struct account_thread *threads = context;
	const struct account_thread *one = &threads[*(const uint32_t *)a];
	const struct account_thread *other = &threads[*(const uint32_t *)b];

	if (one->process != other->process)
		return one->process < other->process ? -1 : 1;
	return one->born_mono_ns < other->born_mono_ns ? -1
						       : one->born_mono_ns > other->born_mono_ns;
}

static int execs_by_process(const void *a, const void *b, void *context)
{
	const struct account_exec *execs = context;
	uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;

	if (execs[one].process != execs[other].process)
		return execs[one].process < execs[other].process ? -1 : 1;
	return one < other ? -1 : one > other;
}

int run_order(const struct account *account, struct run_order *ret_order)
{
	struct run_order order = { 0 };

	if (vec_reserve(&order.threads, account->threads.len + 1) ||
	    vec_reserve(&order.execs, account->execs.len + 1)) {
		run_order_done(&order);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < account->threads.len; i++)
		order.threads.data[order.threads.len++] = i;
	for (uint32_t i = 0; i < account->execs.len; i++)
		order.execs.data[order.execs.len++] = i;
	qsort_r(order.threads.data, order.threads.len, sizeof(uint32_t), by_process_and_time,
		account->threads.data);
	qsort_r(order.execs.data, order.execs.len, sizeof(uint32_t), execs_by_process,
		account->execs.data);
	*ret_order = order;
	return 0;
}

void run_order_done(struct run_order *order)
{
	vec_done(&order->threads);
	vec_done(&order->execs);
}

static int by_held(const void *a, const void *b, void *context)
{
	const struct account_process *processes = context;
	uint64_t one = processes[*(const uint32_t *)a].rss_at_tree_peak_bytes;
	uint64_t other = processes[*(const uint32_t *)b].rss_at_tree_peak_bytes;

	return one > other ? -1 : one < other;
}

int run_holders(const struct account *account, struct run_holders *ret_holders)
{
	struct run_holders holders = { 0 };

	for (uint32_t i = 0; i < account->processes.len; i++)
		if (account->processes.data[i].rss_at_tree_peak_bytes &&
		    vec_push(&holders.processes, i)) {
			vec_done(&holders.processes);
			return -ENOMEM;
		}
	if (holders.processes.len)
		qsort_r(holders.processes.data, holders.processes.len, sizeof(uint32_t), by_held,
			account->processes.data);
	*ret_holders = holders;
	return 0;
}

static int by_bytes(const void *a, const void *b, void *context)
{
	const struct account_peer *peers = context, *one = &peers[*(const uint32_t *)a];
	const struct account_peer *other = &peers[*(const uint32_t *)b];
	uint64_t left = one->sent_bytes + one->received_bytes;
	uint64_t right = other->sent_bytes + other->received_bytes;

	return left > right ? -1 : left < right;
}

int run_peers(const struct account *account, struct run_peers *ret_peers)
{
	struct run_peers peers = { 0 };

	if (vec_reserve(&peers.rows, account->peers.len + 1))
		return -ENOMEM;
	for (uint32_t i = 0; i < account->peers.len; i++)
		peers.rows.data[peers.rows.len++] = i;
	qsort_r(peers.rows.data, peers.rows.len, sizeof(uint32_t), by_bytes, account->peers.data);
	*ret_peers = peers;
	return 0;
}

void run_address(const struct account_peer *peer, char *text, size_t size)
{
	char address[INET6_ADDRSTRLEN] = "", port[8] = "*";

	if (peer->port)
		snprintf(port, sizeof(port), "%u", peer->port);
	if (peer->family == AF_UNIX) {
		snprintf(text, size, "unix");
	} else if (peer->family != AF_INET && peer->family != AF_INET6) {
		snprintf(text, size, "family %u", peer->family);
	} else {
		inet_ntop(peer->family, peer->address, address, sizeof(address));
		snprintf(text, size, peer->family == AF_INET ? "%s:%s" : "[%s]:%s", address, port);
	}
}

static int put_memory(struct json *json, const struct account *account)
{
	struct run_holders holders;
	int err = run_holders(account, &holders);

	if (err)
		return err;
	json_object(json, "memory");
	json_u64(json, "rss_sum_peak_bytes", account->rss_peak_bytes);
	json_u64(json, "at_ns",
		 account->rss_peak_at_mono_ns > account->started_mono_ns
			 ? account->rss_peak_at_mono_ns - account->started_mono_ns
			 : 0);
	json_u64(json, "error_bound_bytes", account->rss_bound_bytes);
	json_array(json, "holders");
	vec_each(number, &holders.processes) {
		const struct account_process *process = &account->processes.data[*number];

		json_object(json, NULL);
		json_u64(json, "pid", process->pid);
		json_u64(json, "id", *number);
		json_text(json, "name", account_name(account, process));
		json_u64(json, "rss_bytes", process->rss_at_tree_peak_bytes);
		json_object_end(json);
	}
	json_array_end(json);
	json_object_end(json);
	vec_done(&holders.processes);
	return 0;
}

static const char *protocol_name(uint16_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	default:
		return "";
	}
}

static void put_peers(struct json *json, const struct account *account)
{
	json_object(json, "network");
	json_array(json, "peers");
	vec_each(peer, &account->peers) {
		char address[INET6_ADDRSTRLEN] = "";

		json_object(json, NULL);
		json_text(json, "family",
			  peer->family == AF_INET    ? "inet"
			  : peer->family == AF_INET6 ? "inet6"
			  : peer->family == AF_UNIX  ? "unix"
						     : "other");
		if (peer->family == AF_INET || peer->family == AF_INET6) {
			inet_ntop(peer->family, peer->address, address, sizeof(address));
			json_text(json, "protocol", protocol_name(peer->protocol));
			json_text(json, "address", address);
			json_u64(json, "port", peer->port);
			json_u64(json, "local_port", peer->local_port);
		}
		json_u64(json, "sent_bytes", peer->sent_bytes);
		json_u64(json, "received_bytes", peer->received_bytes);
		json_u64(json, "received_by_splice_bytes", peer->outside_received_bytes);
		json_u64(json, "sends", peer->sends);
		json_u64(json, "receives", peer->receives);
		json_u64(json, "connects", peer->connects);
		json_u64(json, "connect_ns", peer->connect_ns);
		json_u64(json, "connect_max_ns", peer->connect_max_ns);
		json_u64(json, "retransmits", peer->retransmits);
		json_object_end(json);
	}
	json_array_end(json);
	json_object_end(json);
}

static void put_log2(struct json *json, const char *key, const uint64_t *buckets)
{
	size_t len = ACCOUNT_LOG2;

	while (len && !buckets[len - 1])
		len--;
	json_array(json, key);
	for (size_t i = 0; i < len; i++)
		json_u64(json, NULL, buckets[i]);
	json_array_end(json);
}

static void put_devices(struct json *json, const struct account *account)
{
	json_object(json, "block");
	json_array(json, "devices");
	vec_each(device, &account->devices) {
		json_object(json, NULL);
		json_text(json, "name", device->name);
		json_u64(json, "major", device->major);
		json_u64(json, "minor", device->minor);
		json_u64(json, "reads", device->reads);
		json_u64(json, "writes", device->writes);
		json_u64(json, "read_bytes", device->read_bytes);
		json_u64(json, "written_bytes", device->written_bytes);
		json_u64(json, "total_ns", device->total_ns);
		json_u64(json, "max_ns", device->max_ns);
		put_log2(json, "latency_log2_ns", device->latency);
		json_object_end(json);
	}
	json_array_end(json);
	json_object_end(json);
}

const char *run_part_name(uint32_t number)
{
	if (number == BALANCE_CALLS - 1)
		return "(user code and page faults)";
	return syscall_name(number) ?: "(unknown)";
}

/* By number; what is no call, user code and page faults, is named so. */
static void put_calls(struct json *json, const struct account *account)
{
	json_array(json, "calls");
	for (unsigned i = 0; i < BALANCE_CALLS; i++) {
		const struct balance_call *call = &account->calls[i];

		if (!call->waits && !call->ticks)
			continue;
		json_object(json, NULL);
		json_text(json, "name", run_part_name(i));
		if (i != BALANCE_CALLS - 1)
			json_u64(json, "number", i);
		json_u64(json, "blocked_ns", call->blocked);
		json_u64(json, "waits", call->waits);
		if (account->tick_ns)
			json_u64(json, "ticks", call->ticks);
		json_object_end(json);
	}
	json_array_end(json);
	if (account->tick_ns)
		json_u64(json, "tick_ns", account->tick_ns);
}

static void put_errors(struct json *json, const struct account *account, uint32_t number)
{
	json_object(json, "errors");
	vec_each(error, &account->errors)
		if (error->number == number)
			json_u64(json, strerrorname_np(error->error) ?: "unknown", error->count);
	json_object_end(json);
}

const char *run_call_name(uint32_t number)
{
	if (number == BALANCE_CALLS - 1)
		return "(another ABI)";
	return syscall_name(number) ?: "(unknown)";
}

void run_json_categories(struct json *json, const struct account *account)
{
	uint64_t sums[SYSCALL_CATEGORY_COUNT] = { 0 };

	vec_each(call, &account->syscalls)
		sums[syscall_category(syscall_name(call->number))] += call->count;
	json_object(json, "by_category");
	for (size_t i = 0; i < SYSCALL_CATEGORY_COUNT; i++)
		json_u64(json, syscall_categories[i], sums[i]);
	json_object_end(json);
}

static void put_syscalls(struct json *json, const struct account *account)
{
	json_object(json, "syscalls");
	json_text(json, "method", account->has_latency ? "latency" : "count");
	json_u64(json, "bystander_ns", account->bystander_ns);
	run_json_categories(json, account);
	json_array(json, "rows");
	vec_each(call, &account->syscalls) {
		json_object(json, NULL);
		json_text(json, "name", run_call_name(call->number));
		json_u64(json, "number", call->number);
		json_u64(json, "count", call->count);
		if (account->has_latency) {
			put_errors(json, account, call->number);
			json_u64(json, "total_ns", call->total_ns);
			json_u64(json, "max_ns", call->max_ns);
			put_log2(json, "latency_log2_ns", call->latency);
		}
		json_object_end(json);
	}
	json_array_end(json);
	json_array(json, "by_process");
	vec_each(call, &account->process_calls) {
		json_object(json, NULL);
		json_u64(json, "id", call->process);
		json_u64(json, "pid", account->processes.data[call->process].pid);
		json_text(json, "name", run_call_name(call->number));
		json_u64(json, "count", call->count);
		if (account->has_latency) {
			json_u64(json, "errors", call->errors);
			json_u64(json, "total_ns", call->total_ns);
		}
		json_object_end(json);
	}
	json_array_end(json);
	json_object_end(json);
}

static void put_files(struct json *json, const struct account *account)
{
	json_object(json, "files");
	json_array(json, "rows");
	vec_each(file, &account->files) {
		json_object(json, NULL);
		json_text(json, "path", account->text.data + file->path);
		json_u64(json, "device", file->device);
		json_u64(json, "inode", file->inode);
		json_u64(json, "read_bytes", file->read_bytes);
		json_u64(json, "written_bytes", file->written_bytes);
		json_u64(json, "reads", file->reads);
		json_u64(json, "writes", file->writes);
		json_u64(json, "filled_pages", file->filled_pages);
		json_u64(json, "dirtied_pages", file->dirtied_pages);
		json_object_end(json);
	}
	json_array_end(json);
	json_array(json, "misses");
	vec_each(miss, &account->misses) {
		json_object(json, NULL);
		json_text(json, "path", account->text.data + miss->path);
		json_text(json, "error", strerrorname_np(miss->error) ?: "unknown");
		json_u64(json, "count", miss->count);
		json_object_end(json);
	}
	json_array_end(json);
	json_object_end(json);
}

static void put_timeline(struct json *json, const struct account *account)
{
	json_array(json, "timeline");
	vec_each(moment, &account->moments) {
		json_object(json, NULL);
		json_u64(json, "at_ns", moment->at_mono_ns - account->started_mono_ns);
		json_u64(json, "processes", moment->processes);
		json_u64(json, "threads", moment->threads);
		json_u64(json, "running_ns", moment->running_ns);
		json_u64(json, "runq_ns", moment->runq_ns);
		json_object(json, "blocked_ns");
		for (size_t i = 0; i < BALANCE_REASONS; i++)
			if (moment->blocked_ns[i])
				json_u64(json, reason_names[i].key, moment->blocked_ns[i]);
		json_object_end(json);
		if (account->has_memory)
			json_u64(json, "rss_bytes", moment->rss_bytes);
		json_u64(json, "read_chars", moment->read_chars);
		json_u64(json, "written_chars", moment->written_chars);
		json_u64(json, "disk_read_bytes", moment->read_bytes);
		json_u64(json, "disk_written_bytes", moment->written_bytes);
		json_u64(json, "minor_faults", moment->minor_faults);
		json_u64(json, "major_faults", moment->major_faults);
		json_object_end(json);
	}
	json_array_end(json);
}

static void put_group(struct json *json, const struct account_group *group)
{
	json_object(json, "cgroup");
	if (group->has_cpu)
		json_u64(json, "cpu_ns", group->cpu_ns);
	if (group->has_throttled)
		json_u64(json, "throttled_ns", group->throttled_ns);
	if (group->has_memory)
		json_u64(json, "peak_bytes", group->peak_bytes);
	if (group->has_io) {
		json_u64(json, "read_bytes", group->read_bytes);
		json_u64(json, "written_bytes", group->written_bytes);
	}
	if (group->has_tasks)
		json_u64(json, "tasks_peak", group->tasks_peak);
	json_object_end(json);
}

int run_json_tables(struct json *json, const struct account *account)
{
	int err = account->has_memory ? put_memory(json, account) : 0;

	if (account->group.is_made)
		put_group(json, &account->group);
	if (account->has_peers)
		put_peers(json, account);
	if (account->has_devices)
		put_devices(json, account);
	if (account->has_calls)
		put_calls(json, account);
	if (account->has_syscalls)
		put_syscalls(json, account);
	if (account->has_files)
		put_files(json, account);
	if (account->moments.len)
		put_timeline(json, account);
	return err;
}
