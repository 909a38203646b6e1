/* SPDX-License-Identifier: MIT */
/* selftest.h - whether collectors see what happens: makes a storm of known things and counts. */
#ifndef SESSION_SELFTEST_H
#define SESSION_SELFTEST_H

#include "model/trial.h"
#include "session/storm.h"

/**
 * selftest_run - make a storm, watch it, compare
 * @count: how many of each kind, at most STORM_MAX
 * @trial: the caller has it zeroed, and frees it with trial_done()
 *
 * Return: 0, whatever was found; -errno with fail() said.
 */
nodiscard int selftest_run(uint32_t count, struct trial *trial);

#endif
