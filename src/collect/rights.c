/* SPDX-License-Identifier: MIT */
#include "collect/rights.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/error.h"
#include "base/own.h"
#include "collect/kernel_btf.h"
#include "collect/skeleton.h"
#include "collect/uapi.h"

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

bool rights_paranoid(long *ret_level)
{
	own(fd_closep) int fd = open("/proc/sys/kernel/perf_event_paranoid", O_RDONLY | O_CLOEXEC);
	char text[32] = "";

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return false;
	*ret_level = strtol(text, NULL, 10);
	return *ret_level > 2;
}

/* A link to a file that is none is refused for what it is only by a kernel that has such links. */
static bool has_uprobe_multi(void)
{
	static const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = UAPI_TRACE_UPROBE_MULTI);
	own(fd_closep) int program =
		bpf_prog_load(BPF_PROG_TYPE_KPROBE, NULL, "GPL", code, array_len(code), &opts);
	uint64_t offset = 0;
	int link = uapi_uprobe_multi(&(struct uapi_uprobe_multi){
		.prog_fd = (uint32_t)program,
		.attach_type = UAPI_TRACE_UPROBE_MULTI,
		.path = (uint64_t)(uintptr_t) "/",
		.offsets = (uint64_t)(uintptr_t)&offset,
		.count = 1,
	});

	return link != -EINVAL;
}

int rights_shed_admin(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };
	const uint32_t admin = 1u << CAP_SYS_ADMIN;
	long level;

	if (geteuid() == 0)
		return 0;
	if (syscall(SYS_capget, &header, data) != 0)
		return -errno;
	if (!(data[0].permitted & admin))
		return 0;
	if (rights_paranoid(&level) || !has_uprobe_multi())
		return 1;
	data[0].permitted &= ~admin;
	data[0].effective &= ~admin;
	data[0].inheritable &= ~admin;
	return syscall(SYS_capset, &header, data) != 0 ? -errno : 0;
}

bool rights_read_kernel(void)
{
	static const struct bpf_insn reads[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X,
		  .dst_reg = BPF_REG_1,
		  .src_reg = BPF_REG_10 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_1, .imm = -8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_probe_read_kernel },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	own(fd_closep) int fd = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, NULL, "GPL", reads,
					      array_len(reads), NULL);

	return fd != -EINVAL;
}

static bool can_read_btf(void)
{
	own(fd_closep) int fd = open(KERNEL_BTF, O_RDONLY | O_CLOEXEC);
	char first;

	return fd >= 0 && read(fd, &first, 1) == 1;
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
	if (err == -EINVAL && !rights_read_kernel())
		return fail(-ENOTSUP, "this kernel does not load %s: " RIGHTS_NO_READING, what);
	if (!skeleton_is_known())
		return fail(-ENOTSUP,
			    "this kernel does not load %s: it is older than Linux 5.14, and lacks "
			    "what others have for it (%s)",
			    what, strerror(-err));
	if (err == -ESRCH && !can_read_btf())
		return fail(-ENOTSUP, "cannot load %s: " KERNEL_BTF " cannot be read", what);
	/* What is looked for in the kernel's BTF: a function by the light skeleton, a tracepoint by libbpf. */
	if (err == -ENOENT || err == -ESRCH)
		return fail(-ENOTSUP,
			    "this kernel does not load %s: it has no such %s as is needed", what,
			    err == -ENOENT ? "function" : "tracepoint");
	/* EACCES, too, is the verifier's word. */
	return fail(-ENOTSUP, "this kernel does not load %s: %s", what, strerror(-err));
}
