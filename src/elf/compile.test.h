/* SPDX-License-Identifier: MIT */
/* compile.test.h - binaries to read, made while the test runs by the compiler at hand. */
#ifndef ELF_COMPILE_TEST_H
#define ELF_COMPILE_TEST_H

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/test.h"
#include "elf/image.h"

/* Where this test program puts its files: a folder of its own. */
static inline const char *compile_folder(void)
{
	static char folder[200];

	if (!folder[0]) {
		const char *base = getenv("TMPDIR");

		snprintf(folder, sizeof(folder), "%s/kymo-elf-XXXXXX", base ? base : "/tmp");
		assert_non_null(mkdtemp(folder));
	}
	return folder;
}

/* Runs a command of the shell in that folder.  Return: whether it succeeded. */
#define compile_try(...)                                                             \
	({                                                                           \
		char line_[4096], command_[4400];                                    \
		snprintf(line_, sizeof(line_), __VA_ARGS__);                         \
		snprintf(command_, sizeof(command_), "cd '%s' && { %s; } >log 2>&1", \
			 compile_folder(), line_);                                   \
		system(command_) == 0;                                               \
	})

#define compile_run(...)                         \
	do {                                     \
		if (!compile_try(__VA_ARGS__)) { \
			compile_show_log();      \
			test_fail();             \
		}                                \
	} while (0)

static inline void compile_show_log(void)
{
	char command[300];

	snprintf(command, sizeof(command), "cat '%s/log' >&2", compile_folder());
	if (system(command) != 0)
		print_message("no log\n");
}

/* Removes the folder: the last thing of main(). */
static inline int compile_clean(int result)
{
	char command[300];

	snprintf(command, sizeof(command), "rm -rf '%s'", compile_folder());
	return system(command) == 0 ? result : result + 1;
}

static inline void compile_write(const char *name, const char *text)
{
	char path[300];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", compile_folder(), name);
	out = fopen(path, "we");
	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

static inline int compile_open(const char *name)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", compile_folder(), name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static inline struct image *compile_image(const char *name)
{
	struct image *image = NULL;

	assert_int_equal(image_open(compile_open(name), &image), 0);
	return image;
}

/* The output of a command of the shell in the folder; to be closed with pclose(). */
static inline FILE *compile_read(const char *command)
{
	char line[4400];
	FILE *out;

	snprintf(line, sizeof(line), "cd '%s' && %s 2>/dev/null", compile_folder(), command);
	out = popen(line, "re");
	assert_non_null(out);
	return out;
}

/* The address of a symbol, as nm tells it. */
static inline uint64_t compile_address(const char *file, const char *symbol)
{
	char command[4096];
	uint64_t address = 0;
	FILE *out;

	snprintf(command, sizeof(command), "nm '%s' | awk '$3 == \"%s\" { print $1; exit }'", file,
		 symbol);
	out = compile_read(command);
	assert_int_equal(fscanf(out, "%" SCNx64, &address), 1);
	pclose(out);
	return address;
}

#endif
