/* SPDX-License-Identifier: MIT */
#include "collect/bpf_functions.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>

#define FUNCTIONS_MAX 256u /* of one program: BPF_MAX_SUBPROGS of the kernel */

static int compare_functions(const void *a, const void *b)
{
	const struct bpf_function *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

static int read_program(struct bpf_functions *functions, int fd)
{
	uint64_t starts[FUNCTIONS_MAX];
	uint32_t lengths[FUNCTIONS_MAX];
	struct bpf_prog_info info = {
		.jited_ksyms = (uintptr_t)starts,
		.nr_jited_ksyms = FUNCTIONS_MAX,
		.jited_func_lens = (uintptr_t)lengths,
		.nr_jited_func_lens = FUNCTIONS_MAX,
	};
	uint32_t len = sizeof(info);
	int err = 0;

	if (bpf_obj_get_info_by_fd(fd, &info, &len) ||
	    info.nr_jited_ksyms != info.nr_jited_func_lens)
		return 0;
	for (uint32_t i = 0; !err && i < info.nr_jited_ksyms && i < FUNCTIONS_MAX; i++)
		if (starts[i])
			err = vec_push(&functions->functions,
				       { starts[i], starts[i] + lengths[i] });
	return err;
}

int bpf_functions_read(struct bpf_functions *functions)
{
	uint32_t id = 0;
	int err = 0;

	while (!err && bpf_prog_get_next_id(id, &id) == 0) {
		own(fd_closep) int fd = bpf_prog_get_fd_by_id(id);

		if (fd >= 0)
			err = read_program(functions, fd);
	}
	if (functions->functions.len)
		qsort(functions->functions.data, functions->functions.len,
		      sizeof(*functions->functions.data), compare_functions);
	return err;
}

bool bpf_functions_hold(const struct bpf_functions *functions, uint64_t address)
{
	size_t low = 0, high = functions->functions.len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (functions->functions.data[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low && address < functions->functions.data[low - 1].end;
}

void bpf_functions_done(struct bpf_functions *functions)
{
	vec_done(&functions->functions);
}
