/* SPDX-License-Identifier: MIT */
/* Synthetic events and samples; /proc answers only for processes that this test really starts. */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/test.h"
#include "model/batch.h"
#include "session/processes.h"

#define NOBODY   4194305u /* above the highest pid_max of any kernel */
#define CHILD    4194306u
#define STRANGER 4194307u
#define CODE     0x400000u

struct world {
	struct profile *profile;
	struct files *files;
	struct processes *processes;
	uint64_t now;
};

static void begin(struct world *world, bool follow_all)
{
	*world = (struct world){ .now = 1000 };
	assert_int_equal(profile_new(&world->profile), 0);
	assert_int_equal(files_new(&world->files), 0);
	assert_int_equal(processes_new(world->profile, world->files, follow_all, "[unknown]",
				       &world->processes),
			 0);
}

static void end(struct world *world)
{
	processes_free(world->processes);
	files_free(world->files);
	profile_free(world->profile);
}

static void happen(struct world *world, struct process_event event, const char *text)
{
	event.at_mono_ns = ++world->now;
	assert_int_equal(processes_apply(world->processes, &event, text), 0);
}

static void fork_of(struct world *world, uint32_t parent, uint32_t child)
{
	happen(world,
	       (struct process_event){
		       .kind = PROCESS_FORK, .pid = child, .tid = child, .parent = parent },
	       "");
}

static void exec_of(struct world *world, uint32_t pid, const char *comm)
{
	happen(world, (struct process_event){ .kind = PROCESS_EXEC, .pid = pid, .tid = pid }, comm);
}

static void exit_of(struct world *world, uint32_t pid, uint32_t tid)
{
	happen(world, (struct process_event){ .kind = PROCESS_EXIT, .pid = pid, .tid = tid }, "");
}

/* 64 KB of a file at CODE. */
static void map_of(struct world *world, uint32_t pid, const char *path)
{
	happen(world,
	       (struct process_event){
		       .kind = PROCESS_MAP,
		       .pid = pid,
		       .tid = pid,
		       .start = CODE,
		       .end = CODE + 0x10000,
		       .inode = *path == '/' ? 7 : 0,
	       },
	       path);
}

struct placed {
	char where[256]; /* "/bin/a+0x10", "jit", "unknown", or the text of a mark */
	uint32_t process;
	char name[COMM_BYTES + 1];
};

static struct placed place_thread(struct world *world, uint32_t pid, uint32_t tid, uint64_t address,
				  const char *comm)
{
	struct sample sample = {
		.at_mono_ns = ++world->now, .pid = pid, .tid = tid, .user_frames = 1
	};
	struct placed placed;
	const struct frame *frame;
	struct processes_place found;

	strncpy(sample.comm, comm, sizeof(sample.comm) - 1);
	assert_int_equal(processes_place(world->processes, &sample, &address, &found), 0);
	frame = &world->profile->frames.data[world->profile->stacks.data[found.stack].frame];
	placed.process = world->profile->tasks.data[found.task].process;
	strcpy(placed.name,
	       profile_text(world->profile, world->profile->processes.data[placed.process].name));
	if (frame->kind == FRAME_USER)
		snprintf(placed.where, sizeof(placed.where), "%s+0x%lx",
			 profile_text(world->profile,
				      world->profile->files.data[frame->origin].path),
			 (unsigned long)frame->address);
	else if (frame->kind == FRAME_MARK)
		snprintf(placed.where, sizeof(placed.where), "%s",
			 profile_text(world->profile, frame->origin));
	else
		strcpy(placed.where, frame->kind == FRAME_JIT ? "jit" : "unknown");
	return placed;
}

static struct placed place(struct world *world, uint32_t pid)
{
	return place_thread(world, pid, pid, CODE + 0x10, "comm");
}

static void an_exec_begins_with_nothing(void **state)
{
	struct world world;
	uint32_t before;

	(void)state;
	begin(&world, true);
	exec_of(&world, NOBODY, "first");
	assert_string_equal(place(&world, NOBODY).where, "unknown");
	map_of(&world, NOBODY, "/bin/first");
	assert_string_equal(place(&world, NOBODY).where, "/bin/first+0x10");
	before = place(&world, NOBODY).process;
	exec_of(&world, NOBODY, "second");
	assert_string_equal(place(&world, NOBODY).where, "unknown");
	map_of(&world, NOBODY, "/bin/second");
	assert_string_equal(place(&world, NOBODY).where, "/bin/second+0x10");
	assert_int_not_equal(place(&world, NOBODY).process, before);
	assert_string_equal(place(&world, NOBODY).name, "second");
	assert_int_equal(processes_ended(world.processes), 0);
	end(&world);
}

