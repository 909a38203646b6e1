/* SPDX-License-Identifier: MIT */
/* requests.h - the requests that HTTP servers answer, from the hooks of http.bpf.c.
 *
 *     requests_open    loads and attaches; nothing is told yet
 *     requests_arm     from here on requests are told
 *     requests_settle  tells those whose answers are over; several times a second
 *     requests_drain   hands on what was told
 *
 * One thread.
 */
#ifndef COLLECT_HTTP_REQUESTS_H
#define COLLECT_HTTP_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"
#include "probe/http.wire.h"

#define REQUESTS_PROBES_MAX 64

struct requests_probe {
	uint64_t offset; /* into its file */
	uint64_t cookie; /* OpenSSL: enum http_tls; Go: HTTP_GO_... */
};

/* Probes in one file. */
struct requests_probes {
	int file; /* borrowed */
	const struct requests_probe *list;
	uint32_t count; /* at most REQUESTS_PROBES_MAX; 0: it is not probed */
};

/* What is known of a Go program. */
struct requests_go {
	struct http_runtime runtime;
	struct http_go_layout at;
};

struct requests_request {
	uint32_t pid;       /* of a server, with the processes that it has made and makes; 0: any */
	const char *cgroup; /* or of this control group and those below it; NULL: any */
	uint16_t port;      /* 0: each that is listened on */
	struct requests_probes tls; /* of OpenSSL */
	struct requests_probes go;  /* of net/http of Go */
	struct requests_go about_go;
	bool by_packets; /* in packets of connections, also where there are hooks at sockets */
	int (*each)(void *context, const struct http_record *record); /* 0, or -errno to stop */
	void *context;
};

struct requests;

/* How requests are seen: the first one that the kernel has. */
enum requests_way {
	REQUESTS_BY_TRACEPOINT,
	REQUESTS_BY_ENTRY, /* answers where tcp_sendmsg_locked() begins, before 6.16 */
	REQUESTS_BY_PACKETS, /* of connections, where there are no such hooks: who answers is not seen, nor TLS */
	REQUESTS_WAYS
};

/**
 * requests_open - load and attach
 *
 * Return: 0; -EPERM; -ENOTSUP the kernel lacks a hook; -ENOENT no such cgroup; -ESRCH no such
 * process; -ENOMEM; -errno; with fail() said.
 */
nodiscard int requests_open(const struct requests_request *request, struct requests **ret_requests);
void requests_arm(struct requests *requests);

/** requests_settle - @is_last: end, and tell whatever has been answered.  0; -errno with fail() said */
nodiscard int requests_settle(struct requests *requests, bool is_last);

/** requests_drain - Return: 0; what `each` returned; -errno */
nodiscard int requests_drain(struct requests *requests);

/** requests_descriptor - readable when the ring is filling up */
int requests_descriptor(const struct requests *requests);

/** requests_detach - takes the hooks off */
void requests_detach(struct requests *requests);

/** requests_control - of the program; changes while it is read */
const volatile struct http_control *requests_control(const struct requests *requests);

/**
 * requests_runtime - say who serves requests in a process: CPU time is told by request from here on
 *
 * Return: 0; -errno with fail() said.
 */
nodiscard int requests_runtime(const struct requests *requests, uint32_t pid,
			       const struct http_runtime *runtime);

/** requests_knows - whether that was said of a process, and it has run no other program since */
bool requests_knows(const struct requests *requests, uint32_t pid);

/** requests_forget - what was said of a process is not so any more */
void requests_forget(const struct requests *requests, uint32_t pid);

/** requests_unseen - connections of processes in which Go's net/http was probed in vain, TLS and HTTP/2 without */
void requests_unseen(const struct requests *requests, uint64_t *ret_tls, uint64_t *ret_two);

/** requests_sample_ns - CPU time that a sample stands for; 0: none are taken */
uint64_t requests_sample_ns(const struct requests *requests);

enum requests_way requests_way(const struct requests *requests);

/** requests_clock_error - why no samples are taken: -errno of the clocks that tell when; 0: they are */
int requests_clock_error(const struct requests *requests);

/** requests_refused - processes made by a chosen one for which there was no room */
uint64_t requests_refused(const struct requests *requests);

/**
 * requests_cost - ns that the programs have run so far, on all CPUs
 *
 * From the first call on the kernel measures it, which makes each run of each program a little longer.
 * Return: 0; -EPERM, -errno with fail() said.
 */
nodiscard int requests_cost(struct requests *requests, uint64_t *ret_ns);

/** requests_missed - how often the kernel skipped a hook because one was running on that CPU */
uint64_t requests_missed(const struct requests *requests);
void requests_close(struct requests *requests);
own_define(struct requests, requests_close)

#endif
