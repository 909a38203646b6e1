/* SPDX-License-Identifier: MIT */
#include "collect/balance/tables.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"

#define ARGV_READ_MAX (2u << 20) /* of /proc/PID/cmdline */

/* The values of all processors under one key, for the caller to free. */
static int read_each(int map, u32 key, size_t size, int *ret_cpus, void **ret_values)
{
	int cpus = libbpf_num_possible_cpus();
	own(freep) void *values = cpus > 0 ? calloc((size_t)cpus, size) : NULL;

	if (!values)
		return -ENOMEM;
	if (bpf_map_lookup_elem(map, &key, values))
		return fail(-errno, "cannot read the sums of the processors: %m");
	*ret_cpus = cpus;
	*ret_values = take(values);
	return 0;
}

int tables_totals(struct account *account, int map)
{
	own(freep) void *values = NULL;
	int cpus = 0, err = read_each(map, 0, sizeof(struct balance_times), &cpus, &values);

	for (int i = 0; !err && i < cpus; i++)
		times_add(&account->totals, (struct balance_times *)values + i);
	return err;
}

int tables_calls(struct account *account, int map)
{
	int cpus = libbpf_num_possible_cpus();
	own(freep) struct balance_call *values = NULL;
	u32 key, next, *last = NULL;
	struct timespec tick;
	uint64_t ticks = 0;

	if (cpus <= 0)
		return -ENOMEM;
	values = calloc((size_t)cpus, sizeof(*values));
	if (!values)
		return -ENOMEM;
	for (; bpf_map_get_next_key(map, last, &next) == 0; last = &key) {
		key = next;
		if (key >= BALANCE_CALLS || bpf_map_lookup_elem(map, &key, values))
			continue;
		for (int i = 0; i < cpus; i++) {
			account->calls[key].blocked += values[i].blocked;
			account->calls[key].waits += values[i].waits;
			account->calls[key].ticks += values[i].ticks;
		}
	}
	for (u32 i = 0; i < BALANCE_CALLS; i++)
		ticks += account->calls[i].ticks;
	/* Without a single one nothing is said about running. */
	if (ticks && clock_getres(CLOCK_MONOTONIC_COARSE, &tick) == 0)
		account->tick_ns = (uint64_t)tick.tv_sec * NS_PER_S + (uint64_t)tick.tv_nsec;
	account->has_calls = true;
	return 0;
}

void tables_add_call(struct account *account, int number, uint64_t blocked_ns)
{
	size_t at = number < 0 || number >= BALANCE_CALLS ? BALANCE_CALLS - 1 : (size_t)number;

	account->calls[at].blocked += blocked_ns;
	account->calls[at].waits++;
}

/* Connections that outlive the run give their share to their peer. */
static void fold_sockets(int peers, int sockets)
{
	struct balance_socket socket;
	u64 key, *last = NULL;

	while (bpf_map_get_next_key(sockets, last, &key) == 0) {
		struct balance_peer peer = { 0 };

		last = &key;
		if (bpf_map_lookup_elem(sockets, &key, &socket))
			continue;
		if (socket.taken <= socket.received && !socket.retransmits)
			continue;
		bpf_map_lookup_elem(peers, &socket.key, &peer);
		if (socket.taken > socket.received)
			peer.outside_received += socket.taken - socket.received;
		peer.retransmits += socket.retransmits;
		bpf_map_update_elem(peers, &socket.key, &peer, BPF_ANY);
	}
}

int tables_peers(struct account *account, int peers, int sockets)
{
	struct balance_peer_key key, *last = NULL;
	struct balance_peer peer;

	fold_sockets(peers, sockets);
	for (; bpf_map_get_next_key(peers, last, &key) == 0; last = &key) {
		struct account_peer row = { .family = 0 };

		if (bpf_map_lookup_elem(peers, &key, &peer))
			continue;
		row.family = key.family;
		row.protocol = key.protocol;
		row.port = key.port;
		row.local_port = key.local_port;
		memcpy(row.address, key.address, sizeof(row.address));
		row.sent_bytes = peer.sent;
		row.received_bytes = peer.received + peer.outside_received;
		row.outside_received_bytes = peer.outside_received;
		row.sends = peer.sends;
		row.receives = peer.receives;
		row.connects = peer.connects;
		row.connect_ns = peer.connect;
		row.connect_max_ns = peer.connect_most;
		row.retransmits = peer.retransmits;
		if (vec_push(&account->peers, row))
			return -ENOMEM;
	}
	account->has_peers = true;
	return 0;
}

int tables_devices(struct account *account, int map)
{
	static_assert((int)BALANCE_LOG2 == ACCOUNT_LOG2, "one histogram");
	struct balance_device_key key, *last = NULL;
	struct balance_device device;

	for (; bpf_map_get_next_key(map, last, &key) == 0; last = &key) {
		struct account_device row = { .major = key.major, .minor = key.minor };

		if (bpf_map_lookup_elem(map, &key, &device))
			continue;
		memcpy(row.name, device.name, sizeof(row.name));
		row.name[sizeof(row.name) - 1] = '\0';
		row.reads = device.reads;
		row.writes = device.writes;
		row.read_bytes = device.read;
		row.written_bytes = device.written;
		row.total_ns = device.total;
		row.max_ns = device.most;
		memcpy(row.latency, device.latency, sizeof(row.latency));
		if (vec_push(&account->devices, row))
			return -ENOMEM;
	}
	account->has_devices = true;
	return 0;
}

int tables_spaces(struct ledger *ledger, int map)
{
	struct balance_space space;
	u64 key, *last = NULL;
	int err = 0;

	for (; !err && bpf_map_get_next_key(map, last, &key) == 0; last = &key)
		if (bpf_map_lookup_elem(map, &key, &space) == 0) {
			if (space.peak != ledger->peak) {
				space.peak = ledger->peak;
				space.pages_at_peak = space.pages;
			}
			err = ledger_space(ledger, &space);
		}
	return err;
}

void tables_memory(struct ledger *ledger, const struct balance_memory *memory)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	uint64_t batch = cpus > 16 ? 2 * (uint64_t)cpus : 32;
	struct account *account = ledger->account;

	account->has_memory = true;
	account->rss_peak_bytes = memory->peak_pages > 0 ? (uint64_t)memory->peak_pages * page : 0;
	account->rss_peak_at_mono_ns = memory->peak_at;
	/* What each CPU may not have handed in yet (percpu_counter_batch), of three counters. */
	account->rss_bound_bytes = 3 * batch * (uint64_t)cpus * page + BALANCE_RSS_STEP * page;
	ledger_memory(ledger, page);
}

int tables_running(struct account *account, const struct balance_thread *thread)
{
	own(freep) char *argv = NULL;
	char path[64], file[BALANCE_FILE_BYTES] = "";
	own(fd_closep) int fd = -1;
	size_t len = 0;
	uint32_t process;
	ssize_t got;
	int err = account_process(account, thread->pid, thread->process, &process);

	if (err || account->processes.data[process].exec != ACCOUNT_NONE)
		return err;
	snprintf(path, sizeof(path), "/proc/%u/cmdline", thread->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || file_read_all(fd, ARGV_READ_MAX, &argv, &len) || !len)
		return 0; /* it has just ended, or is the kernel's */
	snprintf(path, sizeof(path), "/proc/%u/exe", thread->pid);
	got = readlink(path, file, sizeof(file) - 1);
	file[got > 0 ? got : 0] = '\0';
	return account_exec(account, process, 0, file, argv,
			    len < BALANCE_ARGV_BYTES ? len : BALANCE_ARGV_BYTES, len);
}
