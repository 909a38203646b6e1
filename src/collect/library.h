/* SPDX-License-Identifier: MIT */
/* library.h - which libbpf this program uses, for `kymo --version`. */
#ifndef COLLECT_LIBRARY_H
#define COLLECT_LIBRARY_H

/** library_built - the version it was compiled against, "1.1" */
const char *library_built(void);

/** library_running - the version that was found when the program started, "1.1" */
const char *library_running(void);

#endif
