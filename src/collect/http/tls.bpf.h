/* SPDX-License-Identifier: Dual MIT/GPL */
/* tls.bpf.h - requests behind TLS, from what OpenSSL's SSL_read() hands over and SSL_write() is given.
 *
 * Which socket an SSL object belongs to is not asked of its fields: it is the one that the thread has
 * read from last when plain text comes out of SSL_read(): a moment ago, and no plain text of that read has come
 * out yet.  A thread that is handed what another one has read fails that, and its request is counted as
 * not tied to a connection.  Objects are used again, so that is noted anew with every request.  When a request arrived and was read the socket tells, as without TLS; what
 * it says, and when its answer begins, the plain text.
 *
 * For http.bpf.c only.
 */
#ifndef COLLECT_HTTP_TLS_BPF_H
#define COLLECT_HTTP_TLS_BPF_H

#define TLS_VERSION     3  /* the first byte of any version of TLS */
#define TLS_ALERT       21 /* content types of records */
#define TLS_HANDSHAKE   22
#define TLS_DATA        23
#define TLS_ALERT_BYTES 19         /* of an alert that is encrypted as data */
#define TLS_TIE_NS      1000000000 /* from reading cipher text to its plain text, at most */

/* Of a thread; it stays for its next one, as taking the entry out and in costs more than all else here. */
struct tls_reading {
	u64 ssl, buffer; /* ssl: 0: it reads nothing now */
	u64 bytes_at;    /* where SSL_read_ex() stores how many it has read */
};

struct tls_session {
	u64 ssl;
	u32 tgid, reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1); /* set when it is loaded, where TLS is asked for */
	__type(key, u64);       /* process, thread */
	__type(value, struct tls_reading);
} tls_readings SEC(".maps");

/* The socket that a thread has read from last. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1); /* likewise */
	__type(key, u64);
	__type(value, u64);
} tls_sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1); /* likewise */
	__type(key, struct tls_session);
	__type(value, u64);
} tls_sessions SEC(".maps");

static __always_inline bool is_tls_record(const char *bytes)
{
	return (bytes[0] == TLS_HANDSHAKE || bytes[0] == TLS_DATA) && bytes[1] == TLS_VERSION;
}

/* Cipher text was read: of it a request may come that is read in the same go. */
static __always_inline void tls_note(const struct sock *sk, struct connection *connection, u32 seq,
				     u32 end, u64 ready)
{
	u64 thread = bpf_get_current_pid_tgid(), socket = (u64)sk, *known;

	if (!connection->burst_end || ready != connection->burst_ready_at) {
		connection->burst_ready_at = ready;
		connection->burst_seq = seq;
	}
	connection->burst_read_at = bpf_ktime_get_ns();
	connection->burst_end = end;
	connection->port = sk->__sk_common.skc_num;
	known = bpf_map_lookup_elem(&tls_sockets, &thread);
	if (known)
		*known = socket;
	else
		bpf_map_update_elem(&tls_sockets, &thread, &socket, BPF_ANY);
}

/* More is written to the socket of an answer; what closes the connection is no part of it. */
static __always_inline void tls_written(const struct sock *sk, struct connection *connection,
					const struct msghdr *message, u64 now)
{
	char bytes[STATUS_BYTES] = {};
	bool is_owed = connection->owes_write;
	bool is_late = connection->stage == STAGE_IDLE && connection->first_at;

	if (connection->stage != STAGE_ANSWERED && !is_late)
		return;
	connection->owes_write = 0;
	if (!is_owed && !first_bytes(message, bytes) &&
	    (bytes[0] == TLS_ALERT ||
	     (bytes[0] == TLS_DATA && !bytes[3] && bytes[4] == TLS_ALERT_BYTES)))
		return;
	if (is_late) {
		resume(connection);
		return;
	}
	take_written(sk, connection);
	connection->last_at = now;
}

static __always_inline void tls_begin(const struct sock *sk, struct connection *connection,
				      u64 buffer, u64 bytes)
{
	u64 kept = bytes < HTTP_LINE_BYTES ? bytes : HTTP_LINE_BYTES;

	finish(sk, connection);
	begin(connection, connection->port, connection->burst_seq, connection->burst_ready_at);
	served_read(&connection->served, (u64)connection);
	connection->read_at = connection->burst_read_at;
	connection->in_bytes = connection->burst_end - connection->burst_seq;
	connection->read_seq = connection->burst_end;
	connection->is_judged = connection->has_spoken = 1;
	connection->burst_end = 0;
	barrier_var(kept);
	if (kept > HTTP_LINE_BYTES || bpf_probe_read_user(connection->line, kept, (void *)buffer)) {
		count(&control.unreadable);
		kept = 0;
	}
	connection->line_bytes = kept;
}