static void the_last_mapping_of_an_address_holds(void **state)
{
	struct world world;

	(void)state;
	begin(&world, true);
	exec_of(&world, NOBODY, "a");
	map_of(&world, NOBODY, "/lib/old");
	assert_string_equal(place(&world, NOBODY).where, "/lib/old+0x10");
	map_of(&world, NOBODY, "/lib/new");
	assert_string_equal(place(&world, NOBODY).where, "/lib/new+0x10");
	map_of(&world, NOBODY, "//anon");
	assert_string_equal(place(&world, NOBODY).where, "jit");
	end(&world);
}

static void a_child_maps_what_its_parent_maps(void **state)
{
	struct world world;
	uint32_t parent;

	(void)state;
	begin(&world, true);
	exec_of(&world, NOBODY, "parent");
	map_of(&world, NOBODY, "/bin/parent");
	parent = place(&world, NOBODY).process;
	fork_of(&world, NOBODY, CHILD);
	assert_string_equal(place(&world, CHILD).where, "/bin/parent+0x10");
	assert_int_not_equal(place(&world, CHILD).process, parent);
	/* From here on they differ. */
	map_of(&world, CHILD, "/lib/child");
	assert_string_equal(place(&world, CHILD).where, "/lib/child+0x10");
	assert_string_equal(place(&world, NOBODY).where, "/bin/parent+0x10");
	exec_of(&world, CHILD, "child");
	assert_string_equal(place(&world, CHILD).where, "unknown");
	assert_string_equal(place(&world, NOBODY).where, "/bin/parent+0x10");
	end(&world);
}

static void a_new_thread_changes_nothing(void **state)
{
	struct world world;

	(void)state;
	begin(&world, true);
	exec_of(&world, NOBODY, "threads");
	map_of(&world, NOBODY, "/bin/threads");
	happen(&world,
	       (struct process_event){
		       .kind = PROCESS_FORK, .pid = NOBODY, .tid = CHILD, .parent = NOBODY },
	       "");
	assert_string_equal(place_thread(&world, NOBODY, CHILD, CODE, "worker").where,
			    "/bin/threads+0x0");
	/* A thread executes: the kernel tells it under the number of the process. */
	exit_of(&world, NOBODY, NOBODY);
	exec_of(&world, NOBODY, "next");
	map_of(&world, NOBODY, "/bin/next");
	processes_sweep(world.processes, world.now + 10 * NS_PER_S);
	assert_string_equal(place(&world, NOBODY).where, "/bin/next+0x10");
	end(&world);
}

static void a_pid_comes_again(void **state)
{
	struct world world;
	uint32_t before;

	(void)state;
	begin(&world, true);
	exec_of(&world, NOBODY, "before");
	map_of(&world, NOBODY, "/bin/before");
	before = place(&world, NOBODY).process;
	exit_of(&world, NOBODY, NOBODY);
	assert_string_equal(place(&world, NOBODY).where, "/bin/before+0x10"); /* on its way */
	exec_of(&world, STRANGER, "stranger");
	map_of(&world, STRANGER, "/bin/stranger");
	fork_of(&world, STRANGER, NOBODY);
	assert_string_equal(place(&world, NOBODY).where, "/bin/stranger+0x10");
	assert_int_not_equal(place(&world, NOBODY).process, before);
	end(&world);
}

static void an_ended_process_is_forgotten_later(void **state)
{
	struct world world;

	(void)state;
	begin(&world, true);
	exec_of(&world, NOBODY, "short");
	map_of(&world, NOBODY, "/bin/short");
	exit_of(&world, NOBODY, NOBODY);
	processes_sweep(world.processes, world.now + NS_PER_MS);
	assert_string_equal(place(&world, NOBODY).where, "/bin/short+0x10");
	processes_sweep(world.processes, world.now + 10 * NS_PER_S);
	assert_string_equal(place(&world, NOBODY).where, "unknown");
	end(&world);
}

