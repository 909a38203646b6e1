/* SPDX-License-Identifier: MIT */
#include "model/account.h"

#include <string.h>

#include "base/error.h"

const struct reason_name reason_names[BALANCE_REASONS] = {
	[BLOCK_NONE] = { "none", "none", "other" },
	[BLOCK_DISK] = { "disk", "disk", "disk" },
	[BLOCK_FAULT_DISK] = { "fault_disk", "page fault from disk", "fault" },
	[BLOCK_FAULT] = { "fault", "page fault", "fault" },
	[BLOCK_FILE] = { "file", "file", "other" },
	[BLOCK_SOCKET] = { "socket", "socket", "socket" },
	[BLOCK_PIPE] = { "pipe", "pipe", "pipe" },
	[BLOCK_TERMINAL] = { "terminal", "terminal", "terminal" },
	[BLOCK_DEVICE] = { "device", "device", "other" },
	[BLOCK_EVENT] = { "event", "event descriptor", "poll" },
	[BLOCK_LOCK] = { "lock", "lock", "lock" },
	[BLOCK_IPC] = { "ipc", "ipc", "other" },
	[BLOCK_POLL] = { "poll", "poll", "poll" },
	[BLOCK_SLEEP] = { "sleep", "sleep", "sleep" },
	[BLOCK_CHILD] = { "child", "child", "child" },
	[BLOCK_STOPPED] = { "stopped", "stopped", "stopped" },
	[BLOCK_IO_URING] = { "io_uring", "io_uring", "other" },
	[BLOCK_EXIT] = { "exit", "exit", "other" },
	[BLOCK_OTHER] = { "other", "other", "other" },
	[BLOCK_UNSEEN] = { "unknown", "unknown", "other" },
};

const char *const account_sections[SECTION_COUNT] = {
	[SECTION_PROCESSES] = "processes", [SECTION_BALANCE] = "balance",
	[SECTION_REASONS] = "reasons",     [SECTION_MEMORY] = "memory",
	[SECTION_NETWORK] = "network",     [SECTION_BLOCK] = "block",
	[SECTION_CALLS] = "calls",         [SECTION_TICKS] = "ticks",
	[SECTION_CGROUP] = "cgroup",
};

int account_new(struct account **ret_account)
{
	struct account *account = calloc(1, sizeof(*account));

	if (!account)
		return -ENOMEM;
	account->root = ACCOUNT_NONE;
	*ret_account = account;
	return 0;
}

void account_free(struct account *account)
{
	if (!account)
		return;
	vec_done(&account->processes);
	vec_done(&account->threads);
	vec_done(&account->execs);
	vec_done(&account->text);
	index_done(&account->process_index);
	coverage_done(&account->coverage);
	vec_done(&account->peers);
	vec_done(&account->devices);
	vec_done(&account->files);
	vec_done(&account->misses);
	vec_done(&account->syscalls);
	vec_done(&account->process_calls);
	vec_done(&account->errors);
	vec_done(&account->moments);
	vec_done(&account->glances);
	free(account);
}

struct process_key {
	uint64_t born;
	uint32_t pid;
};

static bool is_process(const void *owner, uint32_t entry, const void *key)
{
	const struct account_process *process =
		&((const struct account *)owner)->processes.data[entry];
	const struct process_key *wanted = key;

	return process->pid == wanted->pid && process->born_mono_ns == wanted->born;
}

int account_process(struct account *account, uint32_t pid, uint64_t born_mono_ns,
		    uint32_t *ret_process)
{
	struct process_key key = { born_mono_ns, pid };
	uint64_t hash = hash_mix(hash_mix(1, born_mono_ns), pid);
	uint32_t found = index_find(&account->process_index, hash, is_process, account, &key);
	int err;

	if (found == INDEX_NONE) {
		if (account->processes.len >= ACCOUNT_MAX_PROCESSES)
			return -E2BIG;
		found = (uint32_t)account->processes.len;
		err = vec_push(&account->processes, { .pid = pid,
						      .born_mono_ns = born_mono_ns,
						      .parent = ACCOUNT_NONE,
						      .exec = ACCOUNT_NONE });
		err = err ?: index_add(&account->process_index, hash, found);
		if (err)
			return err;
	}
	*ret_process = found;
	return 0;
}

int account_text(struct account *account, const char *bytes, size_t len, uint32_t *ret_offset)
{
	if (account->text.len + len + 1 > ACCOUNT_MAX_TEXT_BYTES)
		return -E2BIG;
	if (vec_reserve(&account->text, len + 1))
		return -ENOMEM;
	*ret_offset = (uint32_t)account->text.len;
	memcpy(account->text.data + account->text.len, bytes, len);
	account->text.data[account->text.len + len] = '\0';
	account->text.len += len + 1;
	return 0;
}

