/* SPDX-License-Identifier: MIT */
#include "session/latency_plan.h"

#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "elf/code.h"
#include "elf/gopclntab.h"
#include "elf/goroutine.h"
#include "elf/inflate.h"
#include "elf/symbols.h"
#include "session/latency_args.h"
#include "session/latency_files.h"
#include "session/latency_harmless.h"
#include "session/latency_unseen.h"
#include "session/latency_usdt.h"

#define MINI_MAX_BYTES (64u << 20)
#define HOW_BYTES      160
#define USDT           "usdt:"

const char *latency_plan_text(struct latency_plan *plan, const char *format, ...)
{
	char *text = NULL;
	va_list words;
	int len;

	va_start(words, format);
	len = vasprintf(&text, format, words);
	va_end(words);
	if (len < 0)
		return NULL;
	if (vec_push(&plan->texts, text)) {
		free(text);
		return NULL;
	}
	return text;
}

static void file_free(struct latency_file *file)
{
	if (!file)
		return;
	image_free(file->image);
	image_free(file->mini);
	free(file->path);
	free(file);
}
own_define(struct latency_file, file_free)

/* The symbols that a distribution leaves in a stripped file. */
static struct image *open_mini(const struct image *image)
{
	const struct image_section *section = image_find_section(image, ".gnu_debugdata");
	struct image *mini = NULL;
	void *bytes;
	size_t len;

	if (section && !image_find_type(image, SHT_SYMTAB) &&
	    inflate_xz(&image->source, section->offset, section->size, MINI_MAX_BYTES, &bytes,
		       &len) == 0 &&
	    image_hold(bytes, len, &mini) != 0)
		mini = NULL;
	return mini;
}

static int fail_image(const char *path, int err)
{
	if (err == -ENOEXEC)
		return fail(err, "'%s' is no ELF file", path);
	if (err == -EBADMSG || err == -ENODATA || err == -E2BIG)
		return fail(-EBADMSG, "'%s' is damaged", path);
	return fail(err, "cannot read '%s': %m", path);
}

/* Takes @fd.  The file of the same inode is not opened again. */
static int add_file(struct latency_plan *plan, int fd, const char *path,
		    struct latency_file **ret_file)
{
	own(file_freep) struct latency_file *file = NULL;
	struct stat status, other;
	int err;

	if (fstat(fd, &status)) {
		err = fail(-errno, "cannot read '%s': %m", path);
		close(fd);
		return err;
	}
	vec_each(old, &plan->files)
		if (!fstat((*old)->image->source.fd, &other) && other.st_ino == status.st_ino &&
		    other.st_dev == status.st_dev) {
			close(fd);
			*ret_file = *old;
			return 0;
		}
	file = calloc(1, sizeof(*file));
	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	err = image_open(fd, &file->image);
	if (err)
		return fail_image(path, err);
	if (file->image->machine != CODE_MACHINE)
		return fail(-ENOTSUP, "'%s' is no program for this processor", path);
	if (plan->files.len == LATENCY_FILES_MAX)
		return fail(-E2BIG, "at most %d files can be probed at once", LATENCY_FILES_MAX);
	file->path = strdup(path);
	file->mini = open_mini(file->image);
	file->changed_ns = latency_file_changed_ns(&status);
	file->bytes = (uint64_t)status.st_size;
	err = file->path ? vec_push(&plan->files, file) : -ENOMEM;
	if (!err)
		*ret_file = take(file);
	return err;
}

static uint8_t wire_kind(enum code_kind kind)
{
	static const uint8_t kinds[] = {
		[CODE_ENTRY] = CALL_ENTRY,
		[CODE_RETURN] = CALL_RETURN,
		[CODE_JUMP] = CALL_JUMP,
		[CODE_JUMP_IF] = CALL_JUMP_IF,
		[CODE_JUMP_REGISTER] = CALL_JUMP_REGISTER,
		[CODE_JUMP_MEMORY] = CALL_JUMP_MEMORY,
	};

	return kinds[kind];
}

