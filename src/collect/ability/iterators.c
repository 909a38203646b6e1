/* SPDX-License-Identifier: MIT */
/* iterators.c - programs that walk over the kernel's tables: tasks, files, mappings, sockets. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "collect/ability/insn.h"
#include "collect/ability/lab.h"

/* Writes eight bytes into the output for each object, so that reading shows that it ran.  The
 * context of every iterator begins with struct bpf_iter_meta *, and that with struct seq_file *.
 */
static int load_iterator(struct lab *lab, int id)
{
	const struct bpf_insn code[] = {
		LOAD(BPF_REG_1, BPF_REG_1, 0),
		LOAD(BPF_REG_1, BPF_REG_1, 0),
		STORE_IMM(BPF_REG_10, -8, 1),
		COPY(BPF_REG_2, BPF_REG_10),
		ADD(BPF_REG_2, -8),
		SET(BPF_REG_3, 8),
		CALL(BPF_FUNC_seq_write),
		SET(BPF_REG_0, 0),
		EXIT,
	};
	const struct program program = {
		.type = BPF_PROG_TYPE_TRACING,
		.attach = BPF_TRACE_ITER,
		.btf_id = (uint32_t)id,
		.code = code,
		.len = array_len(code),
	};

	return lab_load(lab, &program);
}

/* One read: the kernel fills at most 32 KB, however many objects there are. */
static void read_iterator(int link, struct ability_result *result)
{
	own(fd_closep) int iterator = bpf_iter_create(link);
	char bytes[4096];
	ssize_t len;

	if (iterator < 0) {
		found_absent(result, iterator, "the iterator cannot be opened (%s)",
			     error_name(iterator));
		return;
	}
	len = read(iterator, bytes, sizeof(bytes));
	if (len > 0)
		found_works(result, "%s", "");
	else
		found_absent(result, len < 0 ? -errno : 0, "the iterator opens, but never runs%s%s",
			     len < 0 ? ": " : "", len < 0 ? error_name(errno) : "");
}

static void try_iterator(struct lab *lab, const char *name, struct ability_result *result)
{
	own(fd_closep) int program = -1, link = -1;
	char function[BOARD_NAME];
	int id;

	snprintf(function, sizeof(function), "bpf_iter_%s", name);
	id = lab_btf_id(lab, function, BTF_KIND_FUNC);
	if (id < 0) {
		found_refused(lab, result, id, NEEDS_TRACING, "looking into the kernel's BTF",
			      "the kernel has no such iterator");
		return;
	}
	program = load_iterator(lab, id);
	if (program < 0) {
		found_refused(lab, result, program, NEEDS_TRACING, "loading a program",
			      "the kernel has no such iterator");
		return;
	}
	link = bpf_link_create(program, 0, BPF_TRACE_ITER, NULL);
	if (link < 0)
		found_refused(lab, result, link, NEEDS_TRACING, "attaching",
			      "the kernel does not attach the iterator");
	else
		read_iterator(link, result);
}

void try_iter_task(struct lab *lab, struct ability_result *result)
{
	try_iterator(lab, "task", result);
}

void try_iter_task_file(struct lab *lab, struct ability_result *result)
{
	try_iterator(lab, "task_file", result);
}

void try_iter_task_vma(struct lab *lab, struct ability_result *result)
{
	try_iterator(lab, "task_vma", result);
}

void try_iter_tcp(struct lab *lab, struct ability_result *result)
{
	try_iterator(lab, "tcp", result);
}

void try_iter_udp(struct lab *lab, struct ability_result *result)
{
	try_iterator(lab, "udp", result);
}

void try_iter_unix(struct lab *lab, struct ability_result *result)
{
	try_iterator(lab, "unix", result);
}
