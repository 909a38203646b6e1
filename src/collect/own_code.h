/* SPDX-License-Identifier: MIT */
/* own_code.h - functions of this program, as files know them: to probe them. */
#ifndef COLLECT_OWN_CODE_H
#define COLLECT_OWN_CODE_H

#include <stdint.h>

/** own_code_file - the running program; where /proc is not mounted, by the name it was started by */
const char *own_code_file(void);

/** own_code_offset - where in that file a function of it lies, in bytes */
uint64_t own_code_offset(void (*function)(void));

#endif
