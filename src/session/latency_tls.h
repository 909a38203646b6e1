/* SPDX-License-Identifier: MIT */
/* latency_tls.h - where OpenSSL is probed, or net/http of Go, to see requests behind TLS. */
#ifndef SESSION_LATENCY_TLS_H
#define SESSION_LATENCY_TLS_H

#include "collect/http/requests.h"
#include "session/latency_go.h"
#include "session/latency_plan.h"

struct latency_tls {
	struct latency_plan plan;
	vec(struct requests_probe) probes;
	bool lacks_two;       /* of Go: it was built without HTTP/2 */
	struct latency_go go; /* likewise */
};

#define LATENCY_TLS_LIBRARY "libssl.so.3" /* that is meant where no file is named */

/**
 * latency_tls_find - the functions of OpenSSL in a file, or those of net/http in a Go program
 * @pid: 0; else what this process has mapped is looked at first
 * @name: a path, a program in PATH or a library by its file name; with a process that is a Go program the
 *        library stands for that program
 * @request: told of them; @tls must outlive it
 *
 * Return: 0; -ENOENT no such file or it has none of them; -ENOTSUP they cannot be probed; -errno; with
 * fail() said.  latency_tls_done() in any case.
 */
nodiscard int latency_tls_find(struct latency_tls *tls, uint32_t pid, const char *name,
			       struct requests_request *request);
void latency_tls_done(struct latency_tls *tls);

#endif
