/* SPDX-License-Identifier: MIT */
/* hooks - puts programs that do nothing on every system call, until it is ended.
 *
 * usage: hooks 1|2: at the end of each call, or at its beginning, too
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "bench/hooks.skel.h"

int main(int argc, char **argv)
{
	struct bench_hooks *hooks = bench_hooks__open_and_load();
	int count = argc > 1 ? atoi(argv[1]) : 2;

	if (!hooks || !bpf_program__attach(hooks->progs.hook_exit) ||
	    (count > 1 && !bpf_program__attach(hooks->progs.hook_enter)))
		return 1;
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}
