/* SPDX-License-Identifier: MIT */
/* pprof.c - gzip-compressed profile.proto, for `go tool pprof`, Pyroscope, Parca, Speedscope.
 *
 * Message and field numbers: github.com/google/pprof, proto/profile.proto.
 *
 *     sample types   samples/count, and cpu, off-cpu or wall/nanoseconds (the default)
 *     sample         one per task and stack; labels comm (of the process), thread (its name), pid,
 *                    tid
 *     location       one per frame: number of the frame + 1; lines innermost function first
 *     mapping        one per file, number of the file + 1, as if it were mapped at its own offset:
 *                    the profile knows offsets into files, not where each process mapped them; then
 *                    one for the kernel and one for code that no file backs.  Readers take the first
 *                    for the program, so it is the heaviest file that is no library
 *     comment        what was profiled, how, what was lost, what was not measured
 *
 * Callers' addresses point into the call instruction, as the format wants.  The string table comes
 * last, when all strings are known; the format allows any order.
 */
#include <string.h>

#include "base/clock.h"
#include "report/keys.h"
#include "report/names.h"
#include "ship/gzip.h"
#include "ship/protobuf.h"
#include "ship/sinks.h"
#include "ship/texts.h"

#define FLUSH_BYTES 65536
#define PAGE_BYTES  4096ull

enum profile_field {
	PROFILE_SAMPLE_TYPE = 1,
	PROFILE_SAMPLE = 2,
	PROFILE_MAPPING = 3,
	PROFILE_LOCATION = 4,
	PROFILE_FUNCTION = 5,
	PROFILE_STRING = 6,
	PROFILE_TIME_NANOS = 9,
	PROFILE_DURATION_NANOS = 10,
	PROFILE_PERIOD_TYPE = 11,
	PROFILE_PERIOD = 12,
	PROFILE_COMMENT = 13,
	PROFILE_DEFAULT_SAMPLE_TYPE = 14,
};

enum value_type_field {
	VALUE_TYPE_TYPE = 1,
	VALUE_TYPE_UNIT = 2
};
enum sample_field {
	SAMPLE_LOCATION = 1,
	SAMPLE_VALUE = 2,
	SAMPLE_LABEL = 3
};
enum label_field {
	LABEL_KEY = 1,
	LABEL_TEXT = 2,
	LABEL_NUMBER = 3,
	LABEL_UNIT = 4
};

enum mapping_field {
	MAPPING_ID = 1,
	MAPPING_START = 2,
	MAPPING_LIMIT = 3,
	MAPPING_OFFSET = 4,
	MAPPING_FILE = 5,
	MAPPING_BUILD_ID = 6,
	MAPPING_HAS_FUNCTIONS = 7,
	MAPPING_HAS_FILENAMES = 8,
	MAPPING_HAS_LINES = 9,
	MAPPING_HAS_INLINE = 10,
};

enum location_field {
	LOCATION_ID = 1,
	LOCATION_MAPPING = 2,
	LOCATION_ADDRESS = 3,
	LOCATION_LINE = 4,
};

enum line_field {
	LINE_FUNCTION = 1,
	LINE_LINE = 2
};

enum function_field {
	FUNCTION_ID = 1,
	FUNCTION_NAME = 2,
	FUNCTION_SYSTEM_NAME = 3,
	FUNCTION_FILE = 4,
};

struct mapping {
	uint64_t start, end; /* addresses in use; start > end: none */
	uint64_t samples;    /* whose innermost user frame lies here */
	bool has_sources, has_lines, has_inlined;
};

struct pprof {
	const struct profile *profile;
	struct gzip gzip;
	struct texts texts;
	struct keys functions;    /* (name, source), numbers of `texts` */
	struct mapping *mappings; /* files, the kernel, code without a file */
	struct protobuf out;      /* top-level fields not yet compressed */
	struct protobuf message, inner, numbers;
	int err;
};

static uint32_t mapping_of(const struct profile *profile, const struct frame *frame)
{
	switch (frame->kind) {
	case FRAME_USER:
		return frame->origin + 1;
	case FRAME_KERNEL:
		return (uint32_t)profile->files.len + 1;
	case FRAME_JIT:
		return (uint32_t)profile->files.len + 2;
	default:
		return 0;
	}
}

static uint64_t address_of(const struct frame *frame)
{
	if (frame->kind == FRAME_MARK)
		return 0;
	return frame->address - (frame->is_return_address && frame->address);
}

