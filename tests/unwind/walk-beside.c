/* SPDX-License-Identifier: MIT */
/* walk-beside.c - stops a process at chance instants and walks its stacks twice, by kymo's rules and
 * by libdwfl, from the same registers and memory.
 *
 *     walk-beside PID STOPS MICROSECONDS
 *
 * Stops every thread STOPS times, about so many microseconds apart.  Writes a line of JSON: how many
 * stacks there were, how many were equal frame for frame, how many of kymo's reached their root, how
 * many ended at a rule that kymo does not follow (hard), and for the others the class of the
 * difference, with examples on standard error.
 */
#include <dirent.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "collect/open.h"
#include "elf/unwind_block.h"
#include "probe/stack.wire.h"
#include "resolve/maps.h"

static bool read_memory(void *context, u64 address, u64 words[2]);
static u64 read_register(void *context, u32 number);
#define UNWIND_READ     read_memory
#define UNWIND_REGISTER read_register
#include "probe/unwind.h"

#define FILES_MAX 256

struct walked {
	uint64_t frames[STACK_MAX_USER];
	unsigned count;
	bool is_whole;
	const char *stop;
};

struct file {
	char *path;
	struct image *image;
	struct cfi *cfi;
};

struct figures {
	unsigned stacks, equal, whole, theirs_shorter, ours_shorter, hard, differ;
	uint64_t frames;
};

static pid_t process;
static struct file files[FILES_MAX];
static unsigned file_count;
static struct strings strings;
static struct cfi_rows rows;

static bool read_memory(void *context, u64 address, u64 words[2])
{
	struct iovec here = { words, 16 }, there = { (void *)address, 16 };

	(void)context;
	return !(address & 7) && process_vm_readv(process, &here, 1, &there, 1, 0) == 16;
}

/* @context: struct user_regs_struct */
static u64 read_register(void *context, u32 number)
{
	const struct user_regs_struct *regs = context;
	const u64 all[] = { regs->rax, regs->rdx, regs->rcx, regs->rbx, regs->rsi, regs->rdi,
			    regs->rbp, regs->rsp, regs->r8,  regs->r9,  regs->r10, regs->r11,
			    regs->r12, regs->r13, regs->r14, regs->r15 };

	return all[number];
}

static struct file *file_of(const struct mapping *mapping)
{
	const char *path = strings_get(&strings, mapping->path);
	struct open_mapped mapped = { process, mapping->start, mapping->end, path, mapping->inode };
	struct file *file;
	int fd;

	for (unsigned i = 0; i < file_count; i++)
		if (strcmp(files[i].path, path) == 0)
			return &files[i];
	if (file_count == FILES_MAX)
		return NULL;
	file = &files[file_count++];
	file->path = strdup(path);
	fd = mapping->kind == MAPPING_VDSO ? open_vdso() : open_mapped_file(&mapped);
	if (fd >= 0 && image_open(fd, &file->image) == 0 && cfi_open(file->image, &file->cfi) != 0)
		file->cfi = NULL;
	return file;
}

static struct unwind_rule rule_in(struct file *file, const struct mapping *mapping, uint64_t look)
{
	struct unwind_block block = { .is_split = 1 };
	struct unwind_rule none = { .kind = UNWIND_NONE };
	uint64_t address = 0;
	uint32_t page = 0;

	if (!file || !file->cfi ||
	    !image_address(file->image, mapping->file_offset + (look - mapping->start), &address))
		return none;
	for (unsigned level = 0; block.is_split && level < UNWIND_LEVELS; level++) {
		page = unwind_page(address, level);
		if (unwind_block_build(file->cfi, page, &rows, &block))
			return none;
	}
	return unwind_block_find(&block, page, address);
}

static void walk_ours(const struct mappings *mappings, struct user_regs_struct *from,
		      struct walked *out)
{
	struct unwind_regs regs = { from->rip, from->rsp, from->rbp, 0, UNWIND_KEPT_ALL };
	bool is_return = false, by_fp = false;