int latency_plan_push(struct latency_plan *plan, const struct call_site *site, uint64_t offset,
		      uint64_t semaphore)
{
	int err;

	if (plan->sites.len == CALL_SITES_MAX)
		return fail(-E2BIG, "at most %d places can be probed at once", CALL_SITES_MAX);
	err = vec_push(&plan->sites, *site);
	err = err ?: vec_push(&plan->offsets, offset);
	return err ?: vec_push(&plan->semaphores, semaphore);
}

static int add_site(struct latency_plan *plan, const struct image *image,
		    const struct function *function, const struct code_site *site)
{
	struct call_site wire = {
		.address = site->address,
		.displacement = site->displacement,
		.ranges = { { function->body.start, function->body.end },
			    { function->cold.start, function->cold.end } },
		.function = (uint32_t)plan->functions.len,
		.pushed = site->pushed,
		.kind = wire_kind(site->kind),
		.condition = site->condition,
		.is_if = site->is_if,
		.is_go = function->is_go,
		.cost = site->step == CODE_STEPPED ? CALL_STEPPED : CALL_EMULATED,
		.base = site->base,
		.index = site->index,
		.scale = site->scale,
		.goid_words = function->is_go ? goroutine_number_words(image) : 0,
	};
	uint64_t offset;

	if (!image_offset(image, site->address, &offset))
		return -EBADMSG;
	return latency_plan_push(plan, &wire, offset, 0);
}

static const char *describe(struct latency_plan *plan, const struct function *function,
			    const struct code *code)
{
	unsigned returns = 0, jumps = 0;
	char exits[HOW_BYTES / 2];

	vec_each(exit, &code->exits) {
		returns += exit->kind == CODE_RETURN;
		jumps += exit->kind != CODE_RETURN;
	}
	if (code->lacks[0])
		return latency_plan_text(plan, "entry only, calls are counted and not timed: %s",
					 code->lacks);
	if (code->never_returns)
		return latency_plan_text(plan, "entry only, it never returns: calls are counted");
	snprintf(exits, sizeof(exits), "%u return%s", returns, returns == 1 ? "" : "s");
	if (jumps)
		snprintf(exits + strlen(exits), sizeof(exits) - strlen(exits), ", %u jump%s out",
			 jumps, jumps == 1 ? "" : "s");
	return latency_plan_text(plan, "entry at +%lu%s and %s, by %s",
				 (unsigned long)(code->entry.address - function->body.start),
				 code->entry.step == CODE_STEPPED ? " (stepped)" : "", exits,
				 function->is_go ? "goroutine" : "stack pointer");
}

/* A return probe where the entry is, which was added last. */
static int add_hook(struct latency_plan *plan)
{
	struct call_site hook = plan->sites.data[plan->sites.len - 1];

	hook.kind = CALL_HOOKED;
	hook.cost = CALL_TRAMPOLINE;
	return latency_plan_push(plan, &hook, plan->offsets.data[plan->offsets.len - 1], 0);
}

static int refuse(struct latency_plan *plan, const char *name, const char *why)
{
	char *text = NULL;
	int err;

	if (asprintf(&text, "'%s': %s", name, why) < 0)
		return -ENOMEM;
	err = vec_push(&plan->refused, text);
	if (err)
		free(text);
	return err;
}

static bool is_planned(const struct latency_plan *plan, uint32_t file, uint64_t start)
{
	vec_each(site, &plan->sites)
		if (plan->file_of.data[site->function] == file && site->ranges[0].start == start)
			return true;
	return false;
}

static int add_code(struct latency_plan *plan, uint32_t file, const struct function *function,
		    const char *name, const struct code *code)
{
	const struct image *image = plan->files.data[file]->image;
	/* The return address is where it is looked for: on arm64 in its register, not yet signed. */
	bool hooked = !code->entry.pushed && (code->is_first || image->machine == EM_X86_64) &&
		      latency_calls_nobody(plan->files.data[file]->path, name);
	struct latency_function shown = { .file = plan->files.data[file]->path };
	int err = 0;

	if (plan->functions.len == CALL_FUNCTIONS_MAX)
		return fail(-E2BIG, "at most %d functions can be timed at once",
			    CALL_FUNCTIONS_MAX);
	shown.name = latency_plan_text(plan, "%s", name);
	shown.how = hooked ? latency_plan_text(
				     plan,
				     "entry at +%lu and a return probe, as it calls nobody "
				     "who could unwind or change stacks",
				     (unsigned long)(code->entry.address - function->body.start))
			   : describe(plan, function, code);
	shown.is_counted = !code->exits.len;
	if (!shown.name || !shown.how)
		return -ENOMEM;
	err = add_site(plan, image, function, &code->entry);
	if (hooked)
		err = err ?: add_hook(plan);
	vec_each(exit, &code->exits)
		if (!hooked)
			err = err ?: add_site(plan, image, function, exit);
	err = err ?: vec_push(&plan->file_of, file);
	return err ?: vec_push(&plan->functions, shown);
}