/* Hands a finished top-level field on. */
static void put_message(struct pprof *pprof, uint32_t field)
{
	protobuf_message(&pprof->out, field, &pprof->message);
	if (pprof->out.bytes.len < FLUSH_BYTES)
		return;
	gzip_write(&pprof->gzip, pprof->out.bytes.data, pprof->out.bytes.len);
	pprof->out.bytes.len = 0;
}

/* What the second sample type measures. */
static const char *time_name(const struct profile *profile)
{
	static const char *const names[] = {
		[PROFILE_RUNNING] = "cpu",
		[PROFILE_WAITING] = "off-cpu",
		[PROFILE_LIVING] = "wall",
	};

	return names[profile->time];
}

static void put_value_type(struct pprof *pprof, uint32_t field, const char *type, const char *unit)
{
	protobuf_number(&pprof->message, VALUE_TYPE_TYPE, texts_add(&pprof->texts, type));
	protobuf_number(&pprof->message, VALUE_TYPE_UNIT, texts_add(&pprof->texts, unit));
	put_message(pprof, field);
}

static void put_text_label(struct pprof *pprof, const char *key, uint32_t text)
{
	if (!text)
		return;
	protobuf_number(&pprof->inner, LABEL_KEY, texts_add(&pprof->texts, key));
	protobuf_number(&pprof->inner, LABEL_TEXT, text);
	protobuf_message(&pprof->message, SAMPLE_LABEL, &pprof->inner);
}

/* The unit keeps readers from taking an id for bytes, and keeps a label whose number is 0. */
static void put_number_label(struct pprof *pprof, const char *key, uint64_t number)
{
	protobuf_number(&pprof->inner, LABEL_KEY, texts_add(&pprof->texts, key));
	protobuf_number(&pprof->inner, LABEL_NUMBER, number);
	protobuf_number(&pprof->inner, LABEL_UNIT, texts_add(&pprof->texts, "id"));
	protobuf_message(&pprof->message, SAMPLE_LABEL, &pprof->inner);
}

/* Counts an entry for the file that its innermost user frame lies in. */
static void note_file(struct pprof *pprof, const struct entry *entry)
{
	const struct profile *profile = pprof->profile;

	for (uint32_t at = entry->stack; at; at = profile->stacks.data[at].parent) {
		const struct frame *frame = &profile->frames.data[profile->stacks.data[at].frame];

		if (frame->kind != FRAME_USER)
			continue;
		pprof->mappings[frame->origin].samples += entry->samples;
		return;
	}
}

static void put_sample(struct pprof *pprof, const struct entry *entry)
{
	const struct profile *profile = pprof->profile;
	const struct task *task = &profile->tasks.data[entry->task];
	const struct process *process = &profile->processes.data[task->process];
	uint32_t stack = entry->stack;

	note_file(pprof, entry);
	if (!stack) /* nothing known: a location of its own, behind those of the frames */
		protobuf_packed(&pprof->numbers, profile->frames.len + 1);
	for (; stack; stack = profile->stacks.data[stack].parent)
		protobuf_packed(&pprof->numbers, profile->stacks.data[stack].frame + 1ull);
	protobuf_message(&pprof->message, SAMPLE_LOCATION, &pprof->numbers);
	protobuf_packed(&pprof->numbers, entry->samples);
	protobuf_packed(&pprof->numbers, entry->weight_ns);
	protobuf_message(&pprof->message, SAMPLE_VALUE, &pprof->numbers);
	put_text_label(pprof, "comm", texts_id(&pprof->texts, process->name));
	put_text_label(pprof, "thread", texts_id(&pprof->texts, task->name));
	put_number_label(pprof, "pid", process->pid);
	put_number_label(pprof, "tid", task->tid);
	put_message(pprof, PROFILE_SAMPLE);
}

static uint64_t function_of(struct pprof *pprof, const struct name *name)
{
	struct key key = { { texts_id(&pprof->texts, name->function),
			     texts_id(&pprof->texts, name->source) } };
	uint32_t id = 0;
	int err;

	if (!key.part[0])
		key.part[0] = texts_add(&pprof->texts, UNKNOWN_NAME);
	err = keys_add(&pprof->functions, &key, &id);
	pprof->err = pprof->err ?: err;
	return id + 1ull;
}

static void note_address(struct mapping *mapping, uint64_t address)
{
	if (mapping->start > address)
		mapping->start = address;
	if (mapping->end <= address)
		mapping->end = address + 1;
}

