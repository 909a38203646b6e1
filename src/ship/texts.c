/* SPDX-License-Identifier: MIT */
#include "ship/texts.h"

#include "base/text.h"

int texts_init(struct texts *texts, const struct profile *profile)
{
	*texts = (struct texts){ .profile = profile };
	texts->known = calloc(profile->text.starts.len + 1, sizeof(*texts->known));
	texts->buffer = open_memstream(&texts->text, &texts->len);
	return texts->known && texts->buffer ? 0 : -ENOMEM;
}

void texts_done(struct texts *texts)
{
	if (texts->buffer)
		fclose(texts->buffer);
	free(texts->text);
	free(texts->known);
	strings_done(&texts->strings);
}

uint32_t texts_add(struct texts *texts, const char *text)
{
	uint32_t id = 0;

	if (texts->err)
		return 0;
	rewind(texts->buffer);
	text_put_plain(texts->buffer, text);
	putc('\0', texts->buffer); /* ends a longer text that stood there before */
	if (fflush(texts->buffer) != 0)
		texts->err = -ENOMEM;
	else
		texts->err = strings_add(&texts->strings, texts->text, SIZE_MAX, &id);
	return id;
}

uint32_t texts_id(struct texts *texts, uint32_t profile_text_id)
{
	uint32_t id;

	if (profile_text_id >= texts->profile->text.starts.len)
		return 0;
	if (!texts->known[profile_text_id]) {
		id = texts_add(texts, profile_text(texts->profile, profile_text_id));
		texts->known[profile_text_id] = id + 1;
	}
	return texts->known[profile_text_id] - 1;
}
