/* SPDX-License-Identifier: MIT */
/* known_process.h - what is known of a process, for the parts of processes.h: processes.c hears of events,
 * places.c asks what an address is.
 */
#ifndef SESSION_KNOWN_PROCESS_H
#define SESSION_KNOWN_PROCESS_H

#include "base/hash.h"
#include "base/vec.h"
#include "collect/open.h"
#include "resolve/maps.h"
#include "session/processes.h"

#define CACHE_SLOTS  4096u /* a power of two */
#define PROCESS_NONE UINT32_MAX

enum mappings_state {
	MAPPINGS_UNREAD,  /* to be read from /proc when needed */
	MAPPINGS_KNOWN,   /* all executable mappings, kept current by events */
	MAPPINGS_MISSING, /* could not be read: the process had ended */
};

struct known_process {
	uint32_t pid, parent; /* 0: not known, or it has executed something since */
	uint32_t life;        /* unique among all: a PID, from one fork or exec to the next */
	uint32_t parent_life; /* at the fork */
	uint32_t process;     /* number in the profile, PROCESS_NONE until it is sampled */
	uint32_t name;        /* string: comm at its last exec; 0: not known */
	uint64_t started_mono_ns;
	struct mappings mappings;
	enum mappings_state state;
	uint32_t version;          /* of the mappings, unique among all: guards the cache */
	uint64_t ended_mono_ns;    /* 0: lives, as far as we know */
	bool leader_ended;         /* other threads may go on */
	bool has_jit, has_jitdump; /* files_ knows */
	uint32_t kernel_pid;       /* that its unwind tables are told by; 0: none are */
	uint64_t told_mono_ns;     /* when they were in the kernel, */
	uint64_t told[2];          /* for this exec_id and exec_vm */
	uint64_t look_mono_ns;     /* not before that are its mappings read once more */
	uint64_t pause_ns;         /* up to the next time, if it is in vain again */
};

/* What an address of one state of one process's mappings is in the profile. */
struct cached_frame {
	uint64_t address;
	uint32_t version; /* 0: empty */
	uint32_t frame;
	bool is_return_address;
};

struct processes {
	struct profile *profile;
	struct files *files;
	vec(struct known_process) known;
	struct index by_pid; /* hash of pid -> known; only the latest of a pid is there */
	struct cached_frame cache[CACHE_SLOTS];
	uint32_t versions, lives;
	uint64_t ended, denied;    /* whose mappings could not be read */
	struct unwinder *unwinder; /* NULL: samples come with frames only */
	bool follow_all;
	const char *no_frames;
};

/** known_find - the latest process of that PID; NULL: nobody is known */
struct known_process *known_find(struct processes *processes, uint32_t pid);

/** known_begin - enter a process, or begin a new one in the place of an earlier process with its PID */
nodiscard int known_begin(struct processes *processes, uint32_t pid, uint32_t parent,
			  uint64_t at_mono_ns, struct known_process **ret_known);

/** known_need_number - give a process its number in the profile */
nodiscard int known_need_number(struct processes *processes, struct known_process *known);

/** known_need_mappings - read its mappings, if they were not; what cannot be read is counted */
nodiscard int known_need_mappings(struct processes *processes, struct known_process *known);

/**
 * known_forget_tables - what the kernel side knows of a process' code is no longer so
 *
 * It notices by itself when the amount of mapped code changes, but not when one library takes the place of
 * another of its size.
 */
void known_forget_tables(const struct processes *processes, struct known_process *known);

/** known_mapped_at - how the file of a mapping is opened, as long as it is mapped */
struct open_mapped known_mapped_at(const struct processes *processes,
				   const struct known_process *known,
				   const struct mapping *mapping);

/** known_see_jitdump - a mapping that may be a JIT compiler's list of functions */
nodiscard int known_see_jitdump(struct processes *processes, struct known_process *known,
				const struct mapping *mapping);

/**
 * known_look_again - read the mappings once more, when they lack what a stack goes through
 * @code_bytes: mapped as code when it was sampled; 0: that is no question
 *
 * Some changes come without an event: what is unmapped, and what mremap() moves, as V8 does with its builtin
 * functions.  The new ones are taken if they are those of the sample, with so many bytes of code, or if
 * they have code at an address where there was none.
 */
nodiscard int known_look_again(struct processes *processes, struct known_process *known,
			       uint64_t code_bytes, uint64_t address, bool *ret_changed);

/** known_look_for - the same where a stack ends at an address at which nothing is known to be mapped */
nodiscard int known_look_for(struct processes *processes, struct known_process *known,
			     uint64_t address, bool *ret_changed);

#endif
