/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/error.h"
#include "base/file.h"
#include "base/test.h"

/* A folder of its own for each test, as the working directory. */
static int enter(void **state)
{
	char path[] = "/tmp/kymo-file-XXXXXX";

	if (!mkdtemp(path) || chdir(path) != 0)
		return -1;
	*state = strdup(path);
	umask(022);
	return 0;
}

static void remove_all(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;

	while (folder && (entry = readdir(folder)) != NULL)
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(folder), entry->d_name, 0);
	if (folder)
		closedir(folder);
	rmdir(path);
}

static int leave(void **state)
{
	if (chdir("/") != 0)
		return -1;
	remove_all(*state);
	free(*state);
	return 0;
}

static size_t files(void)
{
	DIR *folder = opendir(".");
	struct dirent *entry;
	size_t count = 0;

	assert_non_null(folder);
	while ((entry = readdir(folder)) != NULL)
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count;
}

static void put(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static void holds(const char *path, const char *expected)
{
	int fd = open(path, O_RDONLY);
	char *text;
	size_t len;

	assert_true(fd >= 0);
	assert_int_equal(file_read_all(fd, 1 << 20, &text, &len), 0);
	assert_string_equal(text, expected);
	assert_int_equal(len, strlen(expected));
	free(text);
	close(fd);
}

static mode_t mode_of(const char *path)
{
	struct stat status;

	assert_int_equal(lstat(path, &status), 0);
	return status.st_mode;
}

static void writes_a_new_file(void **state)
{
	struct file_output output;

	(void)state;
	assert_int_equal(file_output_open(&output, "new"), 0);
	fputs("text", output.out);
	assert_int_equal(access("new", F_OK), -1); /* not there before it is complete */
	assert_int_equal(file_output_commit(&output), 0);
	holds("new", "text");
	assert_int_equal(mode_of("new") & 0777, 0644);
	assert_int_equal(files(), 1);
}

static void replaces_an_old_one_whole(void **state)
{
	struct file_output output;

	(void)state;
	put("old", "old");
	chmod("old", 0600);
	assert_int_equal(file_output_open(&output, "old"), 0);
	fputs("new", output.out);
	fflush(output.out);
	holds("old", "old");
	assert_int_equal(file_output_commit(&output), 0);
	holds("old", "new");
	assert_int_equal(mode_of("old") & 0777, 0600);
	assert_int_equal(files(), 1);
}

/* As when the program is killed while it writes: nobody is left to clean up. */
static void a_killed_writer_leaves_nothing(void **state)
{
	pid_t child;
	int status;

	(void)state;
	put("old", "old");
	child = fork();
	if (child == 0) {
		struct file_output output;

		if (file_output_open(&output, "old") == 0 && fputs("half of", output.out) >= 0 &&
		    fflush(output.out) == 0 && output.is_unnamed)
			raise(SIGKILL);
		_exit(1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	holds("old", "old");
	assert_int_equal(files(), 1);
}

static void abort_leaves_the_old_one(void **state)
{
	struct file_output output;

	(void)state;
	put("old", "old");
	assert_int_equal(file_output_open(&output, "old"), 0);
	fputs("half of", output.out);
	file_output_abort(&output);
	file_output_abort(&output);
	holds("old", "old");
	assert_int_equal(files(), 1);
}

static void keeps_a_symbolic_link(void **state)
{
	struct file_output output;

	(void)state;
	put("target", "old");
	assert_int_equal(symlink("target", "link"), 0);
	assert_int_equal(file_output_open(&output, "link"), 0);
	fputs("new", output.out);
	assert_int_equal(file_output_commit(&output), 0);
	assert_true(S_ISLNK(mode_of("link")));
	holds("target", "new");
	assert_int_equal(files(), 2);
}

static void what_is_private_is_for_its_owner(void **state)
{
	struct file_output output;

	(void)state;
	assert_int_equal(file_output_open_private(&output, "private"), 0);
	fputs("text", output.out);
	assert_int_equal(file_output_commit(&output), 0);
	assert_int_equal(mode_of("private") & 0777, 0600);
	assert_int_equal(chmod("private", 0640), 0); /* whoever wants it so has it so */
	assert_int_equal(file_output_open_private(&output, "private"), 0);
	assert_int_equal(file_output_commit(&output), 0);
	assert_int_equal(mode_of("private") & 0777, 0640);
	unlink("private");
}

static void writes_through_a_pipe(void **state)
{
	struct file_output output;
	char got[8] = "";
	int fd;

	(void)state;
	assert_int_equal(mkfifo("pipe", 0600), 0);
	fd = open("pipe", O_RDONLY | O_NONBLOCK);
	assert_true(fd >= 0);
	assert_int_equal(file_output_open(&output, "pipe"), 0);
	fputs("text", output.out);
	assert_int_equal(file_output_commit(&output), 0);
	assert_int_equal(read(fd, got, sizeof(got)), 4);
	assert_string_equal(got, "text");
	assert_true(S_ISFIFO(mode_of("pipe")));
	close(fd);
}

static void says_why_it_cannot(void **state)
{
	struct file_output output;

	(void)state;
	assert_int_equal(file_output_open(&output, "none/file"), -ENOENT);
	assert_string_equal(error_text(), "cannot write 'none/file': No such file or directory");
	assert_string_equal(error_hint(), "mkdir -p 'none'");
	assert_null(output.out);
	assert_int_equal(mkdir("folder", 0700), 0);
	assert_int_equal(file_output_open(&output, "folder"), -EISDIR);
	assert_string_equal(error_text(), "cannot write 'folder': Is a directory");
	rmdir("folder");
}

/* A disk without space, at once and long before the end. */
static void full_disk_is_an_error(void **state)
{
	struct file_output output;

	(void)state;
	for (size_t bytes = 1; bytes <= 1u << 20; bytes <<= 20) {
		assert_int_equal(file_output_open(&output, "/dev/full"), 0);
		for (size_t i = 0; i < bytes; i++)
			putc('x', output.out);
		assert_int_equal(file_output_commit(&output), -ENOSPC);
		assert_string_equal(error_text(),
				    "cannot write '/dev/full': No space left on device");
		assert_non_null(strstr(error_hint(), "df -h"));
	}
	/* The error is not seen by the last flush any more. */
	assert_int_equal(file_output_open(&output, "/dev/full"), 0);
	setvbuf(output.out, NULL, _IONBF, 0);
	fputs("x", output.out);
	assert_true(file_output_commit(&output) < 0);
}

static void a_failed_write_keeps_the_old_file(void **state)
{
	struct file_output output;

	(void)state;
	put("old", "old");
	assert_int_equal(file_output_open(&output, "old"), 0);
	fputs("new", output.out);
	close(fileno(output.out));
	assert_int_equal(file_output_commit(&output), -EBADF);
	holds("old", "old");
	assert_int_equal(files(), 1);
}

static void reads_to_the_end_or_the_ceiling(void **state)
{
	char *text = NULL;
	size_t len = 7;
	int fd;

	(void)state;
	put("file", "0123456789");
	fd = open("file", O_RDONLY);
	assert_int_equal(file_read_all(fd, 9, &text, &len), -EFBIG);
	assert_null(text);
	assert_int_equal(len, 7);
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(file_read_all(fd, 10, &text, &len), 0);
	assert_int_equal(len, 10);
	free(text);
	assert_int_equal(file_read_all(fd, 10, &text, &len), 0); /* at the end: nothing */
	assert_int_equal(len, 0);
	assert_string_equal(text, "");
	free(text);
	close(fd);
	assert_int_equal(file_read_all(fd, 10, &text, &len), -EBADF);
}

static void reads_what_has_no_size(void **state)
{
	int fd = open("/proc/self/maps", O_RDONLY);
	char *text;
	size_t len;

	(void)state;
	assert_int_equal(file_read_all(fd, 1 << 24, &text, &len), 0);
	assert_true(len > 100 && strlen(text) == len);
	free(text);
	close(fd);
}

static void reads_a_large_file(void **state)
{
	size_t len, size = 1000003;
	char *text;
	int fd;

	(void)state;
	fd = open("large", O_RDWR | O_CREAT, 0600);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(pwrite(fd, "end", 3, (off_t)size - 3), 3);
	assert_int_equal(file_read_all(fd, size, &text, &len), 0);
	assert_int_equal(len, size);
	assert_string_equal(text + size - 3, "end");
	free(text);
	close(fd);
}

static void reads_a_place(void **state)
{
	char got[4] = "";
	int fd;

	(void)state;
	put("file", "0123456789");
	fd = open("file", O_RDONLY);
	assert_int_equal(file_read_at(fd, got, 3, 4), 0);
	assert_string_equal(got, "456");
	assert_int_equal(file_read_at(fd, got, 3, 8), -ENODATA);
	assert_int_equal(file_read_at(fd, got, 1, 1000), -ENODATA);
	assert_int_equal(file_read_at(fd, got, 0, 1000), 0);
	assert_true(file_read_at(fd, got, 1, UINT64_MAX) < 0);
	close(fd);
	assert_int_equal(file_read_at(fd, got, 1, 0), -EBADF);
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, enter, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_folder(writes_a_new_file),
		in_folder(replaces_an_old_one_whole),
		in_folder(a_killed_writer_leaves_nothing),
		in_folder(abort_leaves_the_old_one),
		in_folder(keeps_a_symbolic_link),
		in_folder(what_is_private_is_for_its_owner),
		in_folder(writes_through_a_pipe),
		in_folder(says_why_it_cannot),
		in_folder(full_disk_is_an_error),
		in_folder(a_failed_write_keeps_the_old_file),
		in_folder(reads_to_the_end_or_the_ceiling),
		in_folder(reads_what_has_no_size),
		in_folder(reads_a_large_file),
		in_folder(reads_a_place),
	};

	return test_run(tests);
}
