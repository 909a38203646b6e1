/* SPDX-License-Identifier: MIT */
#include "session/latency_go.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"
#include "elf/gopclntab.h"
#include "elf/goroutine.h"
#include "elf/members.h"

#define OLDEST          1017 /* whose layout is known, and the newest one */
#define NEWEST          1024

/* Of looking through DWARF for it. */
#define DWARF_MAX_BYTES (256u << 20)
#define DWARF_MAX_NS    (5 * NS_PER_S)

/* What net/http.http2responseWriter points at got a field less in front of its status meanwhile. */
static const struct http_go_layout known = {
	.method = 0,
	.major = 40,
	.target = 192,
	.tls = 208,
	.request = 8,
	.status = 120,
	.two_request = 8,
	.two_status = 72,
	.two_old = 80,
	.number = HTTP_GO_UNKNOWN,
};

static const struct http_go_layout nothing = {
	.method = HTTP_GO_UNKNOWN,
	.major = HTTP_GO_UNKNOWN,
	.target = HTTP_GO_UNKNOWN,
	.tls = HTTP_GO_UNKNOWN,
	.request = HTTP_GO_UNKNOWN,
	.status = HTTP_GO_UNKNOWN,
	.two_request = HTTP_GO_UNKNOWN,
	.two_status = HTTP_GO_UNKNOWN,
	.two_old = HTTP_GO_UNKNOWN,
	.number = HTTP_GO_UNKNOWN,
};

/* Return: 0; -ENOMEM. */
static int read_dwarf(const struct image *image, struct http_go_layout *at)
{
	const struct debuginfo_limits limits = { .bytes = DWARF_MAX_BYTES, .cpu_ns = DWARF_MAX_NS };
	struct member_wanted wanted[] = {
		{ "net/http.Request", "Method", 0 },
		{ "net/http.Request", "ProtoMajor", 0 },
		{ "net/http.Request", "RequestURI", 0 },
		{ "net/http.Request", "TLS", 0 },
		{ "net/http.response", "req", 0 },
		{ "net/http.response", "status", 0 },
		{ "net/http.http2responseWriterState", "req", 0 },
		{ "net/http.http2responseWriterState", "status", 0 },
		{ "runtime.g", "goid", 0 },
	};
	uint16_t *const to[] = { &at->method,      &at->major,      &at->target,
				 &at->tls,         &at->request,    &at->status,
				 &at->two_request, &at->two_status, &at->number };
	int err = members_find(image, &limits, wanted, array_len(wanted));

	for (size_t i = 0; i < array_len(wanted); i++)
		if (wanted[i].offset >= 0 && wanted[i].offset < HTTP_GO_UNKNOWN)
			*to[i] = (uint16_t)wanted[i].offset;
	return err == -ENOMEM ? err : 0;
}

static const char *version_text(unsigned version, char text[40])
{
	if (version)
		snprintf(text, 40, "Go %u.%u", version / 1000, version % 1000);
	else
		snprintf(text, 40, "a Go that does not say its version");
	return text;
}

static bool has_line(const struct http_go_layout *at)
{
	return at->method != HTTP_GO_UNKNOWN && at->major != HTTP_GO_UNKNOWN &&
	       at->target != HTTP_GO_UNKNOWN && at->tls != HTTP_GO_UNKNOWN;
}

int latency_go_read(const struct image *image, const char *path, struct latency_go *ret_go)
{
	struct latency_go go = { .version = gopclntab_version(image), .at = known };
	unsigned words = goroutine_number_words(image);
	char text[40];
	int err = 0;

	if (words)
		go.at.number = (uint16_t)(words * 8);
	if (go.version < OLDEST || go.version > NEWEST) {
		go.at = nothing;
		err = read_dwarf(image, &go.at);
	}
	if (err)
		return err;
	if (has_line(&go.at)) {
		*ret_go = go;
		return 0;
	}
	err = fail(
		-ENOTSUP,
		"method, target and status of requests are not known for %s in '%s': layout not known",
		version_text(go.version, text), path);
	hint("build with DWARF (without -ldflags=-w or -s), which tells it; without --tls plain requests "
	     "are seen from the sockets");
	return err;
}

int latency_go_note(const struct latency_go *go, bool has_two, struct coverage *coverage)
{
	bool lacks_one = go->at.request == HTTP_GO_UNKNOWN || go->at.status == HTTP_GO_UNKNOWN;
	bool lacks_two = has_two && (go->at.two_request == HTTP_GO_UNKNOWN ||
				     go->at.two_status == HTTP_GO_UNKNOWN);
	char text[200], version[40];
	int err = 0;

	if (lacks_one || lacks_two) {
		snprintf(
			text, sizeof(text),
			"status of %srequests that are seen in Go's net/http: not known for %s: layout "
			"not known, build with DWARF",
			lacks_one && (lacks_two || !has_two) ? ""
			: lacks_one                          ? "HTTP/1 "
							     : "HTTP/2 ",
			version_text(go->version, version));
		err = coverage_lack(coverage, text);
	}
	if (!err && go->at.number == HTTP_GO_UNKNOWN) {
		snprintf(
			text, sizeof(text),
			"numbers of goroutines: not known for %s: layout not known, build with DWARF",
			version_text(go->version, version));
		err = coverage_lack(coverage, text);
	}
	return err;
}
