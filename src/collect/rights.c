/* SPDX-License-Identifier: MIT */
#include "collect/rights.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/error.h"

struct rights rights_read(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &header, data) != 0)
		return (struct rights){ 0 };
	return (struct rights){
		.effective = data[0].effective | (uint64_t)data[1].effective << 32,
		.permitted = data[0].permitted | (uint64_t)data[1].permitted << 32,
	};
}

bool rights_load_tracing(void)
{
	uint64_t held = rights_read().effective, needed = CAP_BIT(CAP_BPF) | CAP_BIT(CAP_PERFMON);

	return (held & CAP_BIT(CAP_SYS_ADMIN)) || (held & needed) == needed;
}

/* Whether the kernel knows programs that load programs, as light skeletons are. */
static bool has_loaders(void)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = BPF_F_SLEEPABLE);
	int fd = bpf_prog_load(BPF_PROG_TYPE_SYSCALL, NULL, "GPL", insns, 2, &opts);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int rights_fail_load(int err, const char *what)
{
	if (err == -ENOMEM || err == -EMFILE || err == -ENFILE)
		return fail(err, "cannot load %s: %m", what);
	if (!rights_load_tracing() || (err == -EPERM && has_loaders())) {
		err = fail(-EPERM, "not permitted to load BPF programs");
		hint("run with sudo, or give the program CAP_BPF and CAP_PERFMON");
		return err;
	}
	if (!has_loaders())
		return fail(-ENOTSUP,
			    "this kernel does not load %s: it has no programs that load programs, "
			    "which Linux has from 5.14 on",
			    what);
	/* EACCES, too, is the verifier's word. */
	return fail(-ENOTSUP, "this kernel does not load %s: %s", what, strerror(-err));
}
