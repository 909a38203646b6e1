/* SPDX-License-Identifier: MIT */
#include "collect/skeleton.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <bpf/skel_internal.h>

#define PROGRAMS_MAX 64 /* of one object */
#define LOG_BYTES \
	4096 /* of the verifier, for each program: whether there is one tells who was refused */

/* What libbpf would print is said by whoever asked it. */
__attribute__((constructor)) static void silence_libbpf(void)
{
	libbpf_set_print(NULL);
}

/* One attempt to load. */
struct attempt {
	const struct skeleton *skeleton;
	char *into;
	struct bpf_object *object;
	char *logs; /* LOG_BYTES of each program */
};

static size_t map_count(const struct skeleton *skeleton)
{
	return (skeleton->programs - skeleton->maps) / sizeof(struct bpf_map_desc);
}

static size_t program_count(const struct skeleton *skeleton)
{
	return (skeleton->links - skeleton->programs) / sizeof(struct bpf_prog_desc);
}

static struct bpf_map_desc *map_of(const struct attempt *attempt, size_t number)
{
	return (struct bpf_map_desc *)(attempt->into + attempt->skeleton->maps) + number;
}

static struct bpf_prog_desc *program_of(const struct attempt *attempt, size_t number)
{
	return (struct bpf_prog_desc *)(attempt->into + attempt->skeleton->programs) + number;
}

/* Before 5.14 tables of tracing programs are to be laid out at once: the kernel warns of others in its log. */
static int lay_out(struct bpf_map *map)
{
	uint32_t flags = bpf_map__map_flags(map);
	enum bpf_map_type type = bpf_map__type(map);

	if (type != BPF_MAP_TYPE_HASH && type != BPF_MAP_TYPE_PERCPU_HASH)
		return 0;
	return bpf_map__set_map_flags(map, flags & ~(uint32_t)BPF_F_NO_PREALLOC);
}

/* Sizes and contents as the caller wants them; maps of a kind that the kernel lacks are not made. */
static int prepare_maps(struct attempt *attempt)
{
	bool is_old = !skeleton_is_known();
	struct bpf_map *map;
	size_t number = 0;
	int err = 0;

	bpf_object__for_each_map(map, attempt->object) {
		struct bpf_map_desc *wanted = map_of(attempt, number++);

		if (number > map_count(attempt->skeleton))
			return -EINVAL;
		if (wanted->max_entries)
			err = err ?: bpf_map__set_max_entries(map, wanted->max_entries);
		if (wanted->initial_value)
			err = err
				      ?: bpf_map__set_initial_value(
						 map, (void *)(uintptr_t)wanted->initial_value,
						 bpf_map__value_size(map));
		if (is_old)
			err = err ?: lay_out(map);
		if (libbpf_probe_bpf_map_type(bpf_map__type(map), NULL) == 0)
			err = err ?: bpf_map__set_autocreate(map, false);
	}
	return err;
}

static int prepare_programs(struct attempt *attempt, uint64_t refused)
{
	struct bpf_program *program;
	size_t number = 0;
	int err = 0;

	bpf_object__for_each_program(program, attempt->object) {
		if (number >= program_count(attempt->skeleton))
			return -EINVAL;
		if (refused & 1ull << number)
			err = err ?: bpf_program__set_autoload(program, false);
		err = err
			      ?: bpf_program__set_log_buf(
					 program, attempt->logs + number * LOG_BYTES, LOG_BYTES);
		number++;
	}
	return err;
}

/* Loads all programs but those; the caller closes the object. */
static int attempt_load(struct attempt *attempt, uint64_t refused)
{
	const struct skeleton *skeleton = attempt->skeleton;
	int err;

	memset(attempt->logs, 0, program_count(skeleton) * LOG_BYTES);
	attempt->object = bpf_object__open_mem(skeleton->bytes, skeleton->len, NULL);
	if (!attempt->object)
		return -errno;
	err = prepare_maps(attempt);
	err = err ?: prepare_programs(attempt, refused);
	return err ?: bpf_object__load(attempt->object);
}

static void attempt_close(struct attempt *attempt)
{
	bpf_object__close(attempt->object);
	attempt->object = NULL;
}

