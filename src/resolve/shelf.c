/* SPDX-License-Identifier: MIT */
#include "resolve/shelf.h"

#include <string.h>

#define VDSO "[vdso]"

static struct shelf_place place_of(const struct profile *profile, uint32_t file)
{
	const struct file *at = &profile->files.data[file];

	return (struct shelf_place){ at->device, at->inode, at->generation, at->inode ? 0 : file };
}

static bool same_place(const struct shelf_place *a, const struct shelf_place *b)
{
	return a->inode == b->inode && a->device == b->device && a->generation == b->generation &&
	       a->file == b->file;
}

static struct shelved *find_place(struct shelf *shelf, const struct shelf_place *place)
{
	vec_each(shelved, &shelf->binaries)
		vec_each(at, &shelved->places)
			if (same_place(at, place))
				return shelved;
	return NULL;
}

static bool same_image(const struct image *a, const struct image *b)
{
	return a->build_id[0] && strcmp(a->build_id, b->build_id) == 0 &&
	       a->source.len == b->source.len && a->base == b->base && a->end == b->end &&
	       a->sections.len == b->sections.len && a->code.len == b->code.len &&
	       (!a->code.len ||
		memcmp(a->code.data, b->code.data, a->code.len * sizeof(*a->code.data)) == 0);
}

static struct shelved *find_image(struct shelf *shelf, const struct image *image)
{
	vec_each(shelved, &shelf->binaries)
		if (same_image(shelved->binary->image, image))
			return shelved;
	return NULL;
}

static int open_image(const struct opener *opener, struct profile *profile, uint32_t file,
		      struct image **ret_image)
{
	bool is_vdso = strcmp(profile_text(profile, profile->files.data[file].path), VDSO) == 0;
	int fd = is_vdso ? opener->open_vdso(opener->context)
			 : opener->open_file(opener->context, profile, file);
	int err = fd < 0 ? fd : image_open(fd, ret_image);

	if (!err && (*ret_image)->build_id[0]) {
		uint32_t text;

		err = profile_add_text(profile, (*ret_image)->build_id, &text);
		if (err) {
			image_free(*ret_image);
			return err;
		}
		profile->files.data[file].build_id = text;
	}
	return err;
}

/* Gives a file its place on the shelf, beside an equal one or on its own.  Takes the image. */
static int place_image(struct shelf *shelf, const struct resolver_options *options,
		       const struct opener *opener, const struct profile *profile, uint32_t file,
		       struct image *image, struct shelved **ret_shelved)
{
	struct shelved *equal = find_image(shelf, image), fresh = { 0 };
	int err;

	if (equal) {
		image_free(image);
		*ret_shelved = equal;
		return 0;
	}
	err = binary_new(options, opener, profile, file, image, &fresh.binary);
	err = err ?: vec_push(&shelf->binaries, fresh);
	if (err) {
		binary_free(fresh.binary);
		return err;
	}
	*ret_shelved = &shelf->binaries.data[shelf->binaries.len - 1];
	return 0;
}

int shelf_get(struct shelf *shelf, const struct resolver_options *options,
	      const struct opener *opener, struct profile *profile, uint32_t file,
	      struct binary **ret_binary)
{
	struct shelf_place place = place_of(profile, file);
	struct shelved *shelved = find_place(shelf, &place);

	if (!shelved) {
		struct image *image;
		int err = open_image(opener, profile, file, &image);

		err = err ?: place_image(shelf, options, opener, profile, file, image, &shelved);
		err = err ?: vec_push(&shelved->places, place);
		if (err)
			return err;
	}
	shelved->used = ++shelf->uses;
	*ret_binary = shelved->binary;
	return 0;
}

static void forget(struct shelf *shelf, struct shelved *shelved)
{
	binary_free(shelved->binary);
	vec_done(&shelved->places);
	*shelved = shelf->binaries.data[--shelf->binaries.len];
}

void shelf_trim(struct shelf *shelf, size_t max_bytes)
{
	for (;;) {
		struct shelved *oldest = NULL;
		size_t bytes = 0;

		vec_each(shelved, &shelf->binaries) {
			if (shelved->used == shelf->uses || !shelved->bytes)
				shelved->bytes = binary_bytes(shelved->binary);
			bytes += shelved->bytes;
			if (!oldest || shelved->used < oldest->used)
				oldest = shelved;
		}
		if (bytes <= max_bytes || !oldest)
			return;
		forget(shelf, oldest);
	}
}

void shelf_done(struct shelf *shelf)
{
	while (shelf->binaries.len)
		forget(shelf, shelf->binaries.data);
	vec_done(&shelf->binaries);
}
