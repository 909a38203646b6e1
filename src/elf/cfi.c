/* SPDX-License-Identifier: MIT */
#include "elf/cfi_entry.h"

#include "elf/bare_code.h"

#include <dwarf.h>
#include <elf.h>

#define CHUNK_BYTES  (128u << 10) /* of the section in memory; a page's entries lie together */
#define CIE_SLOTS    64u
#define EXTENDED     0xffffffffu /* a 64-bit length follows */
#define BX_MAX_BYTES (32u << 10) /* of a section that is looked through for frames by rbx */
#define HEADER_SKIPS 4u          /* version and three encodings of .eh_frame_hdr */

struct entry {
	uint32_t start;  /* address, relative to the lowest of the file */
	uint32_t offset; /* of the FDE in the section */
};

struct cfi {
	const struct image *image;
	const struct image_section *section;
	struct cfi_place place;
	uint64_t bytes; /* of the section, inflated */
	uint8_t *whole; /* NULL: read by the chunk */
	uint8_t *chunk;
	uint64_t chunk_at, chunk_len;
	vec(struct entry) entries; /* by start, each start once */
	struct cfi_cie cies[CIE_SLOTS];
	uint64_t work_left;     /* bytes to read and run, for this call */
	struct bare_code bare;  /* where code is that nothing describes */
	struct cfi_rows filled; /* scratch */
};

/* One entry of the section: its content behind the length. */
struct record {
	uint64_t offset, next;
	const uint8_t *bytes;
	uint64_t len;
	uint8_t offset_bytes; /* 8: in the 64-bit format */
};

void cfi_close(struct cfi *cfi)
{
	if (!cfi)
		return;
	vec_done(&cfi->entries);
	vec_done(&cfi->filled);
	free(cfi->whole);
	free(cfi->chunk);
	free(cfi);
}

size_t cfi_bytes(const struct cfi *cfi)
{
	return sizeof(*cfi) + cfi->entries.cap * sizeof(*cfi->entries.data) + CHUNK_BYTES +
	       (cfi->whole ? cfi->bytes : 0);
}

/* What a file makes us do has an end.  Return: 0; -E2BIG */
static int spend(struct cfi *cfi, uint64_t bytes)
{
	if (bytes > cfi->work_left)
		return -E2BIG;
	cfi->work_left -= bytes;
	return 0;
}

/* Bytes of the section, valid until the next call.  Return: 0; -EBADMSG beyond its end; -E2BIG;
 * -errno
 */
static int fetch(struct cfi *cfi, uint64_t offset, uint64_t len, const uint8_t **ret_bytes)
{
	uint64_t most = cfi->bytes - offset;
	int err;

	if (offset > cfi->bytes || len > most || len > CHUNK_BYTES)
		return -EBADMSG;
	if (cfi->whole) {
		*ret_bytes = cfi->whole + offset;
		return 0;
	}
	if (offset < cfi->chunk_at || offset + len > cfi->chunk_at + cfi->chunk_len) {
		most = most < CHUNK_BYTES ? most : CHUNK_BYTES;
		cfi->chunk_len = 0;
		err = spend(cfi, most);
		err = err
			      ?: source_read(&cfi->image->source, cfi->chunk, most,
					     cfi->section->offset + offset);
		if (err)
			return err;
		cfi->chunk_at = offset;
		cfi->chunk_len = most;
	}
	*ret_bytes = cfi->chunk + (offset - cfi->chunk_at);
	return 0;
}

/* Return: 0; -ENOENT at the end of the section; -EBADMSG; -errno */
static int read_record(struct cfi *cfi, uint64_t offset, struct record *record)
{
	uint64_t head = 4, len;
	const uint8_t *bytes;
	struct cursor cursor;
	int err;

	if (offset + 4 > cfi->bytes)
		return -ENOENT;
	err = fetch(cfi, offset, offset + 12 <= cfi->bytes ? 12 : 4, &bytes);
	if (err)
		return err;
	cursor = (struct cursor){ bytes, bytes + 12, false };
	len = cursor_number(&cursor, 4);
	record->offset_bytes = 4;
	if (len == EXTENDED) {
		if (offset + 12 > cfi->bytes)
			return -EBADMSG;
		len = cursor_number(&cursor, 8);
		record->offset_bytes = 8;
		head = 12;
	}
	if (!len)
		return -ENOENT; /* the terminator */
	if (len > CFI_MAX_ENTRY_BYTES || len < record->offset_bytes)
		return -EBADMSG;
	record->offset = offset;
	record->next = offset + head + len;
	record->len = len;
	return fetch(cfi, offset + head, len, &record->bytes);
}