/* What the object has got belongs to the skeleton from now on. */
static int hand_over(struct attempt *attempt)
{
	struct bpf_program *program;
	struct bpf_map *map;
	size_t number = 0;

	bpf_object__for_each_map(map, attempt->object) {
		int fd = bpf_map__fd(map);

		map_of(attempt, number++)->map_fd = fd < 0 ? 0 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
	}
	number = 0;
	bpf_object__for_each_program(program, attempt->object) {
		int fd = bpf_program__fd(program);

		program_of(attempt, number++)->prog_fd = fd < 0 ? 0 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
	}
	for (number = 0; number < map_count(attempt->skeleton); number++)
		if (map_of(attempt, number)->map_fd < 0)
			return -EMFILE;
	for (number = 0; number < program_count(attempt->skeleton); number++)
		if (program_of(attempt, number)->prog_fd < 0)
			return -EMFILE;
	return 0;
}

/* The one that the last attempt failed at; 0: that is not known. */
static uint64_t who_was_refused(const struct attempt *attempt)
{
	for (size_t i = 0; i < program_count(attempt->skeleton); i++)
		if (attempt->logs[i * LOG_BYTES])
			return 1ull << i;
	return 0;
}

/* Those that do not load even alone: an object that libbpf gave up before the kernel was asked. */
static uint64_t refused_alone(struct attempt *attempt, uint64_t refused)
{
	uint64_t all = ~0ull >> (64 - program_count(attempt->skeleton)), more = 0;

	for (size_t i = 0; i < program_count(attempt->skeleton); i++) {
		uint64_t one = 1ull << i;

		if (!(refused & one) && attempt_load(attempt, all & ~one))
			more |= one;
		attempt_close(attempt);
	}
	return more;
}

static int load_in_parts(struct attempt *attempt)
{
	uint64_t all = ~0ull >> (64 - program_count(attempt->skeleton)), refused = 0;
	int err, first = 0;

	while ((err = attempt_load(attempt, refused)) != 0) {
		uint64_t more = who_was_refused(attempt);

		first = first ?: err;
		attempt_close(attempt);
		if (err == -EPERM || err == -ENOMEM || err == -EMFILE || err == -ENFILE)
			return err;
		more = more ?: refused_alone(attempt, refused);
		refused |= more;
		if (!more || refused == all)
			return first;
	}
	return 0;
}

int skeleton_load_plain(const struct skeleton *skeleton, void *into, bool in_parts)
{
	size_t count = program_count(skeleton);
	own(freep) char *logs = calloc(count, LOG_BYTES);
	struct attempt attempt = { skeleton, into, NULL, logs };
	int err;

	if (!count || count > PROGRAMS_MAX)
		return -EINVAL;
	if (!logs)
		return -ENOMEM;
	err = in_parts ? load_in_parts(&attempt) : attempt_load(&attempt, 0);
	err = err ?: hand_over(&attempt);
	attempt_close(&attempt);
	return err;
}

bool skeleton_is_known(void)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = BPF_F_SLEEPABLE);
	int fd = bpf_prog_load(BPF_PROG_TYPE_SYSCALL, NULL, "GPL", insns, array_len(insns), &opts);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Before 5.11 maps are counted as locked memory, of which 64 KB are usual.  Return: whether there is more. */
static bool may_lock_more(void)
{
	struct rlimit limit, all = { RLIM_INFINITY, RLIM_INFINITY };

	return !getrlimit(RLIMIT_MEMLOCK, &limit) && limit.rlim_cur != RLIM_INFINITY &&
	       !setrlimit(RLIMIT_MEMLOCK, &all);
}

int skeleton_load(struct bpf_load_and_run_opts *light, const struct skeleton *skeleton)
{
	bool in_parts = light->ctx->flags & SKELETON_IN_PARTS, has_loaders;
	int err = bpf_load_and_run(light), plain;

	if (err == -EPERM && may_lock_more())
		err = bpf_load_and_run(light);
	if (err >= 0 || err == -EPERM || err == -ENOMEM || err == -EMFILE || err == -ENFILE)
		return err;
	/* A member of the arguments that this kernel does not know: it cannot have such a program. */
	has_loaders = err != -E2BIG;
	if (has_loaders && !in_parts)
		return err;
	plain = skeleton_load_plain(skeleton, light->ctx, in_parts);
	return plain && has_loaders ? err : plain;
}
