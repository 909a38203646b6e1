/* SPDX-License-Identifier: MIT */
#include "cmd/format.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "ship/sinks.h"

const struct sink *format_find(const char *name)
{
	for (const struct sink *const *sink = show_sinks; *sink; sink++)
		if (strcmp((*sink)->name, name) == 0)
			return *sink;
	for (const struct sink *const *sink = ship_sinks; *sink; sink++)
		if (strcmp((*sink)->name, name) == 0)
			return *sink;
	return NULL;
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len > end_len && strcmp(text + len - end_len, end) == 0 &&
	       text[len - end_len - 1] == '.';
}

/* Length of the suffix of a file name that says a format. */
static size_t suffix_len(const char *path, const struct sink *sink)
{
	if (ends_with(path, sink->suffix))
		return strlen(sink->suffix);
	if (sink->other_suffix && ends_with(path, sink->other_suffix))
		return strlen(sink->other_suffix);
	return 0;
}

const struct sink *format_for_file(const char *path, const struct sink *otherwise)
{
	const struct sink *const *const tables[] = { show_sinks, ship_sinks };
	const struct sink *best = otherwise;
	size_t best_len = 0;

	for (size_t i = 0; i < array_len(tables); i++)
		for (const struct sink *const *sink = tables[i]; *sink; sink++) {
			size_t len = suffix_len(path, *sink);

			if (len <= best_len)
				continue;
			best = *sink;
			best_len = len;
		}
	return best;
}

int format_check(const struct sink *sink, const char *path)
{
	int err;

	if (!sink->is_binary || path || !isatty(STDOUT_FILENO))
		return 0;
	err = fail(-EINVAL, "format '%s' is no text for a terminal", sink->name);
	hint("write it to a file with '-o profile.%s'", sink->suffix);
	return err;
}