int account_path(struct account *account, const char *path, size_t len, uint32_t *ret_offset)
{
	own(freep) char *redacted = NULL;
	int err = 0;

	if (account->redact) {
		err = redact_argv(account->redact, path, len, &redacted, &len);
		path = redacted;
	}
	return err ?: account_text(account, path, len, ret_offset);
}

int account_lack(struct account *account, uint32_t sections, const char *what)
{
	account->lacks |= sections;
	return coverage_lack(&account->coverage, what);
}

int account_exec(struct account *account, uint32_t process, uint64_t at_mono_ns, const char *file,
		 const char *argv, size_t argv_len, size_t argv_bytes)
{
	own(freep) char *redacted = NULL;
	struct account_exec exec = {
		.process = process,
		.at_mono_ns = at_mono_ns,
		.argv_bytes = (uint32_t)argv_bytes,
		.is_cut = argv_len < argv_bytes,
	};
	int err = 0;

	if (account->redact) {
		err = redact_argv(account->redact, argv, argv_len, &redacted, &argv_len);
		argv = redacted;
	}
	err = err ?: account_path(account, file, strlen(file), &exec.file);
	err = err ?: account_text(account, argv, argv_len, &exec.argv);
	if (err == -E2BIG) {
		exec = (struct account_exec){ process, at_mono_ns, 0, 0, 0, exec.argv_bytes, true };
		err = coverage_lose(&account->coverage, "programs: no room for their arguments", 1,
				    at_mono_ns);
	} else if (!err) {
		for (size_t i = 0; i < argv_len; i++)
			exec.argc += argv[i] == '\0';
		exec.argc += argv_len && argv[argv_len - 1] != '\0';
	}
	if (err)
		return err;
	account->processes.data[process].exec = (uint32_t)account->execs.len;
	account->processes.data[process].execs++;
	return vec_push(&account->execs, exec);
}

int account_thread(struct account *account, const struct account_thread *thread)
{
	struct account_process *process = &account->processes.data[thread->process];

	process->threads++;
	times_add(&process->times, &thread->times);
	if (thread->died_mono_ns > process->died_mono_ns)
		process->died_mono_ns = thread->died_mono_ns;
	process->is_alive |= thread->is_alive;
	if (thread->tid == process->pid || !*process->comm)
		memcpy(process->comm, thread->comm, sizeof(process->comm));
	if (account->threads.len >= ACCOUNT_MAX_THREADS)
		return coverage_lose(&account->coverage,
				     "threads: too many to list, in the sums all the same", 1,
				     thread->died_mono_ns);
	return vec_push(&account->threads, *thread);
}

const char *account_argv(const struct account *account, const struct account_exec *exec,
			 uint32_t number)
{
	const char *at = account->text.data + exec->argv;

	while (number--)
		at += strlen(at) + 1;
	return at;
}

const struct account_exec *account_program(const struct account *account,
					   const struct account_process *process)
{
	/* A parent is older, so this ends. */
	while (process->exec == ACCOUNT_NONE && process->parent != ACCOUNT_NONE)
		process = &account->processes.data[process->parent];
	return process->exec == ACCOUNT_NONE ? NULL : &account->execs.data[process->exec];
}

const char *account_name(const struct account *account, const struct account_process *process)
{
	const struct account_exec *exec = account_program(account, process);

	return exec && exec->argc ? account_argv(account, exec, 0) : process->comm;
}

void times_add(struct balance_times *to, const struct balance_times *more)
{
	uint64_t *sums = (uint64_t *)to;
	const uint64_t *parts = (const uint64_t *)more;

	for (size_t i = 0; i < sizeof(*to) / sizeof(*sums); i++)
		sums[i] += parts[i];
}

void times_subtract(struct balance_times *from, const struct balance_times *before)
{
	uint64_t *sums = (uint64_t *)from;
	const uint64_t *parts = (const uint64_t *)before;

	for (size_t i = 0; i < sizeof(*from) / sizeof(*sums); i++)
		sums[i] -= parts[i] < sums[i] ? parts[i] : sums[i];
}

uint64_t times_blocked(const struct balance_times *times)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < BALANCE_REASONS; i++)
		sum += times->blocked[i];
	return sum;
}

int64_t times_residual(const struct balance_times *times)
{
	return (int64_t)(times->life - times->running - times->runq - times_blocked(times));
}
