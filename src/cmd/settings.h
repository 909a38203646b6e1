/* SPDX-License-Identifier: MIT */
/* settings.h - the settings of the daemon, for those who start it and those who look for it. */
#ifndef CMD_SETTINGS_H
#define CMD_SETTINGS_H

#include "cmd/arguments.h"
#include "serve/config.h"

#define SETTINGS_FILE  "/etc/kymo/kymo.toml"
#define SETTINGS_NAMES 64

/** settings_collectors - the names that [collectors] may hold, closed by NULL */
const char *const *settings_collectors(const char *names[SETTINGS_NAMES]);

/**
 * settings_default - those that a daemon has that was started with no options, as far as they can be read
 *
 * Return: 0; -EINVAL with fail() said; -ENOMEM.  Call config_done() in any case.
 */
nodiscard int settings_default(struct config *config);

#endif
