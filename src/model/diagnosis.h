/* SPDX-License-Identifier: MIT */
/* diagnosis.h - what kymo can do on this machine as this user: the findings of `kymo doctor`.
 *
 * collect/ fills it in by trying; show/ writes it.  Texts without an owner are constants.
 */
#ifndef MODEL_DIAGNOSIS_H
#define MODEL_DIAGNOSIS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"

enum ability_state {
	ABILITY_WORKS,     /* tried, and it did what it is for */
	ABILITY_DEGRADED,  /* it works in part; the reason says which part does not */
	ABILITY_ABSENT,    /* the kernel or the machine does not have it */
	ABILITY_FORBIDDEN, /* it is there, and refused to this process */
	ABILITY_STATE_COUNT
};

/* What one try found. */
struct ability_result {
	enum ability_state state;
	int error;        /* errno with which the kernel refused; 0: none did */
	char step[48];    /* what was refused for want of rights: "loading a program"; or "" */
	char reason[384]; /* a clause without a full stop; ABILITY_WORKS: a detail, or "" */
	char remedy[384]; /* the one command that changes it; "" when none does */
};

enum finding_group {
	FINDING_SAMPLING,
	FINDING_STACKS,
	FINDING_EVENTS,
	FINDING_KERNEL_SIDE,
	FINDING_NAMES,
	FINDING_RIGHTS,
	FINDING_GROUP_COUNT
};

struct finding {
	const char *name; /* stable: a key for scripts */
	enum finding_group group;
	const char *purpose; /* a clause: what it is for */
	const char *lost;    /* a clause: what is missing without it */
	struct ability_result result;
};

/* A value of the kernel that bears on profiling; shown, never judged by itself. */
struct setting {
	const char *name; /* as sysctl(8) spells it */
	int error;        /* errno of reading it, 0: `value` holds it */
	int64_t value;
};

/* What can be profiled here at all. */
enum reach {
	REACH_HOST,    /* everything */
	REACH_OWN,     /* this user's own processes, user mode only */
	REACH_NOTHING, /* nothing, because the kernel lacks what it takes */
	REACH_REFUSED, /* nothing, for want of rights */
	REACH_COUNT
};

struct diagnosis {
	char kernel[72];
	char machine[72];
	uint32_t uid;
	uint32_t cpus;
	bool in_user_namespace; /* not the initial one: its capabilities do not count */
	bool has_seccomp;       /* a filter may refuse what the kernel would allow */
	bool no_new_privs;      /* setcap and sudo have no effect for this process */
	char lockdown[32];      /* none, integrity, confidentiality; "" when it cannot be read */
	char cgroup_layout[16]; /* v1, v2, hybrid, none */
	char cgroup[256];       /* this process's own group in the v2 tree, "" if there is none */
	uint64_t tick_ns;       /* measured length of the timer tick; 0: not measured */
	vec(struct finding) findings;
	vec(struct setting) settings;
	vec(char *) missing; /* kernel facts that kymo's programs need and the kernel lacks */
	vec(char *) unused;  /* those that they can do without */
	enum reach reach;
	char remedy[384];    /* one command for all that capabilities would change; "" if none */
	char summary[1024];  /* what kymo can do here, in one or two sentences */
	uint64_t elapsed_ns; /* that the examination took */
};

/** diagnosis_find - a finding by name, NULL if there is none */
const struct finding *diagnosis_find(const struct diagnosis *diagnosis, const char *name);

/** diagnosis_works - whether a finding is there and works, fully or in part */
bool diagnosis_works(const struct diagnosis *diagnosis, const char *name);
void diagnosis_done(struct diagnosis *diagnosis);

#endif
