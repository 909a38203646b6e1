/* SPDX-License-Identifier: MIT */
/* number.h - numbers as people write them, read strictly: no sign, no blanks, nothing behind. */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include <stdint.h>

#include "base/own.h"

/**
 * number_parse - a decimal whole number
 *
 * Return: 0; -EINVAL when it is not one; -ERANGE when it lies outside @min..@max.
 */
nodiscard int number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *ret);

/**
 * number_parse_decimal - a number that may have a fraction: "10", "0.5"
 *
 * Return: 0; -EINVAL when it is not one; -ERANGE when it lies outside @min..@max.
 */
nodiscard int number_parse_decimal(const char *text, double min, double max, double *ret);

/**
 * number_parse_duration - a time span: "10", "0.5" (seconds), or with a unit ns us ms s m h
 *
 * Return: 0 with nanoseconds; -EINVAL; -ERANGE above 100 years.
 */
nodiscard int number_parse_duration(const char *text, uint64_t *ret_ns);

/**
 * number_parse_bytes - a size: "4096", or with a unit K M G T (powers of 1024)
 *
 * Return: 0 with bytes; -EINVAL; -ERANGE above 2^63.
 */
nodiscard int number_parse_bytes(const char *text, uint64_t *ret_bytes);

#endif
