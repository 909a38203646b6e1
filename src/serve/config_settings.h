/* SPDX-License-Identifier: MIT */
/* config_settings.h - the table of settings; for src/serve/config*.c alone. */
#ifndef SERVE_CONFIG_SETTINGS_H
#define SERVE_CONFIG_SETTINGS_H

#include <stddef.h>

#include "serve/config.h"

enum setting_kind {
	SETTING_TEXT,
	SETTING_NUMBER,
	SETTING_DECIMAL,
	SETTING_FLAG,
	SETTING_WORDS
};

struct setting {
	const char *table, *key, *help;
	enum setting_kind kind;
	size_t offset;
	double min, max;
	const char *fallback; /* as in a file */
};

#define at(member) offsetof(struct config, member)

extern const struct setting settings[]; /* closed by a row without key */

#endif
