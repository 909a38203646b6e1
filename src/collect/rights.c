/* SPDX-License-Identifier: MIT */
#include "collect/rights.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "collect/skeleton.h"

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

int rights_fail_load(int err, const char *what)
{
	if (err == -ENOMEM || err == -EMFILE || err == -ENFILE)
		return fail(err, "cannot load %s: %m", what);
	if (!rights_load_tracing() || (err == -EPERM && skeleton_is_known())) {
		err = fail(-EPERM, "not permitted to load BPF programs");
		hint("run with sudo, or give the program CAP_BPF and CAP_PERFMON");
		return err;
	}
	if (!skeleton_is_known())
		return fail(-ENOTSUP,
			    "this kernel does not load %s: it is older than Linux 5.14, and lacks "
			    "what others have for it (%s)",
			    what, strerror(-err));
	/* What is looked for in the kernel's BTF: a function by the light skeleton, a tracepoint by libbpf. */
	if (err == -ENOENT || err == -ESRCH)
		return fail(-ENOTSUP,
			    "this kernel does not load %s: it has no such %s as is needed", what,
			    err == -ENOENT ? "function" : "tracepoint");
	/* EACCES, too, is the verifier's word. */
	return fail(-ENOTSUP, "this kernel does not load %s: %s", what, strerror(-err));
}