	out->frames[0] = regs.ip;
	out->count = 1;
	out->is_whole = false;
	while (out->count < STACK_MAX_USER) {
		uint64_t look = regs.ip - is_return;
		const struct mapping *mapping = mappings_find(mappings, look);
		struct unwind_rule rule = { .kind = UNWIND_NONE };
		enum unwind_outcome outcome;

		if (!mapping) {
			out->stop = "no code";
			out->count -= by_fp && out->count > 1;
			return;
		}
		if (mapping->kind == MAPPING_FILE || mapping->kind == MAPPING_VDSO)
			rule = rule_in(file_of(mapping), mapping, look);
		outcome = unwind_apply(from, rule, &regs);
		if (outcome > UNWIND_RESUMED) {
			out->is_whole = outcome == UNWIND_AT_ROOT;
			out->stop = unwind_is_hard(rule.kind)  ? "hard"
				    : rule.kind == UNWIND_NONE ? "no rule"
							       : "fault";
			return;
		}
		is_return = outcome == UNWIND_CALLER;
		by_fp = rule.kind == UNWIND_NONE;
		out->frames[out->count++] = regs.ip;
	}
	out->stop = "deep";
}

static int add_frame(Dwfl_Frame *frame, void *context)
{
	struct walked *out = context;
	Dwarf_Addr address;

	if (out->count == STACK_MAX_USER || !dwfl_frame_pc(frame, &address, NULL))
		return DWARF_CB_ABORT;
	out->frames[out->count++] = address;
	return DWARF_CB_OK;
}

static Dwfl *open_dwfl(void)
{
	static char none[] = "/nonexistent", *debug = none;
	static const Dwfl_Callbacks callbacks = {
		.find_elf = dwfl_linux_proc_find_elf,
		.find_debuginfo = dwfl_standard_find_debuginfo,
		.debuginfo_path = &debug,
	};
	Dwfl *dwfl = dwfl_begin(&callbacks);

	if (!dwfl || dwfl_linux_proc_report(dwfl, process) || dwfl_report_end(dwfl, NULL, NULL) ||
	    dwfl_linux_proc_attach(dwfl, process, true))
		return NULL;
	return dwfl;
}

static int read_mappings(struct mappings *mappings)
{
	own(fd_closep) int fd = open_maps((uint32_t)process);
	own(freep) char *text = NULL;
	size_t len;
	int err = fd < 0 ? fd : file_read_all(fd, 64u << 20, &text, &len);

	mappings_clear(mappings);
	return err ?: mappings_parse(mappings, text, len, true, &strings, NULL);
}

static void show(const char *what, const struct walked *ours, const struct walked *theirs,
		 const struct mappings *mappings)
{
	unsigned most = ours->count > theirs->count ? ours->count : theirs->count;

	fprintf(stderr, "%s: kymo %u frames, %s (%s); libdwfl %u\n", what, ours->count,
		ours->is_whole ? "whole" : "cut", ours->stop, theirs->count);
	for (unsigned i = 0; i < most && i < 24; i++) {
		uint64_t mine = i < ours->count ? ours->frames[i] : 0;
		uint64_t other = i < theirs->count ? theirs->frames[i] : 0;
		const struct mapping *mapping = mappings_find(mappings, mine ? mine : other);

		fprintf(stderr, "  %16" PRIx64 " %16" PRIx64 "%s %s+%" PRIx64 "\n", mine, other,
			mine == other ? "" : " !",
			mapping ? strings_get(&strings, mapping->path) : "?",
			mapping ? (mine ? mine : other) - mapping->start + mapping->file_offset
				: 0);
	}
}

static void compare(struct figures *figures, const struct walked *ours, const struct walked *theirs,
		    const struct mappings *mappings)
{
	static unsigned shown;
	unsigned least = ours->count < theirs->count ? ours->count : theirs->count;
	const char *what = NULL;

	figures->stacks++;
	figures->frames += ours->count;
	figures->whole += ours->is_whole;
	if (memcmp(ours->frames, theirs->frames, least * sizeof(*ours->frames)) != 0) {
		figures->differ++;
		what = "differ";
	} else if (ours->count < theirs->count && strcmp(ours->stop, "hard") == 0) {
		figures->hard++;
	} else if (ours->count < theirs->count) {
		figures->ours_shorter++;
		what = "kymo shorter";
	} else if (ours->count > theirs->count) {
		figures->theirs_shorter++;
		what = "libdwfl shorter";
	} else {
		figures->equal++;
	}
	if (what && shown++ < 12)
		show(what, ours, theirs, mappings);
}

