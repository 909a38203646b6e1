/* SPDX-License-Identifier: MIT */
#include "cmd/color.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool color_wanted(const struct arguments *arguments, FILE *out)
{
	const char *when = arguments_text(arguments, "color");
	const char *off = getenv("NO_COLOR"), *terminal = getenv("TERM");

	if (strcmp(when, "auto") != 0)
		return strcmp(when, "always") == 0;
	if ((off && *off) || (terminal && strcmp(terminal, "dumb") == 0))
		return false;
	return isatty(fileno(out));
}

/* By its name, as the locale itself need not be installed. */
bool locale_is_utf8(void)
{
	static const char *const variables[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	for (size_t i = 0; i < array_len(variables); i++) {
		const char *value = getenv(variables[i]);

		if (value && *value)
			return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
	}
	return false;
}

unsigned terminal_width(FILE *out)
{
	struct winsize size = { 0 };

	return ioctl(fileno(out), TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}
