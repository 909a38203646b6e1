/* SPDX-License-Identifier: MIT */
#include "model/schema.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#include "model/domain.h"

#define DOMAIN_BYTES 256 /* of a name at most */

/* struct tail_text and the like. */
struct tail {
	uint16_t at, bytes;
};

const struct field *schema_field(const struct schema *schema, const char *name)
{
	for (size_t i = 0; i < schema->field_count; i++)
		if (strcmp(schema->fields[i].name, name) == 0)
			return &schema->fields[i];
	return NULL;
}

static bool is_tail(const struct field *field)
{
	return field->kind == FIELD_TEXT || field->kind == FIELD_WORDS ||
	       field->kind == FIELD_PATH || field->kind == FIELD_DOMAIN;
}

static struct tail tail_of(const struct record *record, const struct field *field)
{
	struct tail tail;

	memcpy(&tail, record->bytes + field->offset, sizeof(tail));
	return tail;
}

bool record_is_whole(const struct record *record)
{
	const struct schema *schema = record->schema;

	if (record->len < schema->size)
		return false;
	for (size_t i = 0; i < schema->field_count; i++) {
		struct tail tail;

		if (!is_tail(&schema->fields[i]))
			continue;
		tail = tail_of(record, &schema->fields[i]);
		if (tail.bytes && (tail.at < schema->size || tail.at + tail.bytes > record->len))
			return false;
	}
	return true;
}

/* Of usual sizes without a call of memcpy(): this is done for every field of every record. */
static uint64_t number_at(const uint8_t *at, size_t size)
{
	uint64_t number = 0;
	uint32_t half;
	uint16_t quarter;

	switch (size) {
	case 1:
		return *at;
	case 2:
		memcpy(&quarter, at, sizeof(quarter));
		return quarter;
	case 4:
		memcpy(&half, at, sizeof(half));
		return half;
	case 8:
		memcpy(&number, at, sizeof(number));
		return number;
	default:
		assert(size < sizeof(number));
		memcpy(&number, at, size);
		return number;
	}
}

uint64_t record_u64(const struct record *record, const struct field *field)
{
	const uint8_t *at = record->bytes + field->offset;
	uint64_t number = number_at(at, field->size);

	if (field->kind == FIELD_SIGNED && field->size < sizeof(number) &&
	    (at[field->size - 1] & 0x80))
		number |= ~0ull << field->size * 8;
	return number;
}

static bool has_any(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i])
			return true;
	return false;
}

bool record_has(const struct record *record, const struct field *field)
{
	static const uint8_t none[16];

	switch (field->kind) {
	case FIELD_UNSIGNED:
		if (field->unit == UNIT_PORT)
			return record_u64(record, field) != 0;
		return record_u64(record, field) != ~0ull >> (64 - field->size * 8);
	case FIELD_CHARS:
		return record->bytes[field->offset] != '\0';
	case FIELD_HISTOGRAM:
		return has_any(record->bytes + field->offset, field->size);
	case FIELD_TEXT:
	case FIELD_WORDS:
	case FIELD_PATH:
	case FIELD_DOMAIN:
		return tail_of(record, field).bytes != 0;
	case FIELD_ADDRESS:
		return memcmp(record->bytes + field->offset, none, sizeof(none)) != 0;
	default:
		return true;
	}
}

const char *record_enum(const struct record *record, const struct field *field)
{
	uint64_t value = record_u64(record, field);

	for (uint64_t i = 0; field->names[i]; i++)
		if (i == value)
			return field->names[i];
	return "";
}

const char *record_words(const struct record *record, const struct field *field, size_t *ret_len)
{
	struct tail tail = tail_of(record, field);

	*ret_len = tail.bytes;
	return (const char *)record->bytes + tail.at;
}

const char *record_word(const struct record *record, const struct field *field, size_t *at,
			size_t *ret_len)
{
	struct tail tail = tail_of(record, field);
	const char *from = (const char *)record->bytes + tail.at + *at;

	if (*at >= tail.bytes)
		return NULL;
	*ret_len = strnlen(from, tail.bytes - *at);
	*at += *ret_len + 1;
	return from;
}

static size_t put_words(const struct record *record, const struct field *field, char *text)
{
	size_t at = 0, len, used = 0;
	const char *word;

	while ((word = record_word(record, field, &at, &len)) != NULL) {
		if (used + len + 2 > RECORD_TEXT_BYTES)
			break;
		if (used)
			text[used++] = ' ';
		memcpy(text + used, word, len);
		used += len;
	}
	return used;
}

/* The components stand in the wrong order. */
static size_t put_path(const struct record *record, const struct field *field, char *text)
{
	size_t at = 0, len, used = RECORD_TEXT_BYTES;
	const char *part;

	while ((part = record_word(record, field, &at, &len)) != NULL) {
		if (used < len + 2)
			break;
		used -= len;
		memcpy(text + used, part, len);
		text[--used] = '/';
	}
	len = RECORD_TEXT_BYTES - used;
	memmove(text, text + used, len);
	if (!len)
		text[len++] = '/';
	return len;
}

static void put_address(const uint8_t *bytes, char *text)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (memcmp(bytes, mapped, sizeof(mapped)) == 0)
		inet_ntop(AF_INET, bytes + sizeof(mapped), text, INET_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, bytes, text, INET6_ADDRSTRLEN);
}

void record_text(const struct record *record, const struct field *field, char *text)
{
	const char *bytes = (const char *)record->bytes;
	struct tail tail;
	size_t len = 0;

	switch (field->kind) {
	case FIELD_CHARS:
		len = strnlen(bytes + field->offset, field->size);
		memcpy(text, bytes + field->offset, len);
		break;
	case FIELD_TEXT:
		tail = tail_of(record, field);
		len = tail.bytes < RECORD_TEXT_BYTES ? tail.bytes : RECORD_TEXT_BYTES - 1;
		memcpy(text, bytes + tail.at, len);
		break;
	case FIELD_WORDS:
		len = put_words(record, field, text);
		break;
	case FIELD_PATH:
		len = put_path(record, field, text);
		break;
	case FIELD_DOMAIN:
		tail = tail_of(record, field);
		len = tail.bytes <= DOMAIN_BYTES ? tail.bytes : DOMAIN_BYTES;
		domain_text(record->bytes + tail.at, len, text);
		return;
	case FIELD_ADDRESS:
		put_address(record->bytes + field->offset, text);
		return;
	default:
		assert(!"a text");
	}
	text[len] = '\0';
}
