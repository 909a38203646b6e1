/* SPDX-License-Identifier: MIT */
/* kernel_side.c - what programs in the kernel may use: rings, arenas, loops, storage, cgroups. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/skel_internal.h>

#include "collect/ability/insn.h"
#include "collect/ability/lab.h"
#include "collect/uapi.h"

#include "collect/ability/light.lskel.h"
#include "collect/ability/loop.lskel.h"

#define MAGIC 0x6b796d6f /* any number that chance does not bring */

static int load_raw(struct lab *lab, const struct bpf_insn *code, size_t len)
{
	const struct program program = {
		.type = BPF_PROG_TYPE_RAW_TRACEPOINT,
		.code = code,
		.len = len,
	};

	return lab->board_error ? lab->board_error : lab_load(lab, &program);
}

static int on_record(void *context, void *record, size_t size)
{
	if (size >= sizeof(uint64_t))
		memcpy(context, record, sizeof(uint64_t));
	return 0;
}

/* What was sent through the ring, as its reader sees it; 0 when nothing came. */
static uint64_t receive(int map)
{
	uint64_t received = 0;
	struct ring_buffer *ring = ring_buffer__new(map, on_record, &received, NULL);

	if (ring)
		ring_buffer__consume(ring);
	ring_buffer__free(ring);
	return received;
}

void try_ring_buffer(struct lab *lab, struct ability_result *result)
{
	own(fd_closep) int map = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "ring", 0, 0,
						(uint32_t)sysconf(_SC_PAGESIZE), NULL);
	const struct bpf_insn code[] = {
		STORE_IMM(BPF_REG_10, -8, MAGIC),
		MAP_FD(BPF_REG_1, map),
		COPY(BPF_REG_2, BPF_REG_10),
		ADD(BPF_REG_2, -8),
		SET(BPF_REG_3, 8),
		SET(BPF_REG_4, 0),
		CALL(BPF_FUNC_ringbuf_output),
		EXIT,
	};
	own(fd_closep) int program = -1;
	uint32_t failed = 1;
	int err;

	if (map < 0) {
		found_refused(lab, result, map, NEEDS_TRACING, "creating a map",
			      "the kernel has no BPF ring buffers");
		return;
	}
	program = load_raw(lab, code, array_len(code));
	err = program < 0 ? program : lab_run(program, &failed);
	if (err)
		found_refused(lab, result, err, NEEDS_TRACING, "running a program that sends",
			      "programs cannot send through a ring buffer");
	else if (failed || receive(map) != MAGIC)
		found_absent(result, 0, "what a program sends does not arrive");
	else
		found_works(result, "%s", "");
}

static void own_light(struct collect_ability_light **skel)
{
	if (*skel)
		collect_ability_light__destroy(*skel);
}

void try_light_skeleton(struct lab *lab, struct ability_result *result)
{
	own(own_light) struct collect_ability_light *skel = collect_ability_light__open();
	int err = skel ? collect_ability_light__load(skel) : -ENOMEM;

	if (err) {
		found_skeleton_refused(lab, result, err, NEEDS_TRACING, "loading one",
				       "the kernel has no programs that load programs");
		return;
	}
	if (collect_ability_light__attach(skel) < 0) {
		found_refused(lab, result, -errno, NEEDS_TRACING, "attaching",
			      "the loaded program cannot be attached");
		return;
	}
	lab_rename();
	if (!*(volatile u64 *)&skel->bss->thread)
		found_absent(result, 0, "the program loads, but does not find the kernel's fields");
	else if (!skeleton_is_known())
		found_degraded(result, "the kernel has no programs that load programs: libbpf "
				       "loads them, which takes longer");
	else
		found_works(result, "%s", "");
}

void try_kernel_reads(struct lab *lab, struct ability_result *result)
{
	const struct bpf_insn code[] = {
		CALL(BPF_FUNC_get_current_task),
		COPY(BPF_REG_3, BPF_REG_0),
		COPY(BPF_REG_1, BPF_REG_10),
		ADD(BPF_REG_1, -8),
		SET(BPF_REG_2, 8),
		CALL(BPF_FUNC_probe_read_kernel),
		EXIT,
	};
	own(fd_closep) int program = load_raw(lab, code, array_len(code));
	uint32_t failed = 1;
	int err = program < 0 ? program : lab_run(program, &failed);

	if (err == -EINVAL)
		found_forbidden(
			result, err,
			"the kernel refuses programs that read its memory, as it does under "
			"lockdown=confidentiality (EINVAL)");
	else if (err)
		found_refused(lab, result, err, NEEDS_TRACING, "running a program that reads",
			      "programs cannot read the kernel's memory");
	else if (failed)
		found_absent(result, (int)failed, "reading the current task fails (%s)",
			     error_name((int)failed));
	else
		found_works(result, "%s", "");
}

static void own_loop(struct collect_ability_loop **skel)
{
	if (*skel)
		collect_ability_loop__destroy(*skel);
}

void try_bpf_loop(struct lab *lab, struct ability_result *result)
{
	own(own_loop) struct collect_ability_loop *skel = collect_ability_loop__open();
	int err = skel ? collect_ability_loop__load(skel) : -ENOMEM;
	uint32_t sum = 0;

	err = err ?: lab_run(skel->progs.loop.prog_fd, &sum);
	if (err)
		found_skeleton_refused(lab, result, err, NEEDS_TRACING, "running a loop",
				       "the kernel has no bpf_loop()");
	else if (sum != 100 * 99 / 2)
		found_absent(result, 0, "bpf_loop() counts wrongly");
	else
		found_works(result, "%s", "");
}