/* The connection whose cipher text the current thread has just read; NULL: it is another thread's. */
static __always_inline struct connection *tls_tied(u64 *ret_socket)
{
	u64 thread = bpf_get_current_pid_tgid();
	u64 *known = bpf_map_lookup_elem(&tls_sockets, &thread);
	struct connection *connection;

	if (!known)
		return NULL;
	*ret_socket = *known;
	connection = bpf_map_lookup_elem(&connections, ret_socket);
	if (!connection || !connection->is_tls || !connection->burst_end ||
	    bpf_ktime_get_ns() - connection->burst_read_at > TLS_TIE_NS)
		return NULL;
	return connection;
}

/* Plain text was handed over. */
static __always_inline void tls_read(const struct tls_reading *reading, u64 bytes)
{
	u64 socket = 0;
	struct tls_session session = { .ssl = reading->ssl,
				       .tgid = bpf_get_current_pid_tgid() >> 32 };
	struct connection *connection;
	u64 *known;
	u32 first = 0;

	if (bytes < WORD_BYTES ||
	    bpf_probe_read_user(&first, sizeof(first), (void *)reading->buffer) ||
	    !is_method(first))
		return;
	connection = tls_tied(&socket);
	if (!connection) {
		if (target_wants(target_pid_tgid()))
			count(&control.untied);
		return;
	}
	if (connection->stage == STAGE_BEGUN) {
		connection->owed++;
		connection->is_behind = !has_body(*(u32 *)connection->line);
		count(&control.pipelined);
		return;
	}
	if (!connection->has_spoken)
		__sync_fetch_and_add(&control.tls, -1);
	known = bpf_map_lookup_elem(&tls_sessions, &session);
	if (!known || *known != socket)
		bpf_map_update_elem(&tls_sessions, &session, &socket, BPF_ANY);
	tls_begin((const struct sock *)socket, connection, reading->buffer, bytes);
}

/* Plain text is about to be encrypted. */
static __always_inline void tls_write(u64 ssl, u64 buffer)
{
	struct tls_session session = { .ssl = ssl, .tgid = bpf_get_current_pid_tgid() >> 32 };
	u64 *socket = bpf_map_lookup_elem(&tls_sessions, &session);
	struct connection *connection = socket ? bpf_map_lookup_elem(&connections, socket) : NULL;
	char bytes[STATUS_BYTES] = {};
	u64 now = bpf_ktime_get_ns();
	u32 status = 0;

	if (!connection || !connection->is_tls)
		return;
	/* What follows is of another protocol. */
	if (connection->status == SWITCHED) {
		finish((const struct sock *)*socket, connection);
		return;
	}
	if (!bpf_probe_read_user(bytes, sizeof(bytes), (void *)buffer) && is_answer(bytes))
		status = status_of(bytes);
	if (connection->stage == STAGE_BEGUN)
		answer((const struct sock *)*socket, connection, status, now);
	else if (connection->stage == STAGE_ANSWERED && status)
		answer_extra((const struct sock *)*socket, connection);
	connection->owes_write = 1;
}

static __always_inline void tls_enter(struct pt_regs *ctx, u64 thread)
{
	struct tls_reading *known = bpf_map_lookup_elem(&tls_readings, &thread);
	struct tls_reading reading = {
		.ssl = PT_REGS_PARM1(ctx),
		.buffer = PT_REGS_PARM2(ctx),
		.bytes_at = PT_REGS_PARM4(ctx),
	};

	if (known)
		*known = reading;
	else
		bpf_map_update_elem(&tls_readings, &thread, &reading, BPF_ANY);
}

static __always_inline void tls_leave(struct pt_regs *ctx, u64 thread, u8 kind)
{
	struct tls_reading *begun = bpf_map_lookup_elem(&tls_readings, &thread), reading;
	u64 bytes = 0;

	if (!begun || !begun->ssl)
		return;
	reading = *begun;
	begun->ssl = 0;
	if ((int)PT_REGS_RC(ctx) <= 0)
		return;
	if (kind == HTTP_TLS_RETURN)
		bytes = (u32)PT_REGS_RC(ctx);
	else if (bpf_probe_read_user(&bytes, sizeof(bytes), (void *)reading.bytes_at))
		return;
	tls_read(&reading, bytes);
}

SEC("uprobe")
int http_tls(struct pt_regs *ctx)
{
	u64 thread = bpf_get_current_pid_tgid();
	u64 cookie = bpf_get_attach_cookie(ctx);
	u8 kind = cookie;

	if (!control.armed)
		return 0;
	if (kind == HTTP_TLS_WRITE)
		tls_write(PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx));
	else if (kind == HTTP_TLS_READ || kind == HTTP_TLS_READ_EX)
		tls_enter(ctx, thread);
	else if (!(cookie & HTTP_IF && condition_holds(ctx, cookie >> HTTP_CONDITION & 15)))
		tls_leave(ctx, thread, kind);
	return 0;
}

#endif
