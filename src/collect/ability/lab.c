/* SPDX-License-Identifier: MIT */
#include "collect/ability/lab.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/number.h"
#include "collect/ability/insn.h"
#include "collect/kernel_btf.h"

#define INITIAL_USER_NAMESPACE 0xEFFFFFFDu /* PROC_USER_INIT_INO, include/linux/proc_ns.h */

static void read_capabilities(struct lab *lab)
{
	struct rights rights = rights_read();

	lab->effective = rights.effective;
	lab->permitted = rights.permitted;
	for (int capability = 0; capability <= CAP_LAST_CAP; capability++)
		if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1)
			lab->bounding |= CAP_BIT(capability);
}

static void read_confinement(struct lab *lab)
{
	struct stat status;
	ssize_t len = readlink("/proc/self/exe", lab->program, sizeof(lab->program) - 1);

	lab->uid = geteuid();
	lab->in_user_namespace =
		stat("/proc/self/ns/user", &status) == 0 && status.st_ino != INITIAL_USER_NAMESPACE;
	lab->has_seccomp = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == SECCOMP_MODE_FILTER;
	lab->no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
	if (len <= 0)
		strcpy(lab->program, "kymo");
}

static int open_board(struct lab *lab)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	void *mapping;

	lab->board_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "board", sizeof(uint32_t),
				       sizeof(struct board), 1, &options);
	if (lab->board_fd < 0)
		return lab->board_fd;
	mapping = mmap(NULL, sizeof(struct board), PROT_READ | PROT_WRITE, MAP_SHARED,
		       lab->board_fd, 0);
	if (mapping == MAP_FAILED)
		return -errno;
	lab->board = mapping;
	return 0;
}

/* A skeleton needs a descriptor for each map and program. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int lab_new(bool quick, struct lab **ret_lab)
{
	struct lab *lab = calloc(1, sizeof(*lab));

	if (!lab)
		return -ENOMEM;
	lab->quick = quick;
	raise_descriptor_limit();
	read_capabilities(lab);
	read_confinement(lab);
	lab->board_error = open_board(lab);
	*ret_lab = lab;
	return 0;
}

void lab_forget_facts(struct lab *lab)
{
	vec_each(text, &lab->missing)
		free(*text);
	vec_each(text, &lab->unused)
		free(*text);
	lab->missing.len = lab->unused.len = 0;
}

void lab_free(struct lab *lab)
{
	if (!lab)
		return;
	if (lab->board)
		munmap(lab->board, sizeof(*lab->board));
	if (lab->board_fd >= 0)
		close(lab->board_fd);
	if (lab->finder_fd > 0)
		close(lab->finder_fd);
	btf__free(lab->btf);
	lab_forget_facts(lab);
	vec_done(&lab->missing);
	vec_done(&lab->unused);
	free(lab);
}

int lab_load(struct lab *lab, const struct program *program)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options,
		    .expected_attach_type = (enum bpf_attach_type)program->attach,
		    .attach_btf_id = program->btf_id, .prog_flags = program->flags,
		    .log_buf = lab->log, .log_size = sizeof(lab->log));

	lab->log[0] = '\0';
	return bpf_prog_load(program->type, "kymo_try", "Dual MIT/GPL", program->code, program->len,
			     &options);
}

int lab_load_counter(struct lab *lab, enum bpf_prog_type type, uint32_t attach, uint32_t btf_id)
{
	const struct bpf_insn code[] = {
		MAP_VALUE(BPF_REG_1, lab->board_fd, offsetof(struct board, ran)),
		SET(BPF_REG_2, 1),
		ATOMIC_ADD(BPF_REG_1, 0, BPF_REG_2),
		SET(BPF_REG_0, 0),
		EXIT,
	};
	const struct program program = {
		.type = type,
		.attach = attach,
		.btf_id = btf_id,
		.code = code,
		.len = array_len(code),
	};

	if (lab->board_error)
		return lab->board_error;
	lab->board->ran = 0;
	return lab_load(lab, &program);
}

int lab_run(int program_fd, uint32_t *ret_value)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);
	int err = bpf_prog_test_run_opts(program_fd, &options);

	if (!err)
		*ret_value = options.retval;
	return err;
}

/* A program that looks up board->name among the types of kind board->value[0], and leaves the
 * answer in board->value[1].
 */