static int add_function(struct latency_plan *plan, uint32_t file, const struct function *function,
			const char *name)
{
	const struct image *image = plan->files.data[file]->image;
	struct code_request request = {
		.ranges = { function->body, function->cold },
		.count = function->cold.end > function->cold.start ? 2 : 1,
		.restarts = function->is_go,
		.keeps_arguments = plan->arg_count,
	};
	struct code code;
	int err = latency_plan_check_args(plan, name, function->is_go);

	if (err || is_planned(plan, file, function->body.start))
		return err;
	err = code_examine(image, &request, &code);
	if (err == -ENOTSUP) {
		err = fail(err,
			   "cannot find where '%s' returns: this kymo was linked without Zydis, "
			   "which reads the instructions of x86-64",
			   name);
		hint("the Debian package and 'make' on a machine with libzydis-dev have it");
	} else if (err)
		err = fail(err, "cannot read the instructions of '%s': %m", name);
	else if (!code.has_entry)
		err = refuse(plan, name, code.lacks);
	else
		err = add_code(plan, file, function, name, &code);
	code_done(&code);
	return err;
}

static uint32_t file_number(const struct latency_plan *plan, const struct latency_file *file)
{
	for (uint32_t i = 0; i < plan->files.len; i++)
		if (plan->files.data[i] == file)
			return i;
	return 0;
}

/* Return: how many functions matched; -errno with fail() said. */
static int add_matches(struct latency_plan *plan, struct latency_file *file, const char *pattern)
{
	struct functions found = { 0 };
	int err, count;

	if (strncmp(pattern, USDT, strlen(USDT)) == 0)
		return latency_plan_add_usdt(plan, file_number(plan, file), pattern + strlen(USDT));
	err = functions_find(file->image, file->mini, pattern, &found);
	if (err == -ENOTSUP)
		err = fail(err, "'%s' was built by a version of Go that is not known", file->path);
	else if (err)
		err = fail_image(file->path, err);
	if (!err && found.dropped)
		err = fail(-E2BIG, "'%s' matches more than %u functions", pattern, FUNCTIONS_MAX);
	for (size_t i = 0; !err && i < found.list.len; i++)
		err = add_function(plan, file_number(plan, file), &found.list.data[i],
				   functions_text(&found, found.list.data[i].name));
	if (!err && !plan->skips_inlined)
		err = latency_plan_note_inlined(plan, file, &found);
	count = (int)found.list.len;
	if (!err && !count && found.resolvers) {
		err = fail(-ENOENT,
			   "'%s' in '%s' is one of several functions, chosen when a program "
			   "starts",
			   pattern, file->path);
		hint("kymo latency --list '%s:*%s*' lists them, where their names are known",
		     file->path, pattern);
	}
	functions_done(&found);
	return err ?: count;
}

static int fail_no_function(const struct latency_file *file, const char *pattern)
{
	char nearest[SYMBOL_NAME_BYTES];
	uint32_t places;
	int err;

	if (gopclntab_has(file->image) && gopclntab_names(file->image, pattern) == 1) {
		err = fail(-ENOENT, "'%s' in '%s' was inlined wherever it is called", pattern,
			   file->path);
		hint("build it with -gcflags=-l, or time what calls it");
		return err;
	}
	places = latency_file_inlined(file, pattern);
	if (places) {
		err = fail(-ENOENT, "'%s' in '%s' was inlined wherever it is called, at %u places",
			   pattern, file->path, places);
		hint("build it with -fno-inline, or time what calls it");
		return err;
	}
	err = fail(-ENOENT, "there is no function '%s' in '%s'", pattern, file->path);
	if (functions_nearest(file->image, file->mini, pattern, nearest, sizeof(nearest)))
		hint("did you mean '%s'?", nearest);
	else if (!image_find_type(file->image, SHT_SYMTAB) && !gopclntab_has(file->image))
		hint("the file is stripped: only what other files use of it has a name");
	else
		hint("kymo latency --list '%s:*' lists what there is", file->path);
	return err;
}

