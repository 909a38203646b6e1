/* SPDX-License-Identifier: MIT */
/* hooks - puts programs that do nothing on every system call or context switch, until it is ended.
 *
 * usage: hooks 1|2|switch: at the end of each call; or at its beginning, too; or at each switch
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "bench/hooks.skel.h"

int main(int argc, char **argv)
{
	struct bench_hooks *hooks = bench_hooks__open_and_load();
	bool is_switch = argc > 1 && strcmp(argv[1], "switch") == 0;
	int count = argc > 1 ? atoi(argv[1]) : 2;

	if (!hooks || (is_switch && !bpf_program__attach(hooks->progs.hook_switch)) ||
	    (!is_switch && !bpf_program__attach(hooks->progs.hook_exit)) ||
	    (count > 1 && !bpf_program__attach(hooks->progs.hook_enter)))
		return 1;
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}
