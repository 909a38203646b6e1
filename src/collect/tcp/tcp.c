/* SPDX-License-Identifier: MIT */
#include "collect/collector.h"

#include <bpf/bpf.h>

#include "base/error.h"
#include "collect/tcp/connection.wire.h"
#include "collect/tcp/tcp-standing.object.h"
#include "collect/tcp/tcp-syscalls.object.h"
#include "collect/tcp/tcp.object.h"

/* One that is there already has been seen from its beginning. */
static int note(int map, const struct tcp_open *open, const struct tcp_connection *connection)
{
	if (!bpf_map_update_elem(map, &open->socket, connection, BPF_NOEXIST) || errno == EEXIST)
		return 0;
	return errno == E2BIG ? -E2BIG : fail(-errno, "cannot note an open connection: %m");
}

/* The programs tell of its end what they know from here on. */
static int know(struct loaded *loaded, const struct record *record)
{
	struct collect_tcp_tcp *skeleton = loaded->skeleton;
	struct tcp_connection connection = { .state = TCP_OWNER_KNOWN, .role = TCP_ROLE_UNKNOWN };
	struct tcp_open open;
	int err;

	memcpy(&open, record->bytes, sizeof(open));
	connection.owner = open.event;
	err = note(skeleton->maps.connections.map_fd, &open, &connection);
	if (err != -E2BIG)
		return err;
	skeleton->bss->has_more = true;
	err = note(skeleton->maps.more_connections.map_fd, &open, &connection);
	return err == -E2BIG ? 0 : err; /* its end will be told without its process */
}

static const char *const columns[] = { "local_addr", "local_port", "remote_addr", "remote_port",
				       "latency",    "duration",   "tx",          "rx",
				       "errno",      "end",        "way",         "segments",
				       NULL };
static const char *const group[] = { "comm", "remote_addr", NULL };

const struct collector collector_tcp = {
	.name = "tcp",
	.help = "TCP connections: made, taken, failed, closed, with their process and their bytes",
	.by_default = true,
	.object = &object_tcp,
	.syscalls = &object_tcp_syscalls,
	.syscalls_help = "the error of connects that send nothing: no way, no port, no right",
	.syscalls_instead = "unsent",
	.standing = &object_tcp_standing,
	.know = know,
	.columns = columns,
	.group = group,
	.ring_bytes = 4 << 20,
};