/* Where the CIE of an entry is.  Return: whether it is an FDE at all */
static bool cie_offset(const struct cfi *cfi, const struct record *record, uint64_t *ret_offset)
{
	struct cursor cursor = { record->bytes, record->bytes + record->len, false };
	uint64_t id_at = record->next - record->len;
	uint64_t id;

	if (cfi->place.is_debug) {
		*ret_offset = cursor_number(&cursor, record->offset_bytes);
		return *ret_offset != (record->offset_bytes == 8 ? UINT64_MAX : UINT32_MAX);
	}
	id = cursor_number(&cursor, 4);
	*ret_offset = id_at - id;
	return id != 0 && id <= id_at;
}

static struct cursor behind_id(struct cfi *cfi, const struct record *record)
{
	unsigned id_bytes = cfi->place.is_debug ? record->offset_bytes : 4;

	cfi->place.bytes = record->bytes;
	cfi->place.offset = record->next - record->len;
	return (struct cursor){ record->bytes + id_bytes, record->bytes + record->len, false };
}

/* Parsed once; the chunk moves.  NULL: of no use */
static const struct cfi_cie *find_cie(struct cfi *cfi, uint64_t offset)
{
	struct cfi_cie *cie = &cfi->cies[(offset * 0x9e3779b97f4a7c15ull >> 32) % CIE_SLOTS];
	uint64_t none;
	struct record record;
	struct cursor cursor;

	if (cie->offset != offset) {
		*cie = (struct cfi_cie){ .offset = offset, .err = -EBADMSG };
		if (read_record(cfi, offset, &record) == 0 && !cie_offset(cfi, &record, &none) &&
		    spend(cfi, record.len) == 0) {
			cursor = behind_id(cfi, &record);
			cfi_parse_cie(&cursor, &cfi->place, cie);
		}
	}
	return cie->err ? NULL : cie;
}

/* The FDE at an offset.  Return: 0; -EBADMSG when it makes no sense; -errno of pread() */
static int read_fde(struct cfi *cfi, uint64_t offset, struct cfi_fde *fde,
		    const struct cfi_cie **ret_cie)
{
	struct record record;
	struct cursor cursor;
	uint64_t at;
	int err = read_record(cfi, offset, &record);

	if (err || !cie_offset(cfi, &record, &at))
		return err == -ENOENT ? -EBADMSG : err ?: -EBADMSG;
	*ret_cie = find_cie(cfi, at);
	if (!*ret_cie)
		return -EBADMSG;
	err = read_record(cfi, offset, &record); /* the chunk may have moved */
	if (err)
		return err;
	cursor = behind_id(cfi, &record);
	err = spend(cfi, record.len);
	if (!err && !cfi_parse_fde(&cursor, &cfi->place, *ret_cie, fde))
		err = -EBADMSG;
	return err;
}

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return (x->offset > y->offset) - (x->offset < y->offset);
}

/* Whether an address can be entered, relative to the lowest of the file. */
static bool is_near(const struct cfi *cfi, uint64_t address)
{
	return address >= cfi->image->base && address - cfi->image->base < UINT32_MAX;
}

/* By start; of several entries with the same start the first of the section stays. */
static void sort_entries(struct cfi *cfi)
{
	struct entry *entries = cfi->entries.data;
	size_t len = 1;

	for (size_t i = 1; i < cfi->entries.len; i++)
		if (entries[i].start < entries[i - 1].start) {
			qsort(entries, cfi->entries.len, sizeof(*entries), compare_entries);
			break;
		}
	for (size_t i = 1; i < cfi->entries.len; i++)
		if (entries[i].start != entries[len - 1].start)
			entries[len++] = entries[i];
	cfi->entries.len = len;
}

/* The table of .eh_frame_hdr, in the form that all linkers write.  Return: 0; -ENOENT; -ENOMEM */
static int read_header(struct cfi *cfi)
{
	const struct image_section *header = image_find_section(cfi->image, ".eh_frame_hdr");
	const uint8_t form[] = { 1, DW_EH_PE_pcrel | DW_EH_PE_sdata4, DW_EH_PE_udata4,
				 DW_EH_PE_datarel | DW_EH_PE_sdata4 };
	own(freep) uint8_t *bytes = NULL;
	struct cursor cursor;
	uint64_t count;

	if (!header || header->size < 12 || header->size > 12 + 8ull * CFI_MAX_ENTRIES ||
	    !source_has(&cfi->image->source, header->offset, header->size))
		return -ENOENT;
	bytes = malloc(header->size);
	if (!bytes)
		return -ENOMEM;
	if (source_read(&cfi->image->source, bytes, header->size, header->offset) ||
	    memcmp(bytes, form, HEADER_SKIPS) != 0)
		return -ENOENT;
	cursor = (struct cursor){ bytes + HEADER_SKIPS, bytes + header->size, false };
	cursor_skip(&cursor, 4);
	count = cursor_number(&cursor, 4);
	if (!count || count > cursor_left(&cursor) / 8)
		return -ENOENT;
	if (vec_reserve(&cfi->entries, count))
		return -ENOMEM;
	while (count--) {
		uint64_t start = header->address + (uint64_t)(int32_t)cursor_number(&cursor, 4);
		uint64_t fde = header->address + (uint64_t)(int32_t)cursor_number(&cursor, 4);

		fde -= cfi->section->address;
		if (is_near(cfi, start) && fde < cfi->bytes)
			cfi->entries.data[cfi->entries.len++] =
				(struct entry){ (uint32_t)(start - cfi->image->base),
						(uint32_t)fde };
	}
	return cfi->entries.len ? 0 : -ENOENT;
}

