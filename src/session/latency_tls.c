/* SPDX-License-Identifier: MIT */
#include "session/latency_tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "elf/gopclntab.h"
#include "elf/goroutine.h"
#include "session/latency_files.h"
#include "session/latency_usdt.h"

static const struct {
	const char *name;
	enum http_tls entry, exit;
} functions[] = {
	{ "SSL_read", HTTP_TLS_READ, HTTP_TLS_RETURN },
	{ "SSL_read_ex", HTTP_TLS_READ_EX, HTTP_TLS_RETURN_EX },
	{ "SSL_write", HTTP_TLS_WRITE, HTTP_TLS_WRITE },
	{ "SSL_write_ex", HTTP_TLS_WRITE, HTTP_TLS_WRITE },
};

static uint64_t condition_of(const struct call_site *site)
{
	return site->is_if ? HTTP_IF | (uint64_t)site->condition << HTTP_CONDITION : 0;
}

/* A reading function is looked at where it returns as well; one that is left by a jump has its result elsewhere. */
static int add_site(struct latency_tls *tls, size_t function, size_t number)
{
	const struct call_site *site = &tls->plan.sites.data[number];
	struct requests_probe probe = { .offset = tls->plan.offsets.data[number],
					.cookie = functions[function].entry };
	bool is_read = functions[function].exit != functions[function].entry;

	if (site->kind != CALL_ENTRY && !is_read)
		return 0;
	if (site->kind != CALL_ENTRY && site->kind != CALL_RETURN)
		return fail(-ENOTSUP, "'%s' in '%s' does not return itself",
			    functions[function].name, tls->plan.files.data[0]->path);
	if (tls->probes.len == REQUESTS_PROBES_MAX)
		return fail(-ENOTSUP, "'%s' in '%s' has too many returns", functions[function].name,
			    tls->plan.files.data[0]->path);
	if (site->kind == CALL_RETURN)
		probe.cookie = functions[function].exit | condition_of(site);
	return vec_push(&tls->probes, probe);
}

static int add_function(struct latency_tls *tls, size_t function, const char *file)
{
	size_t known = tls->plan.sites.len;
	bool returns = false;
	char *operand = NULL;
	int err;

	if (asprintf(&operand, "%s:%s", file, functions[function].name) < 0)
		return -ENOMEM;
	err = latency_plan_add(&tls->plan, operand);
	free(operand);
	if (!err && tls->plan.refused.len)
		err = fail(-ENOTSUP, "OpenSSL cannot be probed: %s", tls->plan.refused.data[0]);
	for (size_t i = known; !err && i < tls->plan.sites.len; i++) {
		returns = returns || tls->plan.sites.data[i].kind == CALL_RETURN;
		err = add_site(tls, function, i);
	}
	if (!err && !returns && functions[function].exit != functions[function].entry)
		err = fail(-ENOTSUP, "where '%s' returns in '%s' cannot be told",
			   functions[function].name, file);
	return err;
}

static int find_openssl(struct latency_tls *tls, const char *name, struct requests_request *request)
{
	int err = 0;

	for (size_t i = 0; !err && i < array_len(functions); i++)
		err = add_function(tls, i, name);
	if (err == -ENOENT)
		hint("a program that takes OpenSSL from its library is seen with '--tls' alone");
	if (err)
		return err;
	vec_each(function, &tls->plan.functions)
		function->how = latency_plan_text(&tls->plan, "%s, by thread", function->how) ?: "";
	request->tls = (struct requests_probes){
		.file = tls->plan.files.data[0]->image->source.fd,
		.list = tls->probes.data,
		.count = (uint32_t)tls->probes.len,
	};
	return 0;
}

static const struct {
	const char *name;
	enum http_go kind;
} anchors[] = {
	{ "net/http.serverHandler.ServeHTTP", HTTP_GO_BEGIN },
	{ "net/http.(*response).finishRequest", HTTP_GO_DONE },
	{ "net/http.(*http2responseWriter).handlerDone", HTTP_GO_DONE_TWO },
};

