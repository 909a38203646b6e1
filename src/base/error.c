/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char text[1024];
static _Thread_local char remedy[512];

int fail(int err, const char *format, ...)
{
	char fresh[sizeof(text)]; /* the arguments may quote the old text */
	va_list args;

	errno = -err;
	va_start(args, format);
	vsnprintf(fresh, sizeof(fresh), format, args);
	va_end(args);
	strcpy(text, fresh);
	remedy[0] = '\0';
	return err;
}

void hint(const char *format, ...)
{
	char fresh[sizeof(remedy)];
	va_list args;

	va_start(args, format);
	vsnprintf(fresh, sizeof(fresh), format, args);
	va_end(args);
	strcpy(remedy, fresh);
}

const char *error_text(void)
{
	return text;
}

const char *error_hint(void)
{
	return remedy;
}

void error_clear(void)
{
	text[0] = '\0';
	remedy[0] = '\0';
}
