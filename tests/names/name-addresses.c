/* SPDX-License-Identifier: MIT */
/* name-addresses.c - names addresses of one file as a profile would, for comparison with others.
 *
 *     name-addresses FILE [mangled] [no-inline] [time] [root=FOLDER] < ADDRESSES
 *
 * Reads hexadecimal addresses as nm and addr2line print them, one a line.  Writes for each a line of
 * its names, outermost first, separated by tabs, each as `function<space>source:line`, "?" for no
 * source; then what was not measured, each sentence behind "# ".  With `time` instead a line of
 * JSON: CPU time of naming all of them the first time and, with the tables built, once more.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "elf/image.h"
#include "resolve/resolver.h"

struct context {
	const char *path;
	const char *root; /* in front of the paths of debug files */
};

static int open_file(void *context, const struct profile *profile, uint32_t file)
{
	int fd = open(((struct context *)context)->path, O_RDONLY | O_CLOEXEC);

	(void)profile;
	(void)file;
	return fd < 0 ? -errno : fd;
}

static int open_beside(void *context, const struct profile *profile, uint32_t file,
		       const char *path)
{
	char full[4096];
	int fd;

	(void)profile;
	(void)file;
	snprintf(full, sizeof(full), "%s%s", ((struct context *)context)->root, path);
	fd = open(full, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int open_none(void *context, const struct profile *profile, uint32_t process)
{
	(void)context;
	(void)profile;
	(void)process;
	return -ENOENT;
}

static int open_nothing(void *context)
{
	(void)context;
	return -ENOENT;
}

static uint64_t offset_of(const struct image *image, uint64_t address)
{
	vec_each(segment, &image->segments)
		if (segment->executable && address >= segment->address &&
		    address - segment->address < segment->file_bytes)
			return segment->offset + (address - segment->address);
	return UINT64_MAX;
}

static int read_frames(struct profile *profile, const struct image *image, uint32_t file)
{
	uint64_t address;
	int err = 0;

	while (!err && scanf("%" SCNx64, &address) == 1)
		err = vec_push(&profile->frames,
			       { .address = offset_of(image, address), .origin = file });
	return err;
}

static void write_frames(const struct profile *profile)
{
	vec_each(frame, &profile->frames) {
		for (uint32_t i = 0; i < frame->name_count; i++) {
			const struct name *name = &profile->names.data[frame->first_name + i];
			const char *source = profile_text(profile, name->source);

			printf("%s%s ", i ? "\t" : "", profile_text(profile, name->function));
			if (*source)
				printf("%s:%u", source, name->line);
			else
				putchar('?');
		}
		putchar('\n');
	}
	vec_each(lack, &profile->coverage.not_measured)
		printf("# %s\n", *lack);
}

static int write_time(struct resolver *resolver, struct profile *profile)
{
	uint64_t start = clock_read_ns(CLOCK_PROCESS_CPUTIME_ID), first, again;
	int err = resolver_name(resolver, profile);

	first = clock_read_ns(CLOCK_PROCESS_CPUTIME_ID);
	vec_each(frame, &profile->frames)
		frame->name_count = 0;
	profile->names.len = 0;
	again = clock_read_ns(CLOCK_PROCESS_CPUTIME_ID);
	err = err ?: resolver_name(resolver, profile);
	printf("{\"chains\": %zu, \"names\": %zu, \"first_ms\": %.3f, \"again_ms\": %.3f}\n",
	       profile->frames.len, profile->names.len, (double)(first - start) / 1e6,
	       (double)(clock_read_ns(CLOCK_PROCESS_CPUTIME_ID) - again) / 1e6);
	return err;
}

int main(int argc, char **argv)
{
	struct resolver_options options = { .table_bytes = 512u << 20,
					    .inline_bytes = 512u << 20,
					    .inline_cpu_ns = 60000000000 };
	struct context context = { argc > 1 ? argv[1] : "", "" };
	struct opener opener = { &context,  open_file,    open_beside, open_none,
				 open_none, open_nothing, open_nothing };
	own(profile_freep) struct profile *profile = NULL;
	own(resolver_freep) struct resolver *resolver = NULL;
	own(image_freep) struct image *image = NULL;
	struct file file = { .inode = 1 };
	bool timed = false;
	uint32_t number;
	int fd = open(context.path, O_RDONLY | O_CLOEXEC), err;

	for (int i = 2; i < argc; i++) {
		timed |= strcmp(argv[i], "time") == 0;
		options.mangled |= strcmp(argv[i], "mangled") == 0;
		options.no_inline |= strcmp(argv[i], "no-inline") == 0;
		if (strncmp(argv[i], "root=", 5) == 0)
			context.root = argv[i] + 5;
	}
	err = fd < 0 ? -errno : image_open(fd, &image);
	err = err ?: profile_new(&profile);
	err = err ?: profile_add_text(profile, context.path, &file.path);
	err = err ?: profile_add_file(profile, &file, &number);
	err = err ?: resolver_new(&options, &opener, &resolver);
	err = err ?: read_frames(profile, image, number);
	if (!err && timed)
		err = write_time(resolver, profile);
	err = err ?: resolver_name(resolver, profile);
	err = err ?: resolver_report(resolver, profile);
	if (err) {
		fprintf(stderr, "name-addresses: %s\n", strerror(-err));
		return 1;
	}
	if (!timed)
		write_frames(profile);
	return 0;
}
