/* SPDX-License-Identifier: MIT */
#include "collect/slots.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "base/error.h"
#include "collect/table.h"
#include "probe/slots.wire.h"

struct slots {
	const struct object_table *object;
	const uint8_t *kinds;
	uint8_t *memory; /* of the kernel's, mapped */
	size_t bytes, stride;
	uint32_t count, used; /* slots; rows in them when they were read last */
	uint8_t *idle;        /* by slot: readings without a change */
	uint8_t *record;      /* that is handed out */
};

int slots_new(const struct object_table *object, int map, uint32_t count, const uint8_t *kinds,
	      struct slots **ret_slots)
{
	size_t page = (size_t)getpagesize();
	struct slots *slots = calloc(1, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	*slots = (struct slots){
		.object = object,
		.kinds = kinds,
		.count = count,
		.stride = (object->key_size + object->value_size + 7) / 8 * 8,
		.memory = MAP_FAILED,
		.idle = calloc(count, 1),
		.record = calloc(1, object->schema->size),
	};
	if (!slots->idle || !slots->record) {
		slots_free(slots);
		return -ENOMEM;
	}
	slots->bytes = (slots->stride * count + page - 1) / page * page;
	slots->memory = mmap(NULL, slots->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
	if (slots->memory == MAP_FAILED) {
		int err = fail(-errno, "cannot map the table '%s': %m", object->schema->event);

		slots_free(slots);
		return err;
	}
	*ret_slots = slots;
	return 0;
}

void slots_free(struct slots *slots)
{
	if (!slots)
		return;
	if (slots->memory != MAP_FAILED)
		munmap(slots->memory, slots->bytes);
	free(slots->idle);
	free(slots->record);
	free(slots);
}

/* Moves the value of a slot into the record; false: nothing was added to it. */
static bool take_value(struct slots *slots, uint64_t *words)
{
	uint8_t *to = slots->record + slots->object->value_at;
	bool has_any = false;

	for (uint32_t i = 0; i < slots->object->value_size / 8; i++) {
		bool is_text = slots->kinds[i] == WORD_TEXT;
		uint64_t word = __atomic_load_n(&words[i], __ATOMIC_RELAXED);

		if (word && !is_text)
			word = __atomic_exchange_n(&words[i], 0, __ATOMIC_RELAXED);
		has_any |= word && !is_text;
		memcpy(to + i * sizeof(word), &word, sizeof(word));
	}
	return has_any;
}

static bool has_ended(const struct slots *slots)
{
	const struct schema *schema = slots->object->schema;
	struct record record = { schema, slots->record, schema->size };

	for (size_t i = 0; i < schema->field_count; i++)
		if (schema->fields[i].is_key && schema->fields[i].unit == UNIT_PID)
			return kill((pid_t)record_u64(&record, &schema->fields[i]), 0) != 0 &&
			       errno == ESRCH;
	return false;
}

static bool is_forgotten(const struct slots *slots, uint32_t slot)
{
	bool is_crowded = slots->used > slots->count / 4;

	if (slots->idle[slot] >= (is_crowded ? TABLE_IDLE_CROWDED : TABLE_IDLE))
		return true;
	return slots->idle[slot] && has_ended(slots);
}

/* The record has the slot's key. */
static void pass_on(struct slots *slots, uint32_t slot, uint64_t *row, uint64_t key)
{
	if (key & SLOT_LEAVING) {
		memset(row + 1, 0, slots->stride - sizeof(*row)); /* texts: all else was taken */
		__atomic_store_n(row, 0, __ATOMIC_RELEASE);
		slots->idle[slot] = 0;
	} else if (is_forgotten(slots, slot)) {
		__atomic_store_n(row, key | SLOT_LEAVING, __ATOMIC_RELEASE);
	}
}

int slots_read(struct slots *slots, uint64_t at_mono_ns,
	       int (*each)(void *context, const uint8_t *row), void *context)
{
	const struct object_table *object = slots->object;
	struct event head = { .at = at_mono_ns, .type = object->schema->type };
	uint32_t used = 0;
	int err = 0;

	for (uint32_t slot = 0; !err && slot < slots->count; slot++) {
		uint64_t *row = (uint64_t *)(slots->memory + slot * slots->stride);
		uint64_t key = __atomic_load_n(row, __ATOMIC_ACQUIRE), plain = key & ~SLOT_LEAVING;

		if (!key)
			continue;
		used++;
		memcpy(slots->record, &head, sizeof(head));
		memcpy(slots->record + object->key_at, &plain, sizeof(plain));
		if (take_value(slots, row + 1)) {
			slots->idle[slot] = 0;
			err = each(context, slots->record);
		} else if (slots->idle[slot] < UINT8_MAX) {
			slots->idle[slot]++;
		}
		pass_on(slots, slot, row, key);
	}
	slots->used = used;
	return err;
}
