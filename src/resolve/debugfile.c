/* SPDX-License-Identifier: MIT */
#include "resolve/debugfile.h"

#include <limits.h>
#include <string.h>

#define DEBUG_ROOT "/usr/lib/debug"
#define DELETED    " (deleted)"

struct search {
	const struct opener *opener;
	const struct profile *profile;
	uint32_t file;
	const struct image *image;
};

size_t debugfile_path_bytes(const char *path)
{
	size_t len = strlen(path), suffix = strlen(DELETED);

	return len > suffix && strcmp(path + len - suffix, DELETED) == 0 ? len - suffix : len;
}

static bool has_crc(const struct image *debug, uint32_t wanted)
{
	uint32_t crc;

	return debug->source.len <= DEBUGFILE_MAX_CRC_BYTES &&
	       source_crc32(&debug->source, &crc) == 0 && crc == wanted;
}

/* Return: 0 with the file if it belongs to the executable; -ENOENT; -ENOMEM */
static int take_debug(const struct search *search, int fd, struct image **ret_debug)
{
	own(image_freep) struct image *debug = NULL;
	const struct image *image = search->image;
	int err;

	if (fd < 0)
		return -ENOENT;
	err = image_open(fd, &debug);
	if (err)
		return err == -ENOMEM ? err : -ENOENT;
	if (debug->machine != image->machine || debug->is_64 != image->is_64)
		return -ENOENT;
	if (debug->build_id[0] && image->build_id[0]) {
		if (strcmp(debug->build_id, image->build_id) != 0)
			return -ENOENT;
	} else if (!image->debuglink || !has_crc(debug, image->debuglink_crc)) {
		return -ENOENT;
	}
	*ret_debug = take(debug);
	return 0;
}

static int try_path(const struct search *search, const char *path, struct image **ret_debug)
{
	const struct opener *opener = search->opener;

	return take_debug(search,
			  opener->open_beside(opener->context, search->profile, search->file, path),
			  ret_debug);
}

static int try_debuglink(const struct search *search, struct image **ret_debug)
{
	static const char *const forms[] = { "%.*s/%s", "%.*s/.debug/%s", DEBUG_ROOT "%.*s/%s" };
	const char *own =
		profile_text(search->profile, search->profile->files.data[search->file].path);
	const char *slash = memrchr(own, '/', debugfile_path_bytes(own));
	char path[PATH_MAX];
	int err = -ENOENT;

	if (own[0] != '/' || !slash)
		return err;
	for (size_t i = 0; err == -ENOENT && i < array_len(forms); i++) {
		int len = snprintf(path, sizeof(path), forms[i], (int)(slash - own), own,
				   search->image->debuglink);

		if (len < (int)sizeof(path) && strcmp(path, own) != 0)
			err = try_path(search, path, ret_debug);
	}
	return err;
}

int debugfile_find(const struct opener *opener, const struct profile *profile, uint32_t file,
		   const struct image *image, struct image **ret_debug)
{
	struct search search = { opener, profile, file, image };
	char path[PATH_MAX];
	int err = -ENOENT;

	if (!opener->open_beside)
		return err;
	if (strlen(image->build_id) > 2) {
		snprintf(path, sizeof(path), DEBUG_ROOT "/.build-id/%.2s/%s.debug", image->build_id,
			 image->build_id + 2);
		err = try_path(&search, path, ret_debug);
	}
	if (err == -ENOENT && image->debuglink)
		err = try_debuglink(&search, ret_debug);
	if (err == -ENOENT && image->build_id[0] && opener->open_remote)
		err = take_debug(&search, opener->open_remote(opener->context, image->build_id),
				 ret_debug);
	return err;
}