/* One pass over the section.  Damage and CFI_MAX_OPEN_WORK end it; what was read stays.  Return: 0; -ENOMEM;
 * -errno
 */
static int scan(struct cfi *cfi)
{
	uint64_t offset = 0, at;
	struct record record;
	int err;

	while ((err = read_record(cfi, offset, &record)) == 0 &&
	       cfi->entries.len < CFI_MAX_ENTRIES) {
		const struct cfi_cie *cie;
		struct cfi_fde fde;

		if (cie_offset(cfi, &record, &at) && read_fde(cfi, offset, &fde, &cie) == 0 &&
		    is_near(cfi, fde.start) &&
		    vec_push(&cfi->entries,
			     { (uint32_t)(fde.start - cfi->image->base), (uint32_t)offset }) != 0)
			return -ENOMEM;
		offset = record.next;
	}
	return err == -ENOENT || err == -EBADMSG || err == -E2BIG ? 0 : err;
}

static int open_section(struct cfi *cfi, const char *name, bool is_debug)
{
	const struct image *image = cfi->image;
	int err;

	cfi->section = image_find_section(image, name);
	if (!cfi->section)
		return -ENOENT;
	cfi->place = (struct cfi_place){
		.section_address = cfi->section->address,
		.machine = image->machine,
		.is_debug = is_debug,
	};
	err = image_section_bytes(image, cfi->section, &cfi->bytes);
	if (err)
		return err;
	if (cfi->bytes > UINT32_MAX)
		return -E2BIG;
	if (image_is_compressed(image, cfi->section)) {
		if (cfi->bytes > CFI_MAX_INFLATED)
			return -E2BIG;
		cfi->whole = malloc(cfi->bytes ?: 1);
		return cfi->whole ? image_read_section(image, cfi->section, cfi->whole, cfi->bytes)
				  : -ENOMEM;
	}
	if (!source_has(&image->source, cfi->section->offset, cfi->bytes))
		return -ENODATA;
	cfi->chunk = malloc(CHUNK_BYTES);
	return cfi->chunk ? 0 : -ENOMEM;
}