static void names_follow_the_threads(void **state)
{
	struct world world;
	struct placed first, second;

	(void)state;
	begin(&world, true);
	exec_of(&world, NOBODY, "server");
	first = place_thread(&world, NOBODY, NOBODY, CODE, "server");
	happen(&world, (struct process_event){ .kind = PROCESS_COMM, .pid = NOBODY, .tid = CHILD },
	       "worker");
	second = place_thread(&world, NOBODY, CHILD, CODE, "worker");
	assert_int_equal(first.process, second.process);
	assert_string_equal(second.name, "server");
	assert_int_equal(world.profile->tasks.len, 2);
	assert_string_equal(profile_text(world.profile, world.profile->tasks.data[1].name),
			    "worker");
	end(&world);
}

static void strangers_are_not_noted(void **state)
{
	struct world world;

	(void)state;
	begin(&world, false);
	exec_of(&world, STRANGER, "stranger");
	map_of(&world, STRANGER, "/bin/stranger");
	/* Sampled all the same, as by -t: nothing is known of it, and it cannot be asked. */
	assert_string_equal(place(&world, STRANGER).where, "unknown");
	assert_int_equal(processes_ended(world.processes), 1);
	/* From now on it and its children are followed. */
	exec_of(&world, STRANGER, "next");
	map_of(&world, STRANGER, "/bin/next");
	fork_of(&world, STRANGER, CHILD);
	assert_string_equal(place(&world, CHILD).where, "/bin/next+0x10");
	end(&world);
}

/* Numbers that the kernel tells of processes that this PID namespace does not see, or of dead ones. */
static void numbers_of_nobody_are_nobody(void **state)
{
	struct world world;

	(void)state;
	begin(&world, true);
	exec_of(&world, 0, "outside");
	map_of(&world, 0, "/bin/outside");
	exec_of(&world, UINT32_MAX, "gone");
	map_of(&world, UINT32_MAX, "/bin/gone");
	assert_string_equal(place(&world, 0).where, "[outside this PID namespace]");
	end(&world);
}

/* ---- with real processes ---- */

static const char *own_path(char *path, size_t size)
{
	ssize_t len = readlink("/proc/self/exe", path, size - 1);

	assert_true(len > 0);
	path[len] = '\0';
	return path;
}

static bool is_here(struct world *world, uint32_t pid)
{
	struct placed placed =
		place_thread(world, pid, pid, (uintptr_t)names_follow_the_threads, "comm");
	char path[200];

	own_path(path, sizeof(path));
	return strncmp(placed.where, path, strlen(path)) == 0;
}

/* A child that waits until `*ret_hold` is closed, and then executes `sleep`. */
static pid_t start_child(int *ret_hold)
{
	int hold[2];
	pid_t child;

	assert_int_equal(pipe(hold), 0);
	child = fork();
	if (child == 0) {
		char byte;

		close(hold[1]);
		if (read(hold[0], &byte, 1) == 0)
			execlp("sleep", "sleep", "60", NULL);
		_exit(127);
	}
	assert_true(child > 0);
	close(hold[0]);
	*ret_hold = hold[1];
	return child;
}

static void let_execute(pid_t child, int hold)
{
	char path[64], comm[32] = "";

	snprintf(path, sizeof(path), "/proc/%d/comm", child);
	close(hold);
	while (strcmp(comm, "sleep\n") != 0) {
		FILE *file = fopen(path, "r");

		assert_non_null(file);
		if (!fgets(comm, sizeof(comm), file))
			comm[0] = '\0';
		fclose(file);
		poll(NULL, 0, 1);
	}
}

