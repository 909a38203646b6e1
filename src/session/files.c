/* SPDX-License-Identifier: MIT */
#include "session/files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>

#include "base/vec.h"
#include "collect/bpf_functions.h"

/* Whose file it is, so that a debug file beside it is looked for in the same root. */
struct held_file {
	int fd;  /* -1: not held */
	int err; /* why not */
	struct open_mapped mapped;
	char *path;
};

struct held_process {
	uint32_t pid;
	int perf_map, perf_map_err;
	int jitdump, jitdump_err;
};

struct files {
	vec(struct held_file) files;        /* by number in the profile */
	vec(struct held_process) processes; /* likewise */
	size_t held, max_held;
	struct bpf_functions bpf;
	bool has_bpf;
	struct debuginfod *debuginfod; /* NULL: nobody is asked */
};

int files_new(struct files **ret_files)
{
	struct files *files = calloc(1, sizeof(*files));
	struct rlimit limit;

	if (!files)
		return -ENOMEM;
	files->max_held = FILES_MAX_HELD;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
		if (limit.rlim_cur / 2 < files->max_held)
			files->max_held = limit.rlim_cur / 2;
	}
	*ret_files = files;
	return 0;
}

void files_free(struct files *files)
{
	if (!files)
		return;
	vec_each(file, &files->files) {
		fd_closep(&file->fd);
		free(file->path);
	}
	vec_each(process, &files->processes) {
		fd_closep(&process->perf_map);
		fd_closep(&process->jitdump);
	}
	vec_done(&files->files);
	vec_done(&files->processes);
	bpf_functions_done(&files->bpf);
	free(files);
}

/* Keeps what was opened if there is room; the error of a failed attempt otherwise. */
static void hold(struct files *files, int opened, int *fd, int *err)
{
	if (opened >= 0 && files->held >= files->max_held) {
		close(opened);
		opened = -EMFILE;
	}
	if (opened >= 0)
		files->held++;
	*fd = opened >= 0 ? opened : -1;
	*err = opened >= 0 ? 0 : opened;
}

int files_see(struct files *files, uint32_t file, const struct open_mapped *mapped)
{
	struct held_file held = { .fd = -1, .err = -ENOENT, .mapped = *mapped };
	int err = 0;

	while (!err && files->files.len <= file)
		err = vec_push(&files->files, { .fd = -1, .err = -ENOENT });
	if (err)
		return err;
	held.path = strdup(mapped->path);
	if (!held.path)
		return -ENOMEM;
	held.mapped.path = held.path;
	hold(files, files->held < files->max_held ? open_mapped_file(mapped) : -EMFILE, &held.fd,
	     &held.err);
	free(files->files.data[file].path);
	files->files.data[file] = held;
	return 0;
}

static int find_process(struct files *files, uint32_t process, struct held_process **ret_process)
{
	int err = 0;

	while (!err && files->processes.len <= process)
		err = vec_push(&files->processes, { 0, -1, -ENOENT, -1, -ENOENT });
	if (!err)
		*ret_process = &files->processes.data[process];
	return err;
}

int files_see_jit(struct files *files, uint32_t process, uint32_t pid)
{
	struct held_process *held;
	int err = find_process(files, process, &held);

	if (err)
		return err;
	held->pid = pid;
	if (held->perf_map < 0)
		hold(files, open_perf_map(pid), &held->perf_map, &held->perf_map_err);
	return 0;
}

int files_see_jitdump(struct files *files, uint32_t process, const struct open_mapped *mapped)
{
	struct held_process *held;
	int err = find_process(files, process, &held);

	if (err)
		return err;
	held->pid = mapped->pid;
	if (held->jitdump < 0)
		hold(files, open_mapped_file(mapped), &held->jitdump, &held->jitdump_err);
	return 0;
}

/* A second descriptor of the same file: reading is by offset, so sharing the position is no harm. */
static int share(int fd, int err)
{
	int copy;

	if (fd < 0)
		return err;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return copy < 0 ? -errno : copy;
}

static int opener_file(void *context, const struct profile *profile, uint32_t file)
{
	struct files *files = context;
	const struct held_file *held;

	(void)profile;
	if (file >= files->files.len)
		return -ENOENT;
	held = &files->files.data[file];
	if (held->fd < 0 && held->err == -EMFILE)
		return open_mapped_file(&held->mapped);
	return share(held->fd, held->err);
}

static int opener_beside(void *context, const struct profile *profile, uint32_t file,
			 const char *path)
{
	struct files *files = context;
	int fd = -ENOENT;

	(void)profile;
	if (file < files->files.len && files->files.data[file].mapped.pid)
		fd = open_in_root(files->files.data[file].mapped.pid, path);
	return fd < 0 ? open_in_root(0, path) : fd;
}

/* A JIT compiler may have begun to write its map after its first sample. */
static int opener_perf_map(void *context, const struct profile *profile, uint32_t process)
{
	struct files *files = context;
	struct held_process *held;

	(void)profile;
	if (process >= files->processes.len)
		return -ENOENT;
	held = &files->processes.data[process];
	if (held->perf_map < 0 && held->pid)
		hold(files, open_perf_map(held->pid), &held->perf_map, &held->perf_map_err);
	return share(held->perf_map, held->perf_map_err);
}

static int opener_jitdump(void *context, const struct profile *profile, uint32_t process)
{
	struct files *files = context;

	(void)profile;
	if (process >= files->processes.len)
		return -ENOENT;
	return share(files->processes.data[process].jitdump,
		     files->processes.data[process].jitdump_err);
}

static int opener_kallsyms(void *context)
{
	(void)context;
	return open_kallsyms();
}

/* Read when the first is asked for: by then the samples are taken. */
static bool opener_is_bpf(void *context, uint64_t address)
{
	struct files *files = context;

	if (!files->has_bpf && bpf_functions_read(&files->bpf))
		return false;
	files->has_bpf = true;
	return bpf_functions_hold(&files->bpf, address);
}

static int opener_vdso(void *context)
{
	(void)context;
	return open_vdso();
}

static int opener_remote(void *context, const char *build_id)
{
	const struct files *files = context;

	return debuginfod_open(files->debuginfod, build_id);
}

void files_ask(struct files *files, struct debuginfod *debuginfod)
{
	files->debuginfod = debuginfod;
}

struct opener files_opener(struct files *files)
{
	return (struct opener){
		.context = files,
		.open_file = opener_file,
		.open_beside = opener_beside,
		.open_remote = files->debuginfod ? opener_remote : NULL,
		.open_perf_map = opener_perf_map,
		.open_jitdump = opener_jitdump,
		.open_kallsyms = opener_kallsyms,
		.open_vdso = opener_vdso,
		.is_bpf = opener_is_bpf,
	};
}