/* The number of the first entry that starts above an address. */
static size_t first_above(const struct cfi *cfi, uint64_t address)
{
	size_t low = 0, high = cfi->entries.len;

	if (address < cfi->image->base)
		return 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (cfi->entries.data[middle].start <= address - cfi->image->base)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool same_rule(const struct unwind_rule *a, const struct unwind_rule *b)
{
	return a->kind == b->kind && a->saved == b->saved && a->cfa == b->cfa && a->fp == b->fp &&
	       a->ra == b->ra;
}

static bool is_gap(const struct cfi_row *row)
{
	return same_rule(&row->rule, &CFI_GAP);
}

/* Cuts to [start, end), merges equal neighbours, and drops gaps that are only padding: code that
 * calls at its very end returns into it.
 */
static void tidy(struct cfi_rows *rows, uint64_t start, uint64_t end)
{
	size_t len = 0;

	for (size_t i = 0; i < rows->len; i++) {
		struct cfi_row row = rows->data[i];

		if (row.address >= end)
			break;
		if (is_gap(&row) && i + 1 < rows->len && i > 0 &&
		    rows->data[i + 1].rule.kind != UNWIND_NONE &&
		    rows->data[i + 1].address - row.address <= BARE_CODE_PADDING)
			continue;
		if (is_gap(&row))
			row.rule = (struct unwind_rule){ .kind = UNWIND_NONE };
		if (row.address <= start) {
			row.address = start;
			len = 0;
		}
		if (len && same_rule(&rows->data[len - 1].rule, &row.rule))
			continue;
		rows->data[len++] = row;
	}
	rows->len = len;
}

/* @limit: where what is described begins again behind the last row */
static int fill_gaps(struct cfi *cfi, uint64_t limit, struct cfi_rows *rows)
{
	struct cfi_rows *filled = &cfi->filled, swapped;
	size_t len = 0;
	int err = 0;

	filled->len = 0;
	for (size_t i = 0; !err && i < rows->len; i++) {
		struct cfi_row row = rows->data[i];
		uint64_t to = i + 1 < rows->len ? rows->data[i + 1].address : limit;

		err = vec_push(filled, row);
		if (!err && is_gap(&row))
			err = bare_code_rows(&cfi->bare, cfi->image, row.address, to, filled);
	}
	if (err)
		return err;
	for (size_t i = 0; i < filled->len; i++) { /* of one address the later one counts */
		len -= len && filled->data[len - 1].address == filled->data[i].address;
		filled->data[len++] = filled->data[i];
	}
	filled->len = len;
	swapped = *rows;
	*rows = *filled;
	*filled = swapped;
	return 0;
}

int cfi_rows(struct cfi *cfi, uint64_t start, uint64_t end, struct cfi_rows *rows)
{
	size_t at = first_above(cfi, start);
	int err;

	cfi->work_left = CFI_MAX_WORK;
	rows->len = 0;
	err = vec_push(rows, { 0, CFI_GAP });
	for (at -= at > 0; !err && at < cfi->entries.len; at++) {
		uint64_t begins = cfi->image->base + cfi->entries.data[at].start;
		const struct cfi_cie *cie;
		struct cfi_fde fde;

		if (begins >= end + 16)
			break;
		err = read_fde(cfi, cfi->entries.data[at].offset, &fde, &cie);
		if (err == -EBADMSG || (!err && fde.start != begins)) {
			err = 0;
			continue;
		}
		if (!err && at + 1 < cfi->entries.len) {
			uint64_t next = cfi->image->base + cfi->entries.data[at + 1].start;

			fde.end = next > fde.start && next < fde.end ? next : fde.end;
		}
		err = err ?: cfi_run(cie, &cfi->place, &fde, rows);
	}
	if (err == -E2BIG) /* nothing is known from here on */
		rows->data[rows->len - 1].rule = (struct unwind_rule){ .kind = UNWIND_NONE };
	else if (err)
		return err;
	err = fill_gaps(cfi,
			at < cfi->entries.len ? cfi->image->base + cfi->entries.data[at].start
					      : UINT64_MAX,
			rows);
	tidy(rows, start, end);
	return err;
}

/* Bytes like those by which a CFA becomes one of rbx. */
static bool may_name_bx(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i + 1 < len; i++)
		if ((bytes[i] == DW_CFA_def_cfa || bytes[i] == DW_CFA_def_cfa_register) &&
		    bytes[i + 1] == UNWIND_BX)
			return true;
	return false;
}

/* Frames that are found by rbx have a caller only where rbx is followed through all that they call.  That
 * takes more rules, so it is done where it is needed: the dynamic loader resolves symbols so, and calls
 * nothing but itself.  Its section has 13 KB.
 */
static int look_for_bx(struct cfi *cfi)
{
	struct cfi_rows rows = { 0 };
	const uint8_t *bytes;
	int err;

	if (cfi->place.machine != EM_X86_64 || cfi->bytes > BX_MAX_BYTES ||
	    fetch(cfi, 0, cfi->bytes, &bytes) || !may_name_bx(bytes, cfi->bytes))
		return 0;
	err = cfi_rows(cfi, cfi->image->base, cfi->image->base + UINT32_MAX, &rows);
	for (size_t i = 0; !err && i < rows.len; i++)
		if (rows.data[i].rule.kind == UNWIND_OTHER &&
		    unwind_other(rows.data[i].rule.saved) == UNWIND_BX)
			cfi->place.follows_bx = true;
	vec_done(&rows);
	return err == -ENOMEM ? err : 0;
}

int cfi_open(const struct image *image, struct cfi **ret_cfi)
{
	own(cfi_closep) struct cfi *cfi = NULL;
	int err;

	if (!image->is_64 || (image->machine != EM_X86_64 && image->machine != EM_AARCH64))
		return -ENOTSUP;
	cfi = calloc(1, sizeof(*cfi));
	if (!cfi)
		return -ENOMEM;
	cfi->image = image;
	cfi->work_left = CFI_MAX_OPEN_WORK;
	for (size_t i = 0; i < CIE_SLOTS; i++)
		cfi->cies[i].offset = UINT64_MAX;
	err = open_section(cfi, ".eh_frame", false);
	if (!err) {
		err = read_header(cfi);
		if (err == -ENOENT)
			err = scan(cfi);
	}
	if (!err && !cfi->entries.len)
		err = -ENOENT;
	if (err == -ENOENT) {
		err = open_section(cfi, ".debug_frame", true);
		err = err ?: scan(cfi);
		if (!err && !cfi->entries.len)
			err = -ENOENT;
	}
	if (err)
		return err;
	sort_entries(cfi);
	cfi->bare = bare_code_find(image);
	err = look_for_bx(cfi);
	if (err)
		return err;
	*ret_cfi = take(cfi);
	return 0;
}
