/* SPDX-License-Identifier: MIT */
/* hooks - puts programs that do nothing on every system call, context switch, or read and write of a socket, until
 * it is ended.
 *
 * usage: hooks 1|2|switch|sockets: at the end of each call; or at its beginning, too; or at each switch; or where
 * bytes arrive, are read and are written
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "bench/hooks.skel.h"

static int attach(struct bench_hooks *hooks, const char *where)
{
	const struct {
		const char *where;
		struct bpf_program *program;
	} all[] = {
		{ "1", hooks->progs.hook_exit },        { "2", hooks->progs.hook_exit },
		{ "2", hooks->progs.hook_enter },       { "switch", hooks->progs.hook_switch },
		{ "sockets", hooks->progs.hook_ready }, { "sockets", hooks->progs.hook_read },
		{ "sockets", hooks->progs.hook_write },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(where, all[i].where) == 0 && !bpf_program__attach(all[i].program))
			return 1;
	return 0;
}

int main(int argc, char **argv)
{
	const char *where = argc > 1 ? argv[1] : "2";
	bool is_sockets = strcmp(where, "sockets") == 0;
	struct bench_hooks *hooks = bench_hooks__open();

	if (!hooks)
		return 1;
	bpf_program__set_autoload(hooks->progs.hook_ready, is_sockets);
	bpf_program__set_autoload(hooks->progs.hook_read, is_sockets);
	bpf_program__set_autoload(hooks->progs.hook_write, is_sockets);
	if (bench_hooks__load(hooks) || attach(hooks, where))
		return 1;
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}
