/* SPDX-License-Identifier: MIT */
#include "session/latency_tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static const struct {
	const char *name;
	enum http_tls entry, exit;
} functions[] = {
	{ "SSL_read", HTTP_TLS_READ, HTTP_TLS_RETURN },
	{ "SSL_read_ex", HTTP_TLS_READ_EX, HTTP_TLS_RETURN_EX },
	{ "SSL_write", HTTP_TLS_WRITE, HTTP_TLS_WRITE },
	{ "SSL_write_ex", HTTP_TLS_WRITE, HTTP_TLS_WRITE },
};

/* A reading function is looked at where it returns as well; one that is left by a jump has its result elsewhere. */
static int add_site(struct latency_tls *tls, size_t function, size_t number)
{
	const struct call_site *site = &tls->plan.sites.data[number];
	struct requests_probe probe = { tls->plan.offsets.data[number], functions[function].entry };
	bool is_read = functions[function].exit != functions[function].entry;

	if (site->kind != CALL_ENTRY && !is_read)
		return 0;
	if (site->kind != CALL_ENTRY && site->kind != CALL_RETURN)
		return fail(-ENOTSUP, "'%s' in '%s' does not return itself",
			    functions[function].name, tls->plan.files.data[0]->path);
	if (tls->probes.len == REQUESTS_TLS_MAX)
		return fail(-ENOTSUP, "'%s' in '%s' has too many returns", functions[function].name,
			    tls->plan.files.data[0]->path);
	if (site->kind == CALL_RETURN)
		probe.kind = functions[function].exit;
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

int latency_tls_find(struct latency_tls *tls, uint32_t pid, const char *name,
		     struct requests_request *request)
{
	int err;

	tls->plan.pid = pid;
	err = latency_plan_arg(&tls->plan, "1"); /* registers must still have them at the entry */
	for (size_t i = 0; !err && i < array_len(functions); i++)
		err = add_function(tls, i, name);
	if (err == -ENOENT)
		hint("a program that takes OpenSSL from its library is seen with '--tls' alone");
	if (err)
		return err;
	request->tls_file = tls->plan.files.data[0]->image->source.fd;
	request->tls_probes = tls->probes.data;
	request->tls_count = (uint32_t)tls->probes.len;
	return 0;
}

void latency_tls_done(struct latency_tls *tls)
{
	latency_plan_done(&tls->plan);
	vec_done(&tls->probes);
}