static void walk_thread(pid_t thread, Dwfl *dwfl, const struct mappings *mappings,
			struct figures *figures)
{
	static struct walked ours, theirs;
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, thread, NULL, &regs))
		return;
	theirs.count = 0;
	dwfl_getthread_frames(dwfl, thread, add_frame, &theirs);
	walk_ours(mappings, &regs, &ours);
	/* libdwfl counts the place where it ended as a frame of address 0. */
	while (theirs.count > 1 && !theirs.frames[theirs.count - 1])
		theirs.count--;
	compare(figures, &ours, &theirs, mappings);
}

/* Stops every thread, walks, and lets them go.  Return: whether the process is there still */
static bool stop_once(struct figures *figures)
{
	struct mappings mappings = { 0 };
	pid_t threads[64];
	unsigned count = 0;
	char path[64];
	struct dirent *entry;
	Dwfl *dwfl;
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%d/task", process);
	folder = opendir(path);
	while (folder && (entry = readdir(folder)) && count < 64) {
		pid_t thread = (pid_t)atoi(entry->d_name);

		if (thread > 0 && ptrace(PTRACE_SEIZE, thread, NULL, NULL) == 0) {
			ptrace(PTRACE_INTERRUPT, thread, NULL, NULL);
			threads[count++] = thread;
		}
	}
	if (folder)
		closedir(folder);
	for (unsigned i = 0; i < count; i++) {
		int status;

		/* A signal that comes before the stop is passed on when it is let go. */
		if (waitpid(threads[i], &status, __WALL) < 0 || !WIFSTOPPED(status))
			threads[i] = 0;
		else if (WSTOPSIG(status) != SIGTRAP)
			threads[i] = -threads[i] - (WSTOPSIG(status) << 24);
	}
	dwfl = count && read_mappings(&mappings) == 0 ? open_dwfl() : NULL;
	for (unsigned i = 0; i < count; i++) {
		if (dwfl && threads[i] > 0)
			walk_thread(threads[i], dwfl, &mappings, figures);
	}
	dwfl_end(dwfl);
	for (unsigned i = 0; i < count; i++) {
		pid_t thread = threads[i] < 0 ? -threads[i] & 0xffffff : threads[i];
		long signal = threads[i] < 0 ? -threads[i] >> 24 : 0;

		if (thread)
			ptrace(PTRACE_DETACH, thread, NULL, (void *)signal);
	}
	mappings_clear(&mappings);
	return count > 0;
}

int main(int argc, char **argv)
{
	struct figures figures = { 0 };
	unsigned stops;
	long pause_us;

	if (argc != 4) {
		fprintf(stderr, "usage: walk-beside PID STOPS MICROSECONDS\n");
		return 2;
	}
	process = atoi(argv[1]);
	stops = (unsigned)atoi(argv[2]);
	pause_us = atol(argv[3]);
	srandom(1);
	for (unsigned i = 0; i < stops; i++) {
		struct timespec pause = { 0, (pause_us / 2 + random() % (pause_us + 1)) * 1000 };

		nanosleep(&pause, NULL);
		if (!stop_once(&figures))
			break;
	}
	printf("{\"stacks\": %u, \"equal\": %u, \"whole\": %u, \"frames\": %" PRIu64
	       ", \"libdwfl_shorter\": %u, \"kymo_shorter\": %u, \"hard\": %u, \"differ\": %u}\n",
	       figures.stacks, figures.equal, figures.whole, figures.frames, figures.theirs_shorter,
	       figures.ours_shorter, figures.hard, figures.differ);
	for (unsigned i = 0; i < file_count; i++) {
		cfi_close(files[i].cfi);
		image_free(files[i].image);
		free(files[i].path);
	}
	vec_done(&rows);
	strings_done(&strings);
	return 0;
}
