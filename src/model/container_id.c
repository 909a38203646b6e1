/* SPDX-License-Identifier: MIT */
#include "model/container_id.h"

#include <string.h>

#include "base/own.h"

#define DIGITS "0123456789abcdef"
#define SCOPE  ".scope"

static bool is_id(const char *text, size_t len)
{
	return len == CONTAINER_ID_DIGITS && strspn(text, DIGITS) >= CONTAINER_ID_DIGITS;
}

static bool begins_with(const char *text, size_t len, const char *prefix)
{
	return len >= strlen(prefix) && memcmp(text, prefix, strlen(prefix)) == 0;
}

/* Where the ID stands in a component that has a runtime's prefix; NULL: in none. */
static const char *after_prefix(const char *part, size_t len)
{
	static const char *const prefixes[] = { "docker-", "libpod-", "cri-containerd-", "crio-",
						"nerdctl-" };
	size_t scope = strlen(SCOPE);

	for (size_t i = 0; i < array_len(prefixes); i++) {
		size_t prefix = strlen(prefixes[i]);

		if (!begins_with(part, len, prefixes[i]))
			continue;
		if (len > prefix + scope && is_id(part + prefix, len - prefix - scope) &&
		    memcmp(part + len - scope, SCOPE, scope) == 0)
			return part + prefix;
		if (strcmp(prefixes[i], "libpod-") == 0 && is_id(part + prefix, len - prefix))
			return part + prefix;
	}
	return NULL;
}

/* Whether a bare ID below this component is a container. */
static bool holds_ids(const char *part, size_t len)
{
	return begins_with(part, len, "kubepods") ||
	       (len == strlen("docker") && begins_with(part, len, "docker")) ||
	       (len == strlen("libpod_parent") && begins_with(part, len, "libpod_parent"));
}

bool container_id(const char *path, char ret_id[CONTAINER_ID_DIGITS + 1])
{
	const char *found = NULL;
	bool below = false;

	while (*path) {
		size_t len = strcspn(path, "/");
		const char *id = after_prefix(path, len);

		if (!id && below && is_id(path, len))
			id = path;
		found = id ?: found;
		below |= holds_ids(path, len);
		path += len + (path[len] == '/');
	}
	if (!found)
		return false;
	memcpy(ret_id, found, CONTAINER_ID_DIGITS);
	ret_id[CONTAINER_ID_DIGITS] = '\0';
	return true;
}
