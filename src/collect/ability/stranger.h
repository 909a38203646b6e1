/* SPDX-License-Identifier: MIT */
/* stranger.h - a process that this one may look into only with CAP_SYS_PTRACE. */
#ifndef COLLECT_ABILITY_STRANGER_H
#define COLLECT_ABILITY_STRANGER_H

#include <sys/types.h>

#include "base/own.h"

struct stranger {
	pid_t pid;
	int hold; /* it ends when this is closed */
};

/** stranger_start - 0, or -errno; end it with stranger_end() */
nodiscard int stranger_start(struct stranger *stranger);
void stranger_end(struct stranger *stranger);

#endif
