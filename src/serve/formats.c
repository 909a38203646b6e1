/* SPDX-License-Identifier: MIT */
#include "serve/formats.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "serve/call_tree.h"
#include "serve/profiles.h"
#include "serve/span.h"
#include "ship/sinks.h"
#include "show/sinks.h"

int formats_find(const char *name, bool has_samples, const struct sink **ret_sink)
{
	const struct sink *const *const tables[] = { show_sinks, ship_sinks };
	int err;

	for (size_t i = 0; i < array_len(tables); i++)
		for (const struct sink *const *sink = tables[i]; *sink; sink++)
			if (strcmp((*sink)->name, name) == 0 &&
			    (has_samples || !(*sink)->is_live)) {
				*ret_sink = *sink;
				return 0;
			}
	err = fail(-EINVAL, "'%s' is no format of stored samples", name);
	hint("format is json, folded, svg, pprof, speedscope, firefox or tree");
	return err;
}

static const char *type_of(const struct sink *sink)
{
	if (sink == &show_svg)
		return "image/svg+xml";
	if (sink->is_binary)
		return "application/octet-stream";
	return sink == &ship_speedscope || sink == &ship_firefox ? "application/json"
								 : "text/plain; charset=utf-8";
}

int formats_put(const struct sink *sink, const struct profile *profile, const char *title,
		double min_share, struct response *response)
{
	struct sink_target target = {
		.profile = profile,
		.options = { .title = title, .min_share_pct = min_share },
	};
	int err;

	target.out = response_open(response, 200, type_of(sink));
	if (!target.out)
		return -ENOMEM;
	err = sink->begin ? sink->begin(&target) : 0;
	if (!err && sink->moments && profile->moments.len)
		err = sink->moments(&target, 0, profile->moments.len);
	err = err ?: sink->end(&target);
	/* A browser must not run a picture as a page of ours. */
	if (sink == &show_svg || sink->is_binary)
		snprintf(response->disposition, sizeof(response->disposition),
			 "attachment; filename=\"kymo.%s\"", sink->suffix);
	return response_close(response, target.out) ?: err;
}

int formats_put_tree(const struct profile *profile, const struct profile_query *query,
		     double min_share, bool by_comm, struct response *response)
{
	struct flame flame = { 0 };
	struct json json;
	FILE *out = NULL;
	int err = flame_build(&flame, profile, by_comm, false);

	if (!err) {
		min_share = call_tree_trim(&flame, min_share);
		flame_sort(&flame, FLAME_BY_WEIGHT);
		out = response_open_object(response, 200, &json);
		err = out ? 0 : -ENOMEM;
	}
	if (!err) {
		profile_put_head(&json, profile, query);
		json_double(&json, "min_share", min_share);
		err = call_tree_put(&json, &flame);
		err = response_close_object(response, &json, out) ?: err;
	}
	flame_done(&flame);
	return err;
}

int formats_put_asked(const struct profile *profile, const struct request *request,
		      const char *title, struct response *response)
{
	const char *format = request_parameter(request, "format") ?: "json";
	struct profile_query span = { .start_unix_ns = profile->started_unix_ns };
	bool is_tree = strcmp(format, "json") == 0, by_comm = true;
	double min_share = is_tree ? CALL_TREE_SHARE_PCT : 0;
	const struct sink *sink = NULL;
	int err = span_read_tree(request, &by_comm, &min_share);

	span.end_unix_ns = profile->started_unix_ns + profile->duration_ns;
	if (!err && is_tree)
		return formats_put_tree(profile, &span, min_share, by_comm, response);
	if (strcmp(format, "profile-json") == 0)
		format = "json";
	err = err ?: formats_find(format, true, &sink);
	if (!err && sink->every_sample && !profile->keep_moments) {
		err = fail(-EINVAL, "'%s' needs every single sample, and they were added up",
			   format);
		hint("start the session with \"samples\": true");
	}
	return err ?: formats_put(sink, profile, title, min_share, response);
}
