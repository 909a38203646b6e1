/* SPDX-License-Identifier: MIT */
/* doctor.h - the findings of `kymo doctor`, for a person or for a program.
 *
 * The JSON is one object.  Keys are added, never renamed or removed, within one schema_version:
 *
 *     schema_version       1
 *     version              of kymo
 *     kernel, arch         uname -r, uname -m
 *     uid, cpus            effective user; CPUs online
 *     user_namespace       "initial" or "nested": capabilities of a nested one do not count
 *     seccomp, no_new_privs  booleans: what confines this process
 *     lockdown             "none", "integrity", "confidentiality"; null when it cannot be read
 *     cgroup               { layout: "v1", "v2", "hybrid", "none"; own: path in the v2 tree or null }
 *     tick_ns              length of the timer tick; null when it was not seen
 *     reach                what can be profiled here: "host", "own" (this user's processes),
 *                          "nothing"
 *     summary              one or two sentences
 *     remedy               the one command that gives every capability of use; null: none
 *     abilities            [ { name, group, purpose,
 *                              state: "works", "degraded", "absent", "not_permitted",
 *                              errno: name or null,
 *                              step: text or null,    what was refused for want of rights
 *                              reason: text or null,  why it does not work; a detail where it does
 *                              lost: text or null,    what is missing; null where it works
 *                              remedy: text or null } ]  the command that changes it; null: none
 *     sysctls              { name: whole number, or null when it cannot be read }
 *     missing_kernel_facts [ text ]  what programs of kymo need and this kernel lacks
 *     unused_kernel_facts  [ text ]  what they can do without, and this kernel lacks
 *     elapsed_ns           that the examination took
 */
#ifndef SHOW_DOCTOR_H
#define SHOW_DOCTOR_H

#include <stdio.h>

#include "model/diagnosis.h"

/** doctor_put_text - a report for a person; @width: columns, at least 40 */
void doctor_put_text(FILE *out, const struct diagnosis *diagnosis, unsigned width, bool colour);

/** doctor_put_json - the object above and a line end */
void doctor_put_json(FILE *out, const struct diagnosis *diagnosis);

#endif