static int load_finder(struct lab *lab)
{
	const struct bpf_insn code[] = {
		MAP_VALUE(BPF_REG_6, lab->board_fd, 0),
		COPY(BPF_REG_1, BPF_REG_6),
		ADD(BPF_REG_1, offsetof(struct board, name)),
		SET(BPF_REG_2, BOARD_NAME),
		LOAD32(BPF_REG_3, BPF_REG_6, offsetof(struct board, value[0])),
		SET(BPF_REG_4, 0),
		CALL(BPF_FUNC_btf_find_by_name_kind),
		STORE(BPF_REG_6, offsetof(struct board, value[1]), BPF_REG_0),
		SET(BPF_REG_0, 0),
		EXIT,
	};
	const struct program program = {
		.type = BPF_PROG_TYPE_SYSCALL,
		.flags = BPF_F_SLEEPABLE,
		.code = code,
		.len = array_len(code),
	};

	return lab->board_error ? lab->board_error : lab_load(lab, &program);
}

/* The kernel answers with the descriptor of a module's BTF in the high half: not wanted here. */
static int find_in_kernel(struct lab *lab, const char *name, uint32_t kind)
{
	int64_t answer;
	uint32_t ignored;
	int err;

	if (!lab->finder_fd)
		lab->finder_fd = load_finder(lab);
	if (lab->finder_fd < 0)
		return lab->finder_fd;
	memset(lab->board->name, 0, sizeof(lab->board->name));
	strncpy(lab->board->name, name, sizeof(lab->board->name) - 1);
	lab->board->value[0] = kind;
	err = lab_run(lab->finder_fd, &ignored);
	if (err)
		return err;
	answer = (int64_t)lab->board->value[1];
	if (answer > 0 && answer >> 32)
		close((int)(answer >> 32));
	return answer > INT32_MAX ? -ENOENT : (int)answer;
}

/* Programs know threads by their numbers in the initial PID namespace. */
int lab_kernel_tid(struct lab *lab)
{
	const struct bpf_insn code[] = { CALL(BPF_FUNC_get_current_pid_tgid), EXIT };
	const struct program program = {
		.type = BPF_PROG_TYPE_RAW_TRACEPOINT,
		.code = code,
		.len = array_len(code),
	};
	own(fd_closep) int fd = lab_load(lab, &program);
	uint32_t tid = 0;
	int err = fd < 0 ? fd : lab_run(fd, &tid); /* the lower half of what it returns */

	return err ?: (int)tid;
}

int lab_knows_btf(struct lab *lab)
{
	int id = find_in_kernel(lab, "task_struct", BTF_KIND_STRUCT);

	return id > 0 ? 0 : id ?: -ENOENT;
}

int lab_btf(struct lab *lab)
{
	if (!lab->btf && !lab->btf_error) {
		lab->btf = btf__parse(KERNEL_BTF, NULL);
		if (!lab->btf)
			lab->btf_error = -errno;
	}
	return lab->btf_error;
}

int lab_btf_id(struct lab *lab, const char *name, uint32_t kind)
{
	int id = find_in_kernel(lab, name, kind);

	if (id > 0 || id == -ENOENT)
		return id;
	return lab_btf(lab) ?: btf__find_by_name_kind(lab->btf, name, kind);
}

void lab_rename(void)
{
	char name[16] = "";

	if (prctl(PR_GET_NAME, name, 0, 0, 0) == 0)
		prctl(PR_SET_NAME, name, 0, 0, 0);
}

int lab_sysctl(const char *path, int64_t *ret_value)
{
	char full[128], text[32];
	own(fd_closep) int fd = -1;
	ssize_t len;
	char *end;
	int64_t value;

	snprintf(full, sizeof(full), "/proc/sys/%s", path);
	fd = open(full, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (len < 0)
		return -errno;
	text[len] = '\0';
	value = strtoll(text, &end, 10);
	if (end == text)
		return -EINVAL;
	*ret_value = value;
	return 0;
}