static void end_child(pid_t child)
{
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void an_earlier_process_is_read_from_proc(void **state)
{
	struct world world;

	(void)state;
	begin(&world, true);
	assert_true(is_here(&world, (uint32_t)getpid()));
	assert_int_equal(processes_ended(world.processes), 0);
	end(&world);
}

/* By the time its sample is looked at, /proc shows the next program. */
static void a_sample_before_an_exec_is_of_the_parent(void **state)
{
	struct world world;
	int hold;
	pid_t child = start_child(&hold);

	(void)state;
	begin(&world, true);
	fork_of(&world, (uint32_t)getpid(), (uint32_t)child);
	let_execute(child, hold);
	assert_true(is_here(&world, (uint32_t)child));
	exec_of(&world, (uint32_t)child, "sleep");
	assert_false(is_here(&world, (uint32_t)child));
	end(&world);
	end_child(child);
}

/* The parent executes after the fork: its new mappings are not the child's. */
static void a_parent_that_executes_is_no_pattern(void **state)
{
	struct world world;
	int hold;
	pid_t child = start_child(&hold);

	(void)state;
	begin(&world, true);
	fork_of(&world, NOBODY, (uint32_t)child);
	exec_of(&world, NOBODY, "next");
	map_of(&world, NOBODY, "/bin/next");
	assert_string_equal(place(&world, NOBODY).where, "/bin/next+0x10");
	assert_true(is_here(&world, (uint32_t)child)); /* its own maps */
	end(&world);
	close(hold);
	end_child(child);
}

/* After a loss /proc is right and what we know may not be. */
static void a_refresh_reads_again(void **state)
{
	struct world world;
	int hold;
	pid_t child = start_child(&hold);

	(void)state;
	begin(&world, true);
	assert_int_equal(processes_expect(world.processes, (uint32_t)child), 0);
	assert_true(is_here(&world, (uint32_t)child));
	let_execute(child, hold); /* the event is lost */
	assert_true(is_here(&world, (uint32_t)child));
	processes_refresh(world.processes);
	assert_false(is_here(&world, (uint32_t)child));
	end(&world);
	end_child(child);
}

/* A process of which nothing can be read after a loss keeps what is known. */
static void a_refresh_forgets_nothing(void **state)
{
	struct world world;

	(void)state;
	begin(&world, true);
	exec_of(&world, NOBODY, "gone");
	map_of(&world, NOBODY, "/bin/gone");
	processes_refresh(world.processes);
	assert_string_equal(place(&world, NOBODY).where, "/bin/gone+0x10");
	assert_int_equal(processes_ended(world.processes), 1);
	end(&world);
}

static void *sleep_on(void *nothing)
{
	poll(NULL, 0, 60000);
	return nothing;
}

/* The first thread may end long before the others. */
static void a_process_outlives_its_first_thread(void **state)
{
	struct world world;
	char path[64], text[512] = "";
	pid_t child = fork();

	(void)state;
	if (child == 0) {
		pthread_t thread;

		pthread_create(&thread, NULL, sleep_on, NULL);
		pthread_exit(NULL);
	}
	snprintf(path, sizeof(path), "/proc/%d/stat", child);
	while (!strstr(text, ") Z ")) {
		FILE *file = fopen(path, "r");

		assert_non_null(file);
		if (!fgets(text, sizeof(text), file))
			text[0] = '\0';
		fclose(file);
		poll(NULL, 0, 1);
	}
	begin(&world, true);
	exec_of(&world, (uint32_t)child, "threads");
	map_of(&world, (uint32_t)child, "/bin/threads");
	exit_of(&world, (uint32_t)child, (uint32_t)child);
	processes_sweep(world.processes, world.now + 10 * NS_PER_S);
	assert_string_equal(place(&world, (uint32_t)child).where, "/bin/threads+0x10");
	end_child(child);
	exit_of(&world, (uint32_t)child, (uint32_t)child + 1);
	processes_sweep(world.processes, world.now + 10 * NS_PER_S);
	assert_string_equal(place(&world, (uint32_t)child).where, "unknown");
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_exec_begins_with_nothing),
		cmocka_unit_test(the_last_mapping_of_an_address_holds),
		cmocka_unit_test(a_child_maps_what_its_parent_maps),
		cmocka_unit_test(a_new_thread_changes_nothing),
		cmocka_unit_test(a_pid_comes_again),
		cmocka_unit_test(an_ended_process_is_forgotten_later),
		cmocka_unit_test(names_follow_the_threads),
		cmocka_unit_test(strangers_are_not_noted),
		cmocka_unit_test(numbers_of_nobody_are_nobody),
		cmocka_unit_test(an_earlier_process_is_read_from_proc),
		cmocka_unit_test(a_sample_before_an_exec_is_of_the_parent),
		cmocka_unit_test(a_parent_that_executes_is_no_pattern),
		cmocka_unit_test(a_refresh_reads_again),
		cmocka_unit_test(a_refresh_forgets_nothing),
		cmocka_unit_test(a_process_outlives_its_first_thread),
	};

	return test_run(tests);
}
