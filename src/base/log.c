/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

void log_put(const struct log *log, const char *level, const char *format, ...)
{
	char message[1024], when[32];
	struct timespec now;
	struct tm parts;
	va_list list;

	if (!log->out || (!log->debug && strcmp(level, "debug") == 0))
		return;
	va_start(list, format);
	vsnprintf(message, sizeof(message), format, list);
	va_end(list);
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &parts);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &parts);
	flockfile(log->out);
	fprintf(log->out, "at=%s.%03ldZ level=%s msg=\"", when, now.tv_nsec / 1000000, level);
	for (const char *at = message; *at; at++)
		if (*at == '"' || *at == '\\')
			fprintf(log->out, "\\%c", *at);
		else if ((unsigned char)*at < 0x20 || *at == 0x7f)
			fprintf(log->out, "\\x%02x", (unsigned char)*at);
		else
			putc(*at, log->out);
	fputs("\"\n", log->out);
	fflush(log->out);
	funlockfile(log->out);
}
