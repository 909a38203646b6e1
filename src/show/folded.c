/* SPDX-License-Identifier: MIT */
/* folded.c - stacks as text, one a line, for flamegraph.pl, speedscope, inferno, grep and awk.
 *
 *     folded            comm;root;...;leaf COUNT           one line per distinct stack
 *     extended-folded   UNIX_NS comm pid tid cpu root;...;leaf       one line per sample
 *
 * Root first, the user's frames before the kernel's, kernel frames with the suffix "_[k]", inlined
 * functions as frames of their own, no stack is the frame "[unknown]".  Neither has a header:
 * readers take any line that ends in a number for a stack.
 *
 * Escapes: control bytes, bytes that are no UTF-8, characters that reorder text, `;` and `\` are
 * \xHH or \uHHHH; in a comm also blanks, and an empty one is \x00.
 *
 * COUNT is the number of samples: a whole number, as every reader expects, whose sum is the number
 * of samples of the profile.  Lines are sorted by their frames' bytes.  Functions of one name in
 * several modules are one frame: the format has no place for the module.
 */
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "report/flame.h"
#include "report/names.h"
#include "show/sinks.h"

#define KERNEL_SUFFIX "_[k]"

static void put_frame(FILE *out, const char *text, bool is_kernel)
{
	text_put_folded(out, text, 0);
	if (is_kernel)
		fputs(KERNEL_SUFFIX, out);
}

static void put_comm(FILE *out, const char *comm)
{
	if (*comm)
		text_put_folded(out, comm, 1);
	else
		fputs("\\x00", out);
}

/* The functions of a tree as they stand in a line, one behind the other. */
struct words {
	char *text;
	size_t *starts; /* by function, and one more */
};

static int words_make(struct words *words, const struct flame *flame)
{
	size_t count = flame->functions.len, len;
	FILE *out = open_memstream(&words->text, &len);

	if (!out)
		return -ENOMEM;
	words->starts = calloc(count + 1, sizeof(*words->starts));
	for (size_t i = 0; i < count && words->starts; i++) {
		const struct flame_function *function = &flame->functions.data[i];

		words->starts[i] = (size_t)ftello(out);
		if (function->kind == FLAME_TASK)
			put_comm(out, profile_text(flame->profile, function->name));
		else
			put_frame(out, names_text(flame->profile, function->name),
				  function->kind == FRAME_KERNEL);
	}
	if (words->starts)
		words->starts[count] = (size_t)ftello(out);
	return fclose(out) == 0 && words->starts ? 0 : -ENOMEM;
}

static void words_done(struct words *words)
{
	free(words->text);
	free(words->starts);
}

/* The stack at hand as text, cut and grown at its end as the walk goes up and down. */
struct line {
	vec(char) text;
	vec(size_t) ends; /* of the text, by depth */
};

static int line_set(struct line *line, const struct flame *flame, const struct words *words,
		    uint32_t node)
{
	const struct flame_node *at = &flame->nodes.data[node];
	size_t start = words->starts[at->function];
	size_t len = words->starts[at->function + 1] - start;
	int err;

	line->ends.len = at->depth - 1;
	line->text.len = line->ends.len ? line->ends.data[line->ends.len - 1] : 0;
	err = vec_reserve(&line->text, len + 1);
	if (err)
		return err;
	if (line->text.len)
		line->text.data[line->text.len++] = ';';
	memcpy(line->text.data + line->text.len, words->text + start, len);
	line->text.len += len;
	return vec_push(&line->ends, line->text.len);
}

static int put_stacks(FILE *out, const struct flame *flame)
{
	struct words words = { 0 };
	struct line line = { 0 };
	uint32_t node = 0;
	int err = words_make(&words, flame);

	while (!err && (node = flame_next(flame, node)) != 0) {
		const struct flame_node *at = &flame->nodes.data[node];
		/* Waits are as long as they are: they count by time, in microseconds. */
		uint64_t samples = flame->profile->time == PROFILE_RUNNING
					   ? at->self_samples
					   : (at->self_ns + 500) / 1000;

		err = line_set(&line, flame, &words, node);
		if (err || !samples)
			continue;
		fwrite(line.text.data, 1, line.text.len, out);
		fprintf(out, " %" PRIu64 "\n", samples);
	}
	words_done(&words);
	vec_done(&line.text);
	vec_done(&line.ends);
	return err;
}

static int folded_end(struct sink_target *target)
{
	struct flame flame;
	int err = flame_build(&flame, target->profile, true, true);

	if (!err) {
		flame_sort(&flame, FLAME_BY_NAME);
		err = put_stacks(target->out, &flame);
	}
	flame_done(&flame);
	return err;
}

const struct sink show_folded = {
	.name = "folded",
	.help = "one line per distinct stack with its samples, for flamegraph.pl and speedscope",
	.suffix = "folded",
	.end = folded_end,
};

static int extended_begin(struct sink_target *target)
{
	target->state = calloc(1, sizeof(struct path));
	return target->state ? 0 : -ENOMEM;
}

static void put_moment(FILE *out, const struct profile *profile, const struct moment *moment,
		       const struct path *path)
{
	const struct task *task = &profile->tasks.data[moment->task];
	const char *between = "";

	fprintf(out, "%" PRIu64 " ",
		moment->at_mono_ns + profile->started_unix_ns - profile->started_mono_ns);
	put_comm(out, profile_text(profile, task->name));
	fprintf(out, " %" PRIu32 " %" PRIu32 " %" PRIu32 " ",
		profile->processes.data[task->process].pid, task->tid, moment->cpu);
	if (!path->frames.len)
		fputs(UNKNOWN_NAME, out);
	vec_each(at, &path->frames) {
		const struct frame *frame = &profile->frames.data[*at];
		const struct name *names;
		struct name spare;
		uint32_t count = names_of(profile, frame, &spare, &names);

		for (uint32_t i = 0; i < count; i++) {
			fputs(between, out);
			put_frame(out, names_text(profile, names[i].function),
				  frame->kind == FRAME_KERNEL);
			between = ";";
		}
	}
	putc('\n', out);
}

static int extended_moments(struct sink_target *target, size_t first, size_t count)
{
	struct path *path = target->state;

	for (size_t i = first; i < first + count; i++) {
		const struct moment *moment = &target->profile->moments.data[i];
		int err = path_load(path, target->profile, moment->stack);

		if (err)
			return err;
		put_moment(target->out, target->profile, moment, path);
	}
	return 0;
}

static int extended_end(struct sink_target *target)
{
	path_done(target->state);
	free(target->state);
	target->state = NULL;
	return 0;
}

const struct sink show_extended_folded = {
	.name = "extended-folded",
	.help = "one line per sample: time, comm, pid, tid, cpu and the stack",
	.suffix = "stacks",
	.every_sample = true,
	.is_live = true,
	.begin = extended_begin,
	.moments = extended_moments,
	.end = extended_end,
};