/* Reads the arena's first word, and leaves it plus one in the second. */
static void run_arena(struct lab *lab, int map, uint64_t *words, struct ability_result *result)
{
	const struct bpf_insn code[] = {
		MAP_FD(BPF_REG_1, map), /* which arena this program's addresses belong to */
		WIDE(BPF_REG_2, (uint64_t)(uintptr_t)words),
		ARENA_ADDRESS(BPF_REG_2),
		LOAD(BPF_REG_3, BPF_REG_2, 0),
		ADD(BPF_REG_3, 1),
		STORE(BPF_REG_2, 8, BPF_REG_3),
		SET(BPF_REG_0, 0),
		EXIT,
	};
	own(fd_closep) int program = -1;
	uint32_t ignored;
	int err;

	words[0] = MAGIC;
	program = load_raw(lab, code, array_len(code));
	err = program < 0 ? program : lab_run(program, &ignored);
	if (err)
		found_refused(lab, result, err, NEEDS_TRACING, "running a program with one",
			      "programs cannot follow addresses of an arena");
	else if (((volatile uint64_t *)words)[1] != MAGIC + 1)
		found_absent(result, 0, "program and process do not see the same memory");
	else
		found_works(result, "%s", "");
}

void try_arena(struct lab *lab, struct ability_result *result)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	own(fd_closep) int map =
		bpf_map_create((enum bpf_map_type)UAPI_MAP_TYPE_ARENA, "arena", 0, 0, 1, &options);
	uint64_t *words;

	if (map < 0) {
		found_refused(lab, result, map, NEEDS_TRACING, "creating a map",
			      "the kernel has no BPF arenas");
		return;
	}
	words = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
	if (words == MAP_FAILED) {
		found_absent(result, -errno, "an arena cannot be mapped (%s)", error_name(errno));
		return;
	}
	run_arena(lab, map, words, result);
	munmap(words, page);
}

/* Task storage describes its value by BTF, so the map needs some of its own. */
static int create_task_storage(void)
{
	struct btf *btf = btf__new_empty();
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC);
	int err, map;

	if (!btf)
		return -ENOMEM;
	options.btf_key_type_id = (uint32_t)btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	options.btf_value_type_id = (uint32_t)btf__add_int(btf, "u64", 8, 0);
	err = btf__load_into_kernel(btf);
	options.btf_fd = (uint32_t)btf__fd(btf);
	map = err ? err : bpf_map_create(BPF_MAP_TYPE_TASK_STORAGE, "storage", 4, 8, 0, &options);
	btf__free(btf);
	return map;
}

static void run_task_storage(struct lab *lab, int map, struct ability_result *result)
{
	const struct bpf_insn code[] = {
		CALL(BPF_FUNC_get_current_task_btf),
		MAP_FD(BPF_REG_1, map),
		COPY(BPF_REG_2, BPF_REG_0),
		SET(BPF_REG_3, 0),
		SET(BPF_REG_4, BPF_LOCAL_STORAGE_GET_F_CREATE),
		CALL(BPF_FUNC_task_storage_get),
		SKIP_IF_ZERO(BPF_REG_0, 2),
		STORE_IMM(BPF_REG_0, 0, MAGIC),
		SET(BPF_REG_0, 1),
		EXIT,
	};
	own(fd_closep) int program = load_raw(lab, code, array_len(code));
	uint32_t stored = 0;
	int err = program < 0 ? program : lab_run(program, &stored);

	if (err)
		found_refused(lab, result, err, NEEDS_TRACING, "running a program with it",
			      "tracing programs cannot use task storage");
	else if (!stored)
		found_absent(result, 0, "the kernel gives a task no storage");
	else
		found_works(result, "%s", "");
}

void try_task_storage(struct lab *lab, struct ability_result *result)
{
	own(fd_closep) int map = create_task_storage();

	if (map < 0)
		found_refused(lab, result, map, NEEDS_TRACING, "creating a map",
			      "the kernel has no task storage");
	else
		run_task_storage(lab, map, result);
}

/* The v2 group that a program sees for this process must be the one that /proc names. */
void try_cgroup_filter(struct lab *lab, struct ability_result *result)
{
	const struct bpf_insn code[] = {
		CALL(BPF_FUNC_get_current_cgroup_id),
		MAP_VALUE(BPF_REG_1, lab->board_fd, offsetof(struct board, value[0])),
		STORE(BPF_REG_1, 0, BPF_REG_0),
		SET(BPF_REG_0, 0),
		EXIT,
	};
	own(fd_closep) int program = load_raw(lab, code, array_len(code));
	uint64_t expected = 0, seen;
	uint32_t ignored;
	int err = program < 0 ? program : lab_run(program, &ignored);

	if (err) {
		found_refused(lab, result, err, NEEDS_TRACING, "running a program that asks",
			      "programs cannot see the cgroup of a task");
		return;
	}
	seen = ((volatile struct board *)lab->board)->value[0];
	err = system_own_cgroup(&expected);
	if (err == -ENOENT)
		found_degraded(result, "no cgroup v2 tree is mounted: only v1 groups can be named");
	else if (err || expected != seen)
		found_degraded(result, "group %llu is seen where the v2 tree has %llu",
			       (unsigned long long)seen, (unsigned long long)expected);
	else if (seen == 1)
		found_works(result, "this process is in the root group of the v2 tree");
	else
		found_works(result, "%s", "");
}
