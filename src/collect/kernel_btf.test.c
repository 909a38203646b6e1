/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>

#include <bpf/btf.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/test.h"
#include "collect/kernel_btf.h"

/* What libbpf, which parses all of it, says of a per-CPU variable; -1 if it is not there. */
static int64_t offset_by_libbpf(const struct btf *btf, const char *name)
{
	int section = btf__find_by_name_kind(btf, ".data..percpu", BTF_KIND_DATASEC);
	int variable = btf__find_by_name_kind(btf, name, BTF_KIND_VAR);
	const struct btf_type *type;

	if (section < 0 || variable < 0)
		return -1;
	type = btf__type_by_id(btf, (__u32)section);
	for (int i = 0; i < btf_vlen(type); i++)
		if (btf_var_secinfos(type)[i].type == (__u32)variable)
			return btf_var_secinfos(type)[i].offset;
	return -1;
}

static void agrees_with_libbpf(void **state)
{
	static const char *const names[] = { "tick_cpu_sched", "__irq_regs", "runqueues" };
	uint32_t offsets[array_len(names)];
	own(fd_closep) int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC);
	struct btf *btf = btf__load_vmlinux_btf();

	(void)state;
	assert_non_null(btf);
	assert_int_equal(kernel_btf_percpu(names, array_len(names), offsets), 0);
	for (size_t i = 0; i < array_len(names); i++)
		assert_int_equal(offsets[i], offset_by_libbpf(btf, names[i]));
	assert_int_equal(kernel_btf_percpu_in(fd, false, names, array_len(names), offsets), 0);
	for (size_t i = 0; i < array_len(names); i++)
		assert_int_equal(offsets[i], offset_by_libbpf(btf, names[i]));
	btf__free(btf);
}

static void says_what_is_not_there(void **state)
{
	static const char *const names[] = { "__irq_regs", "no_such_variable_anywhere" };
	own(fd_closep) int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC);
	uint32_t offsets[2] = { 7, 7 };

	(void)state;
	assert_int_equal(kernel_btf_percpu(names, 2, offsets), -ENOENT);
	assert_int_equal(kernel_btf_percpu_in(fd, false, names, 2, offsets), -ENOENT);
	assert_int_equal(offsets[0], 7);
}

/* The name of a type, a function or a part of a name is not the name of a variable. */
static void takes_variables_only(void **state)
{
	static const char *const names[][1] = { { "task_struct" }, { "irq_regs" }, { "schedule" } };
	uint32_t offset;

	(void)state;
	for (size_t i = 0; i < array_len(names); i++)
		assert_int_equal(kernel_btf_percpu(names[i], 1, &offset), -ENOENT);
}

/* As the kernel's is from 7.3 on, where types are sorted. */
static void finds_variables_behind_their_section(void **state)
{
	static const char *const names[] = { "first", "second" };
	own(fd_closep) int fd = memfd_create("btf", MFD_CLOEXEC);
	struct btf *btf = btf__new_empty();
	uint32_t offsets[2], bytes;
	const void *raw;

	(void)state;
	assert_int_equal(btf__add_int(btf, "int", 4, BTF_INT_SIGNED), 1);
	assert_int_equal(btf__add_datasec(btf, ".data..percpu", 64), 2);
	assert_int_equal(btf__add_datasec_var_info(btf, 4, 16, 4), 0);
	assert_int_equal(btf__add_datasec_var_info(btf, 3, 40, 4), 0);
	assert_int_equal(btf__add_var(btf, "first", BTF_VAR_STATIC, 1), 3);
	assert_int_equal(btf__add_var(btf, "second", BTF_VAR_STATIC, 1), 4);
	raw = btf__raw_data(btf, &bytes);
	assert_int_equal(write(fd, raw, bytes), bytes);
	for (int may_map = 0; may_map < 2; may_map++) {
		assert_int_equal(kernel_btf_percpu_in(fd, may_map, names, 2, offsets), 0);
		assert_int_equal(offsets[0], 40);
		assert_int_equal(offsets[1], 16);
	}
	btf__free(btf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_variables_behind_their_section),
		cmocka_unit_test(agrees_with_libbpf),
		cmocka_unit_test(says_what_is_not_there),
		cmocka_unit_test(takes_variables_only),
	};

	return test_run(tests);
}
