/* SPDX-License-Identifier: MIT */
/* files.h - descriptors of the files that were sampled, opened while they are still there.
 *
 * Naming happens after sampling, when a process may have ended, a binary may have been replaced
 * and a container may be gone; so each file is opened at its first sample and held.  Ceiling: half
 * of the descriptors that the process may have, at most FILES_MAX_HELD; the rest is opened by path
 * when it is named.
 */
#ifndef SESSION_FILES_H
#define SESSION_FILES_H

#include "collect/debuginfod.h"
#include "collect/open.h"
#include "model/opener.h"

#define FILES_MAX_HELD 4096

struct files;

nodiscard int files_new(struct files **ret_files);
void files_free(struct files *files);
own_define(struct files, files_free)

/** files_see - a file has its first sample; @file: its number in the profile */
nodiscard int files_see(struct files *files, uint32_t file, const struct open_mapped *mapped);

/** files_see_jit - a process (number in the profile) has its first sample in memory without a file */
nodiscard int files_see_jit(struct files *files, uint32_t process, uint32_t pid);

/** files_see_jitdump - a process maps a file that a JIT compiler writes its code to */
nodiscard int files_see_jitdump(struct files *files, uint32_t process,
				const struct open_mapped *mapped);

/** files_ask - debug files that are not here may be asked for; @debuginfod: the caller's */
void files_ask(struct files *files, struct debuginfod *debuginfod);

/** files_opener - for resolve/; valid as long as @files */
struct opener files_opener(struct files *files);

#endif
