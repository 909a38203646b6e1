/* SPDX-License-Identifier: MIT */
/* domain.h - a domain name in digits and letters. */
#ifndef MODEL_DOMAIN_H
#define MODEL_DOMAIN_H

#include <stddef.h>
#include <stdint.h>

/**
 * domain_text - write a name as it stands in zone files (RFC 1035, 5.1, and RFC 4343, 2.1)
 * @bytes: as in a packet: labels with their length in front, a 0 behind the last; it need not be sound
 * @text: at least 4 * @len + 2 bytes; closed by NUL
 *
 * Dots and backslashes within labels get a backslash, what is not printable becomes \DDD; the root is
 * ".".  It stops where no label can begin.
 */
void domain_text(const uint8_t *bytes, size_t len, char *text);

#endif