static void put_location(struct pprof *pprof, const struct frame *frame, uint64_t id)
{
	uint32_t mapping_id = mapping_of(pprof->profile, frame);
	struct mapping unused = { 0 },
		       *mapping = mapping_id ? &pprof->mappings[mapping_id - 1] : &unused;
	const struct name *names;
	struct name spare;
	uint32_t count = names_of(pprof->profile, frame, &spare, &names);

	note_address(mapping, address_of(frame));
	protobuf_number(&pprof->message, LOCATION_ID, id);
	protobuf_number(&pprof->message, LOCATION_MAPPING, mapping_id);
	protobuf_number(&pprof->message, LOCATION_ADDRESS, address_of(frame));
	for (uint32_t i = count; i-- > 0;) {
		mapping->has_sources |= names[i].source != 0;
		mapping->has_lines |= names[i].line != 0;
		mapping->has_inlined |= names[i].is_inlined;
		protobuf_number(&pprof->inner, LINE_FUNCTION, function_of(pprof, &names[i]));
		protobuf_number(&pprof->inner, LINE_LINE, names[i].line);
		protobuf_message(&pprof->message, LOCATION_LINE, &pprof->inner);
	}
	put_message(pprof, PROFILE_LOCATION);
}

static void put_locations(struct pprof *pprof)
{
	static const struct frame nothing = { .kind = FRAME_UNKNOWN };
	const struct profile *profile = pprof->profile;

	for (size_t i = 0; i < profile->frames.len; i++)
		put_location(pprof, &profile->frames.data[i], i + 1);
	put_location(pprof, &nothing, profile->frames.len + 1);
}

static void put_mapping(struct pprof *pprof, uint32_t id, uint32_t path, uint32_t build_id,
			bool is_file)
{
	const struct mapping *mapping = &pprof->mappings[id - 1];
	uint64_t start = mapping->start & ~(PAGE_BYTES - 1);
	uint64_t limit = (mapping->end + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);

	if (mapping->start >= mapping->end)
		return;
	protobuf_number(&pprof->message, MAPPING_ID, id);
	protobuf_number(&pprof->message, MAPPING_START, start);
	protobuf_number(&pprof->message, MAPPING_LIMIT, limit ?: UINT64_MAX);
	protobuf_number(&pprof->message, MAPPING_OFFSET, is_file ? start : 0);
	protobuf_number(&pprof->message, MAPPING_FILE, path);
	protobuf_number(&pprof->message, MAPPING_BUILD_ID, build_id);
	/* Says that names were looked up, so that readers do not try again with other files. */
	protobuf_number(&pprof->message, MAPPING_HAS_FUNCTIONS, 1);
	protobuf_number(&pprof->message, MAPPING_HAS_FILENAMES, mapping->has_sources);
	protobuf_number(&pprof->message, MAPPING_HAS_LINES, mapping->has_lines);
	protobuf_number(&pprof->message, MAPPING_HAS_INLINE, mapping->has_inlined);
	put_message(pprof, PROFILE_MAPPING);
}

static void put_file_mapping(struct pprof *pprof, uint32_t number)
{
	const struct file *file = &pprof->profile->files.data[number];
	struct mapping *mapping = &pprof->mappings[number];

	if (mapping->start < mapping->end && file->text_offset < file->text_end) {
		note_address(mapping, file->text_offset);
		note_address(mapping, file->text_end - 1);
	}
	put_mapping(pprof, number + 1, texts_id(&pprof->texts, file->path),
		    texts_id(&pprof->texts, file->build_id), true);
}

static bool is_library(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strstr(slash ?: path, ".so") != NULL;
}

/* The file that a reader may take for the program; 0 if there is no better one. */
static uint32_t program_file(const struct pprof *pprof)
{
	const struct profile *profile = pprof->profile;
	uint32_t found = 0;
	uint64_t most = 0;

	for (uint32_t i = 0; i < profile->files.len; i++) {
		if (pprof->mappings[i].samples <= most ||
		    is_library(profile_text(profile, profile->files.data[i].path)))
			continue;
		most = pprof->mappings[i].samples;
		found = i;
	}
	return found;
}

static void put_mappings(struct pprof *pprof)
{
	uint32_t files = (uint32_t)pprof->profile->files.len, program = program_file(pprof);

	if (files)
		put_file_mapping(pprof, program);
	for (uint32_t i = 0; i < files; i++)
		if (i != program)
			put_file_mapping(pprof, i);
	put_mapping(pprof, files + 1, texts_add(&pprof->texts, "[kernel]"), 0, false);
	put_mapping(pprof, files + 2, texts_add(&pprof->texts, "[jit]"), 0, false);
}

static void put_functions(struct pprof *pprof)
{
	uint64_t id = 1;

	vec_each(key, &pprof->functions.list) {
		protobuf_number(&pprof->message, FUNCTION_ID, id++);
		protobuf_number(&pprof->message, FUNCTION_NAME, key->part[0]);
		protobuf_number(&pprof->message, FUNCTION_SYSTEM_NAME, key->part[0]);
		protobuf_number(&pprof->message, FUNCTION_FILE, key->part[1]);
		put_message(pprof, PROFILE_FUNCTION);
	}
}

