/* SPDX-License-Identifier: MIT */
#include "elf/usdt.h"

#include <string.h>

#define OWNER      "stapsdt"
#define TYPE       3
#define WORDS      3
#define NOTE_ALIGN 4

struct note {
	uint32_t name_bytes, text_bytes, type;
};

/* The texts of a note, each closed by NUL inside of it. */
static bool read_texts(const char *at, const char *end, struct usdt_point *point)
{
	const char **texts[] = { &point->provider, &point->name };

	for (size_t i = 0; i < array_len(texts); i++) {
		const char *close = at < end ? memchr(at, '\0', (size_t)(end - at)) : NULL;

		if (!close)
			return false;
		*texts[i] = at;
		at = close + 1;
	}
	return true;
}

static int take_note(const struct image *image, const char *text, const char *end, usdt_fn *each,
		     void *context)
{
	const struct image_section *base = image_find_section(image, ".stapsdt.base");
	struct usdt_point point = { 0 };
	uint64_t words[WORDS], moved;

	if ((size_t)(end - text) < sizeof(words))
		return -EBADMSG;
	memcpy(words, text, sizeof(words));
	if (!read_texts(text + sizeof(words), end, &point))
		return -EBADMSG;
	/* A file may have been moved after it was linked (prelink). */
	moved = base && words[1] ? base->address - words[1] : 0;
	point.address = words[0] + moved;
	if (words[2] && !image_offset(image, words[2] + moved, &point.semaphore_offset))
		return -EBADMSG;
	return each(context, &point);
}

static size_t aligned(uint32_t bytes)
{
	return ((size_t)bytes + NOTE_ALIGN - 1) / NOTE_ALIGN * NOTE_ALIGN;
}

static int each_note(const struct image *image, const char *at, const char *end, usdt_fn *each,
		     void *context)
{
	int err = 0;

	while (!err && (size_t)(end - at) >= sizeof(struct note)) {
		struct note note;
		const char *name, *text;

		memcpy(&note, at, sizeof(note));
		name = at + sizeof(note);
		if (note.name_bytes > (size_t)(end - name) ||
		    aligned(note.name_bytes) > (size_t)(end - name))
			return -EBADMSG;
		text = name + aligned(note.name_bytes);
		if (note.text_bytes > (size_t)(end - text))
			return -EBADMSG;
		if (note.type == TYPE && note.name_bytes == sizeof(OWNER) &&
		    memcmp(name, OWNER, sizeof(OWNER)) == 0)
			err = take_note(image, text, text + note.text_bytes, each, context);
		if (aligned(note.text_bytes) > (size_t)(end - text))
			break;
		at = text + aligned(note.text_bytes);
	}
	return err;
}

int usdt_each(const struct image *image, usdt_fn *each, void *context)
{
	const struct image_section *section = image_find_section(image, ".note.stapsdt");
	own(freep) char *bytes = NULL;
	uint64_t len;
	int err;

	if (!section || !image->is_64)
		return 0;
	err = image_section_bytes(image, section, &len);
	if (err)
		return err;
	if (len > USDT_MAX_BYTES)
		return -E2BIG;
	bytes = malloc(len + 1);
	if (!bytes)
		return -ENOMEM;
	err = image_read_section(image, section, bytes, len);
	return err ?: each_note(image, bytes, bytes + len, each, context);
}