static int fail_missing(const struct latency_file *file, const char *pattern)
{
	int err;

	if (strncmp(pattern, USDT, strlen(USDT)) != 0)
		return fail_no_function(file, pattern);
	err = fail(-ENOENT, "there is no probe point '%s' in '%s'", pattern + strlen(USDT),
		   file->path);
	hint("kymo latency --list '%s:usdt:*:*' lists them", file->path);
	return err;
}

/* "libc.so.6:malloc": the colon that is none of "::". */
static const char *find_colon(const char *operand)
{
	for (const char *at = operand; *at; at++) {
		if (*at != ':')
			continue;
		if (at[1] != ':')
			return at;
		at++;
	}
	return NULL;
}

static int add_in_process(struct latency_plan *plan, const char *pattern)
{
	struct latency_file *program = NULL;
	struct latency_opened opened;
	int got = 0;

	for (unsigned i = 0; !got; i++) {
		struct latency_file *file;

		got = latency_files_of_process(plan->pid, i, &opened);
		if (got == -ENOENT && program)
			return fail_missing(program, pattern);
		if (got)
			return got;
		got = add_file(plan, opened.fd, opened.path, &file);
		free(opened.path);
		if (got && program) { /* of a library that is no ELF file for us */
			got = 0;
			continue;
		}
		program = program ?: file;
		got = got ?: add_matches(plan, file, pattern);
	}
	return got < 0 ? got : 0;
}

int latency_plan_add(struct latency_plan *plan, const char *operand)
{
	const char *colon = find_colon(operand);
	own(freep) char *name = colon ? strndup(operand, (size_t)(colon - operand)) : NULL;
	struct latency_opened opened;
	struct latency_file *file;
	int err;

	if (plan->pid && (!colon || strncmp(operand, USDT, strlen(USDT)) == 0))
		return add_in_process(plan, operand);
	if (!colon || !colon[1] || colon == operand) {
		err = fail(-ERROR_USAGE, "'%s' names no function of a file", operand);
		hint("write FILE:FUNCTION, as in 'libc.so.6:malloc', or name a process by -p");
		return err;
	}
	if (!name)
		return -ENOMEM;
	err = latency_files_open(plan->pid, name, &opened);
	if (err)
		return err;
	err = add_file(plan, opened.fd, opened.path, &file);
	free(opened.path);
	if (err)
		return err;
	err = add_matches(plan, file, colon + 1);
	return err ? (err < 0 ? err : 0) : fail_missing(file, colon + 1);
}

void latency_plan_costs(struct latency_plan *plan, const uint64_t ns[CALL_COSTS])
{
	for (size_t i = 0; i < plan->sites.len; i++) {
		const struct call_site *site = &plan->sites.data[i];
		struct latency_function *function = &plan->functions.data[site->function];

		if (site->kind == CALL_ENTRY)
			function->entry_ns = ns[site->cost];
		else if (ns[site->cost] > function->exit_ns)
			function->exit_ns = ns[site->cost];
	}
}

void latency_plan_close(struct latency_plan *plan)
{
	vec_each(file, &plan->files) {
		image_free(take((*file)->mini));
		image_free(take((*file)->image));
	}
}

void latency_plan_done(struct latency_plan *plan)
{
	vec_each(file, &plan->files)
		file_free(*file);
	vec_each(text, &plan->texts)
		free(*text);
	vec_each(text, &plan->refused)
		free(*text);
	vec_each(text, &plan->unseen)
		free(*text);
	vec_done(&plan->unseen);
	vec_done(&plan->files);
	vec_done(&plan->functions);
	vec_done(&plan->file_of);
	vec_done(&plan->sites);
	vec_done(&plan->offsets);
	vec_done(&plan->semaphores);
	vec_done(&plan->refused);
	vec_done(&plan->texts);
}
