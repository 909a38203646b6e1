/* SPDX-License-Identifier: Dual MIT/GPL */
/* go.bpf.h - requests of net/http of Go, from where some of its functions begin.
 *
 *     serverHandler.ServeHTTP(server, writer, request)   the handler is about to be called
 *     (*response).finishRequest(response)                HTTP/1: it has returned
 *     (*http2responseWriter).handlerDone(writer)         HTTP/2: likewise
 *
 * No function is probed where it returns, so the stacks of goroutines may grow and move.  A request is
 * known by its goroutine.  A handler that panics never comes to an end; the next request of its
 * goroutine shows it.  Requests without TLS in HTTP/1 are those that sockets tell, and are left to them.
 *
 * For http.bpf.c only.
 */
#ifndef COLLECT_HTTP_GO_BPF_H
#define COLLECT_HTTP_GO_BPF_H

#include "probe/condition.bpf.h"

#define STATUS_MIN       100
#define STATUS_MAX       999
#define METHOD_MAX       8 /* bytes */
#define TARGET_MAX_BYTES (HTTP_LINE_BYTES - 16)

#if defined(__TARGET_ARCH_x86)
#define go_first(ctx)  ((ctx)->rax)
#define go_fourth(ctx) ((ctx)->rdi)
#elif defined(__TARGET_ARCH_arm64)
#define go_first(ctx)  (user_regs(ctx)->regs[0])
#define go_fourth(ctx) (user_regs(ctx)->regs[3])
#endif

struct go_text {
	u64 at, bytes;
};

/* That of a goroutine, which stays when it is over: the next one takes its place. */
struct go_request {
	u64 began;
	u64 request; /* where the server keeps it */
	struct served served;
	u32 line_bytes;
	u8 restarts; /* its function is about to begin again */
	u8 is_left;  /* to the sockets */
	u8 is_open;  /* its handler runs */
	u8 reserved;
	char line[LINE_ROOM];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1); /* set when it is loaded, where Go is probed */
	__type(key, struct runner);
	__type(value, struct go_request);
} go_requests SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct go_request);
} go_blanks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, HTTP_PROCESSES_MAX);
	__type(key, u32);
	__type(value, struct http_process);
} go_processes SEC(".maps");

static __always_inline struct http_process *go_process(u32 tgid)
{
	const struct http_process none = {};
	struct http_process *process = bpf_map_lookup_elem(&go_processes, &tgid);

	if (process)
		return process;
	bpf_map_update_elem(&go_processes, &tgid, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&go_processes, &tgid);
}

/* A connection is encrypted, or speaks HTTP/2: unless its process turns out to be a probed one it is lost. */
static __always_inline void go_lose(bool is_tls)
{
	struct http_process *process = go_process(target_pid_tgid() >> 32);

	if (process)
		count(is_tls ? &process->tls : &process->two);
	else
		count(is_tls ? &control.tls : &control.two);
}

/* "GET /path ", as an HTTP/1 client sends it.  Return: whether it can be read. */
static __always_inline bool go_read_line(struct go_request *kept)
{
	struct go_text method, target;
	u64 first, rest;
	u32 end;

	if (bpf_probe_read_user(&method, sizeof(method),
				(void *)(kept->request + options.go_at.method)) ||
	    bpf_probe_read_user(&target, sizeof(target),
				(void *)(kept->request + options.go_at.target)))
		return false;
	first = method.bytes;
	rest = target.bytes < TARGET_MAX_BYTES ? target.bytes : TARGET_MAX_BYTES;
	barrier_var(first);
	if (!first || first > METHOD_MAX ||
	    bpf_probe_read_user(kept->line, first, (void *)method.at))
		return false;
	kept->line[first & 15] = ' ';
	barrier_var(rest);
	if (!rest || rest > TARGET_MAX_BYTES ||
	    bpf_probe_read_user(kept->line + (first & 15) + 1, rest, (void *)target.at))
		return false;
	end = first + 1 + rest;
	if (rest == target.bytes) {
		kept->line[end & (LINE_ROOM - 1)] = ' ';
		end++;
	}
	kept->line_bytes = end;
	return true;
}

/* Whether the sockets tell it. */
static __always_inline bool go_is_plain(u64 request)
{
	u64 major = 0, tls = 0;

	return !bpf_probe_read_user(&major, sizeof(major),
				    (void *)(request + options.go_at.major)) &&
	       !bpf_probe_read_user(&tls, sizeof(tls), (void *)(request + options.go_at.tls)) &&
	       major == 1 && !tls;
}

static __always_inline struct go_request *go_keep(const struct runner *runner)
{
	u32 zero = 0;
	void *blank = bpf_map_lookup_elem(&go_blanks, &zero);

	if (blank)
		bpf_map_update_elem(&go_requests, runner, blank, BPF_NOEXIST);
	return bpf_map_lookup_elem(&go_requests, runner);
}

/* Those of which the table has no entry any more were forgotten; it does not tell which. */
static __always_inline void go_count_open(s64 more)
{
	__sync_fetch_and_add(&control.go_open, more);
}

