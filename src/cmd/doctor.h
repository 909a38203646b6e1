/* SPDX-License-Identifier: MIT */
#ifndef CMD_DOCTOR_H
#define CMD_DOCTOR_H

#include "cmd/arguments.h"

/** doctor_run - `kymo doctor`; see struct verb */
int doctor_run(const struct arguments *arguments);

#endif
