/* SPDX-License-Identifier: MIT */
/* What a target can put in our way: links, FIFOs, other files under its names. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/test.h"
#include "collect/open.h"

struct folder {
	char path[64];
	char map[96]; /* /tmp/perf-<we>.map */
};

static int set_up(void **state)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	if (!folder)
		return -1;
	snprintf(folder->path, sizeof(folder->path), "/tmp/kymo-open-XXXXXX");
	snprintf(folder->map, sizeof(folder->map), "/tmp/perf-%d.map", getpid());
	*state = folder;
	unlink(folder->map);
	return mkdtemp(folder->path) ? 0 : -1;
}

static int tear_down(void **state)
{
	struct folder *folder = *state;
	char command[128];

	unlink(folder->map);
	snprintf(command, sizeof(command), "rm -rf %s", folder->path);
	free(folder);
	return system(command);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void assert_reads(int fd, const char *text)
{
	char buffer[64] = "";

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, buffer, sizeof(buffer) - 1, 0), strlen(text));
	assert_string_equal(buffer, text);
	close(fd);
}

static void reads_a_perf_map(void **state)
{
	struct folder *folder = *state;

	assert_int_equal(open_perf_map((uint32_t)getpid()), -ENOENT);
	write_file(folder->map, "1000 10 f\n");
	assert_reads(open_perf_map((uint32_t)getpid()), "1000 10 f\n");
}

static void refuses_a_perf_map_that_is_a_link(void **state)
{
	struct folder *folder = *state;

	assert_int_equal(symlink("/etc/passwd", folder->map), 0);
	assert_true(open_perf_map((uint32_t)getpid()) < 0);
}

static void refuses_a_perf_map_that_is_a_fifo(void **state)
{
	struct folder *folder = *state;

	assert_int_equal(mkfifo(folder->map, 0600), 0);
	assert_true(open_perf_map((uint32_t)getpid()) < 0);
}

static void refuses_a_perf_map_of_somebody_else(void **state)
{
	struct folder *folder = *state;

	if (getuid() != 0)
		test_skip("only root can give a file away");
	write_file(folder->map, "1000 10 f\n");
	assert_int_equal(chown(folder->map, 65534, 65534), 0);
	assert_int_equal(open_perf_map((uint32_t)getpid()), -EPERM);
}

/* Maps the file; returns where. */
static struct open_mapped map_file(const char *path, const char *name)
{
	struct open_mapped mapped = { .pid = (uint32_t)getpid(), .path = name };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	void *at;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &status), 0);
	at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	assert_true(at != MAP_FAILED);
	close(fd);
	mapped.start = (uint64_t)(uintptr_t)at;
	mapped.end = mapped.start + 4096;
	mapped.inode = status.st_ino;
	return mapped;
}

static void finds_a_file_that_was_replaced(void **state)
{
	struct folder *folder = *state;
	struct open_mapped mapped;
	char path[96];

	snprintf(path, sizeof(path), "%s/binary", folder->path);
	write_file(path, "old");
	mapped = map_file(path, path);
	assert_int_equal(unlink(path), 0);
	write_file(path, "new");
	assert_reads(open_mapped_file(&mapped), "old");
	/* The process is gone: only the name is left, and it belongs to another file now. */
	mapped.pid = INT_MAX;
	assert_int_equal(open_mapped_file(&mapped), -ESTALE);
}

static void finds_a_file_of_an_ended_process(void **state)
{
	struct folder *folder = *state;
	struct open_mapped mapped;
	char path[96];

	snprintf(path, sizeof(path), "%s/binary", folder->path);
	write_file(path, "same");
	mapped = map_file(path, path);
	mapped.pid = INT_MAX;
	assert_reads(open_mapped_file(&mapped), "same");
	mapped.path = "/no/such/file";
	assert_int_equal(open_mapped_file(&mapped), -ENOENT);
}

static void opens_only_regular_files(void **state)
{
	struct folder *folder = *state;
	char path[96];

	snprintf(path, sizeof(path), "%s/fifo", folder->path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(open_in_root(0, path), -EINVAL);
	assert_int_equal(open_in_root(0, "/dev/null"), -EINVAL);
	assert_int_equal(open_in_root(0, folder->path), -EINVAL);
	assert_int_equal(open_in_root(0, "/proc/self/exe"), -ELOOP);
}

static void opens_the_vdso(void **state)
{
	char magic[SELFMAG];
	int fd = open_vdso();

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, magic, SELFMAG, 0), SELFMAG);
	assert_memory_equal(magic, ELFMAG, SELFMAG);
	close(fd);
}

int main(void)
{
#define with_folder(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		with_folder(reads_a_perf_map),
		with_folder(refuses_a_perf_map_that_is_a_link),
		with_folder(refuses_a_perf_map_that_is_a_fifo),
		with_folder(refuses_a_perf_map_of_somebody_else),
		with_folder(finds_a_file_that_was_replaced),
		with_folder(finds_a_file_of_an_ended_process),
		with_folder(opens_only_regular_files),
		with_folder(opens_the_vdso),
	};

	return test_run(tests);
}