static __always_inline void go_begin(struct pt_regs *ctx, const struct runner *runner, u64 cookie)
{
	bool restarts = cookie & HTTP_IF && condition_holds(ctx, cookie >> HTTP_CONDITION & 15);
	u64 request = go_fourth(ctx);
	struct go_request *kept = bpf_map_lookup_elem(&go_requests, runner);

	if (kept && kept->is_open && kept->restarts && kept->request == request) {
		kept->restarts = restarts;
		return;
	}
	if (kept && kept->is_open && !kept->is_left) {
		count(&control.unanswered);
		go_count_open(-1);
	}
	kept = kept ?: go_keep(runner);
	if (!kept) {
		count(&control.refused);
		return;
	}
	served_release(&kept->served, runner->id);
	kept->served.cpu_ns = 0;
	kept->served.cpu = HTTP_CPU_OFF;
	kept->line_bytes = 0;
	kept->is_open = 1;
	kept->began = bpf_ktime_get_ns();
	kept->request = request;
	kept->restarts = restarts;
	kept->is_left = go_is_plain(request);
	if (kept->is_left)
		return;
	go_count_open(1);
	if (!go_read_line(kept))
		count(&control.unreadable);
	if (!options.sample_ns)
		return;
	if (options.go_runtime.runner == HTTP_RUNNER_GOROUTINE)
		served_take_by(&kept->served, runner->id, runner->id, runner->tgid);
	else
		kept->served.cpu = HTTP_CPU_ODD;
}

static __always_inline u32 go_status_at(u64 answer, u16 offset)
{
	u64 status = 0;

	if (offset != HTTP_GO_UNKNOWN)
		bpf_probe_read_user(&status, sizeof(status), (void *)(answer + offset));
	return status >= STATUS_MIN && status <= STATUS_MAX ? status : 0;
}

/* Who has set none gets 200.  Return: 0: it cannot be told */
static __always_inline u32 go_status(u64 answer, u64 request, bool is_two)
{
	u16 request_at = is_two ? options.go_at.two_request : options.go_at.request;
	u16 status_at = is_two ? options.go_at.two_status : options.go_at.status;
	u64 of = 0;

	if (request_at == HTTP_GO_UNKNOWN || status_at == HTTP_GO_UNKNOWN)
		return 0;
	if (is_two && bpf_probe_read_user(&answer, sizeof(answer), (void *)answer))
		return 0;
	if (bpf_probe_read_user(&of, sizeof(of), (void *)(answer + request_at)) || of != request)
		return 0;
	if (!is_two)
		return go_status_at(answer, status_at) ?: 200;
	/* In the older layout a small capacity stands where the newer one has the status; in the newer one what
	 * follows is 0 where there is no status.
	 */
	return go_status_at(answer, status_at)
		       ?: (go_status_at(answer, options.go_at.two_old) ?: 200);
}

static __always_inline void go_tell(const struct go_request *kept, const struct runner *runner,
				    u32 status)
{
	struct http_record *record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);

	if (!record) {
		count(&control.dropped);
		return;
	}
	*record = (struct http_record){
		.read_at = kept->began,
		.first_at = bpf_ktime_get_ns(),
		.runq_ns = (u64)-1,
		.cpu_ns = kept->served.cpu_ns,
		.pid = runner->tgid,
		.tid = (u32)target_pid_tgid(),
		.status = status,
		.line_bytes = kept->line_bytes,
		.way = HTTP_WAY_GO,
		.cpu = kept->served.cpu,
	};
	record->last_at = record->first_at;
	__builtin_memcpy(record->line, kept->line, HTTP_LINE_BYTES);
	if (options.go_at.number != HTTP_GO_UNKNOWN &&
	    bpf_probe_read_user(&record->goroutine, sizeof(record->goroutine),
				(void *)(runner->id + options.go_at.number)))
		record->goroutine = 0;
	bpf_ringbuf_submit(record, emit_flags(&records, &control.woken_at));
}

static __always_inline void go_end(struct pt_regs *ctx, const struct runner *runner, bool is_two)
{
	struct go_request *kept = bpf_map_lookup_elem(&go_requests, runner);
	struct http_process *process;
	u32 status;

	if (!kept ||
	    !kept->is_open) /* it had begun before we looked, or this function begins again */
		return;
	if (!kept->is_left) {
		go_count_open(-1);
		served_release(&kept->served, runner->id);
		status = go_status(go_first(ctx), kept->request, is_two);
		if (!status)
			count(&control.unknown);
		go_tell(kept, runner, status);
		process = go_process(runner->tgid);
		if (process)
			count(&process->requests);
	}
	kept->is_open = 0;
}

SEC("uprobe")
int http_go(struct pt_regs *ctx)
{
	u64 ids = target_pid_tgid(), cookie = bpf_get_attach_cookie(ctx);
	struct runner runner = { .id = goroutine(ctx), .tgid = ids >> 32 };
	const struct http_runtime runtime = options.go_runtime;
	const struct http_runtime *known;

	if (!control.armed || !target_wants(ids))
		return 0;
	if ((u8)cookie != HTTP_GO_BEGIN) {
		go_end(ctx, &runner, (u8)cookie == HTTP_GO_DONE_TWO);
		return 0;
	}
	known = bpf_map_lookup_elem(&runtimes, &runner.tgid);
	if (!known ||
	    known->runner != runtime.runner) /* it was a shell before, or nobody has looked */
		bpf_map_update_elem(&runtimes, &runner.tgid, &runtime, BPF_ANY);
	go_begin(ctx, &runner, cookie);
	return 0;
}

#endif