/* The entry of a function alone. */
static int add_anchor(struct latency_tls *tls, size_t anchor, const char *file)
{
	size_t known = tls->plan.sites.len;
	char *operand = NULL;
	int err;

	if (asprintf(&operand, file ? "%s:%s" : "%s%s", file ?: "", anchors[anchor].name) < 0)
		return -ENOMEM;
	err = latency_plan_add(&tls->plan, operand);
	free(operand);
	if (!err && tls->plan.refused.len)
		err = fail(-ENOTSUP, "net/http cannot be probed: %s", tls->plan.refused.data[0]);
	for (size_t i = known; !err && i < tls->plan.sites.len; i++) {
		const struct call_site *site = &tls->plan.sites.data[i];
		struct requests_probe probe = { .offset = tls->plan.offsets.data[i],
						.cookie = anchors[anchor].kind };

		if (site->kind != CALL_ENTRY)
			continue;
		probe.cookie |= condition_of(site);
		err = vec_push(&tls->probes, probe);
	}
	return err;
}

/* Without HTTP/2 a program may have been built. */
static int find_go(struct latency_tls *tls, const char *file, struct requests_request *request)
{
	const struct image *image;
	int err = 0;

	for (size_t i = 0; !err && i < array_len(anchors); i++) {
		err = add_anchor(tls, i, file);
		if (err == -ENOENT && anchors[i].kind == HTTP_GO_DONE_TWO) {
			error_clear();
			tls->lacks_two = true;
			err = 0;
		}
	}
	if (err == -ENOENT)
		hint("requests are seen in Go programs that serve them by net/http");
	if (err)
		return err;
	vec_each(function, &tls->plan.functions)
		function->how = "where it begins alone, by goroutine";
	image = tls->plan.files.data[0]->image;
	err = latency_go_read(image, tls->plan.files.data[0]->path, &tls->go);
	if (err)
		return err;
	request->about_go.at = tls->go.at;
	request->about_go.runtime.runner =
		goroutine_offset(image, &request->about_go.runtime.g_offset) ? HTTP_RUNNER_GOROUTINE
									     : HTTP_RUNNER_ODD;
	request->go = (struct requests_probes){
		.file = image->source.fd,
		.list = tls->probes.data,
		.count = (uint32_t)tls->probes.len,
	};
	return 0;
}

static bool is_go(struct latency_opened *opened)
{
	own(image_freep) struct image *image = NULL;

	free(opened->path);
	return !image_open(opened->fd, &image) && gopclntab_has(image);
}

/* Whether a Go program is meant.  @ret_file: it; NULL: the program of the process */
static bool is_go_meant(uint32_t pid, const char *name, const char **ret_file)
{
	bool is_library = strcmp(name, LATENCY_TLS_LIBRARY) == 0;
	struct latency_opened opened;
	int err = pid && is_library ? latency_files_of_process(pid, 0, &opened)
				    : latency_files_open(pid, name, &opened);

	*ret_file = pid && is_library ? NULL : name;
	error_clear();
	return !err && is_go(&opened);
}

int latency_tls_find(struct latency_tls *tls, uint32_t pid, const char *name,
		     struct requests_request *request)
{
	const char *file = NULL;
	int err;

	tls->plan.pid = pid;
	tls->plan.skips_inlined = true;
	err = latency_plan_arg(&tls->plan, "1"); /* registers must still have them at the entry */
	if (err)
		return err;
	if (!is_go_meant(pid, name, &file))
		return find_openssl(tls, name, request);
	if (!request->port)
		return find_go(tls, file, request);
	err = fail(-ERROR_USAGE, "the port of a request is not known where Go is probed");
	hint("choose the server by -p PID instead of --port");
	return err;
}

void latency_tls_done(struct latency_tls *tls)
{
	latency_plan_done(&tls->plan);
	vec_done(&tls->probes);
}