static void put_comment(struct pprof *pprof, const char *about, const char *text)
{
	own(freep) char *line = NULL;

	if (asprintf(&line, "%s%s", about, text) < 0) {
		line = NULL;
		pprof->err = -ENOMEM;
		return;
	}
	protobuf_packed(&pprof->numbers, texts_add(&pprof->texts, line));
}

static void put_comments(struct pprof *pprof, const char *title)
{
	const struct coverage *coverage = &pprof->profile->coverage;
	char count[32];

	put_comment(pprof, "recorded by ", "kymo " KYMO_VERSION);
	if (title)
		put_comment(pprof, "profile of ", title);
	if (coverage->mode)
		put_comment(pprof, "mode: ", coverage->mode);
	if (!coverage_lost(coverage))
		put_comment(pprof,
			    "lost: ", coverage->is_unsure ? "nobody knows how much" : "nothing");
	vec_each(loss, &coverage->lost) {
		snprintf(count, sizeof(count), "lost: %llu, ", (unsigned long long)loss->count);
		put_comment(pprof, count, loss->kind);
	}
	vec_each(what, &coverage->not_measured)
		put_comment(pprof, "not measured: ", *what);
	protobuf_message(&pprof->out, PROFILE_COMMENT, &pprof->numbers);
}

static void put_rest(struct pprof *pprof, const char *title)
{
	const struct profile *profile = pprof->profile;

	protobuf_number(&pprof->out, PROFILE_TIME_NANOS, profile->started_unix_ns);
	protobuf_number(&pprof->out, PROFILE_DURATION_NANOS, profile->duration_ns);
	put_value_type(pprof, PROFILE_PERIOD_TYPE, time_name(pprof->profile), "nanoseconds");
	if (profile->rate_hz)
		protobuf_number(&pprof->out, PROFILE_PERIOD, NS_PER_S / profile->rate_hz);
	protobuf_number(&pprof->out, PROFILE_DEFAULT_SAMPLE_TYPE,
			texts_add(&pprof->texts, time_name(pprof->profile)));
	put_comments(pprof, title);
	for (size_t i = 0; i < texts_count(&pprof->texts); i++) {
		const char *text = texts_get(&pprof->texts, (uint32_t)i);

		protobuf_bytes(&pprof->message, PROFILE_STRING, text, strlen(text));
		gzip_write(&pprof->gzip, pprof->message.bytes.data, pprof->message.bytes.len);
		pprof->message.bytes.len = 0;
	}
	gzip_write(&pprof->gzip, pprof->out.bytes.data, pprof->out.bytes.len);
	gzip_finish(&pprof->gzip);
}

static int pprof_prepare(struct pprof *pprof)
{
	size_t count = pprof->profile->files.len + 2;
	int err = texts_init(&pprof->texts, pprof->profile);

	if (err)
		return err;
	pprof->mappings = calloc(count, sizeof(*pprof->mappings));
	if (!pprof->mappings)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		pprof->mappings[i].start = UINT64_MAX;
	return 0;
}

static int pprof_end(struct sink_target *target)
{
	struct pprof pprof = { .profile = target->profile };
	int err = gzip_begin(&pprof.gzip, target->out);

	if (err)
		return err;
	err = pprof_prepare(&pprof);
	if (!err) {
		put_value_type(&pprof, PROFILE_SAMPLE_TYPE, "samples", "count");
		put_value_type(&pprof, PROFILE_SAMPLE_TYPE, time_name(pprof.profile),
			       "nanoseconds");
		vec_each(entry, &target->profile->entries)
			put_sample(&pprof, entry);
		put_locations(&pprof);
		put_mappings(&pprof);
		put_functions(&pprof);
		put_rest(&pprof, target->options.title);
		err = pprof.err ?: pprof.texts.err ?: pprof.out.err ?: pprof.message.err;
	}
	gzip_done(&pprof.gzip);
	texts_done(&pprof.texts);
	keys_done(&pprof.functions);
	free(pprof.mappings);
	protobuf_done(&pprof.out);
	protobuf_done(&pprof.message);
	protobuf_done(&pprof.inner);
	protobuf_done(&pprof.numbers);
	return err;
}

const struct sink ship_pprof = {
	.name = "pprof",
	.help = "gzip-compressed profile.proto, for go tool pprof, Pyroscope, Parca",
	.suffix = "pb.gz",
	.is_binary = true,
	.end = pprof_end,
};
