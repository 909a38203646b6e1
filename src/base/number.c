/* SPDX-License-Identifier: MIT */
#include "base/number.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"

struct unit {
	const char *name;
	double factor;
};

int number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	if (!*text)
		return -EINVAL;
	for (const char *at = text; *at; at++)
		if (*at < '0' || *at > '9')
			return -EINVAL;
	for (const char *at = text; *at; at++)
		if (__builtin_mul_overflow(value, 10u, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
			return -ERANGE;
	if (value < min || value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

/* digits [. digits]; strtod() alone would also take "inf", "0x1", "1e3", "-1" and, in some locales,
 * a comma.  Returns what stands behind it, NULL when there is no such number.
 */
static const char *parse_decimal(const char *text, double *ret)
{
	const char *at = text;
	double value = 0, scale = 1;

	if (*at != '.' && (*at < '0' || *at > '9'))
		return NULL;
	for (; *at >= '0' && *at <= '9'; at++)
		value = value * 10 + (*at - '0');
	if (*at == '.') {
		if (*++at < '0' || *at > '9')
			return NULL;
		for (; *at >= '0' && *at <= '9'; at++) {
			value = value * 10 + (*at - '0');
			scale *= 10;
		}
	}
	if (at - text > 24)
		return NULL;
	*ret = value / scale;
	return at;
}

int number_parse_decimal(const char *text, double min, double max, double *ret)
{
	double value;
	const char *end = parse_decimal(text, &value);

	if (!end || *end)
		return -EINVAL;
	if (value < min || value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

/* [digits] [. digits] unit, as a multiple of the unit. */
static int parse_scaled(const char *text, const struct unit *units, double max, uint64_t *ret)
{
	double value;
	const char *end = parse_decimal(text, &value);

	if (!end)
		return -EINVAL;
	for (; units->name; units++)
		if (strcmp(end, units->name) == 0)
			break;
	if (!units->name)
		return -EINVAL;
	value *= units->factor;
	if (value > max)
		return -ERANGE;
	*ret = (uint64_t)llround(value);
	return 0;
}

int number_parse_duration(const char *text, uint64_t *ret_ns)
{
	static const struct unit units[] = {
		{ "", NS_PER_S },           { "s", NS_PER_S }, { "ms", NS_PER_MS },
		{ "us", NS_PER_US },        { "ns", 1 },       { "m", 60.0 * NS_PER_S },
		{ "h", 3600.0 * NS_PER_S }, { NULL, 0 },
	};

	return parse_scaled(text, units, 100.0 * 366 * 86400 * NS_PER_S, ret_ns);
}

int number_parse_bytes(const char *text, uint64_t *ret_bytes)
{
	static const struct unit units[] = {
		{ "", 1 },
		{ "K", 1024.0 },
		{ "M", 1024.0 * 1024 },
		{ "G", 1024.0 * 1024 * 1024 },
		{ "T", 1024.0 * 1024 * 1024 * 1024 },
		{ NULL, 0 },
	};

	return parse_scaled(text, units, 9.2e18, ret_bytes);
}
