/* SPDX-License-Identifier: MIT */
#include "cmd/settings.h"

#include <unistd.h>

#include "collect/collector.h"

const char *const *settings_collectors(const char *names[SETTINGS_NAMES])
{
	size_t count = 0;

	for (const struct collector *const *one = collectors; *one && count + 2 < SETTINGS_NAMES;
	     one++)
		names[count++] = (*one)->name;
	names[count++] = NULL;
	return names;
}

int settings_default(struct config *config)
{
	const char *names[SETTINGS_NAMES];
	int err = config_init(config);

	if (!err && access(SETTINGS_FILE, R_OK) == 0)
		err = config_read(config, SETTINGS_FILE, settings_collectors(names));
	if (!err)
		config_settle(config);
	return err;
}
