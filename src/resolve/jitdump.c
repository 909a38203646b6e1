/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <unistd.h>

#include "resolve/jit.h"

#define MAGIC     0x4a695444u
#define VERSION   1u
#define CODE_LOAD 0u
#define CODE_MOVE 1u

struct header {
	uint32_t magic, version, bytes, machine, pad, pid;
	uint64_t timestamp, flags;
};

struct record {
	uint32_t kind, bytes;
	uint64_t timestamp;
};

struct code_load {
	struct record record;
	uint32_t pid, tid;
	uint64_t vma, address, bytes, index;
	/* name, closed by NUL; then the code */
};

struct code_move {
	struct record record;
	uint32_t pid, tid;
	uint64_t vma, old_address, address, bytes, index;
};

struct reader {
	struct jit *jit;
	int fd;
	uint64_t start;   /* of the first record */
	uint32_t records; /* read so far */
	bool has_moved;   /* an address that is asked for has a number and no name yet */
};

/* Return: bytes read, fewer at the end of the file; -errno */
static ssize_t read_at(int fd, void *buffer, size_t len, uint64_t offset)
{
	size_t have = 0;

	while (have < len) {
		ssize_t got = pread(fd, (char *)buffer + have, len - have, (off_t)(offset + have));

		if (got < 0 && errno != EINTR)
			return -errno;
		if (got == 0)
			break;
		have += got > 0 ? (size_t)got : 0;
	}
	return (ssize_t)have;
}

/* Where a name is, without its NUL, at most JIT_NAME_BYTES - 1 of it. */
static ssize_t read_name(const struct reader *reader, const struct code_load *load, uint64_t offset,
			 char name[JIT_NAME_BYTES])
{
	size_t len = load->record.bytes - sizeof(*load);
	ssize_t got = read_at(reader->fd, name, len < JIT_NAME_BYTES ? len : JIT_NAME_BYTES,
			      offset + sizeof(*load));

	return got < 0 ? got : (ssize_t)strnlen(name, (size_t)got);
}

static bool is_asked(const struct jit *jit, uint64_t start, uint64_t bytes)
{
	const struct jit_ask *ask = jit_first(jit, start);

	return ask < jit->asks.data + jit->asks.len && ask->address - start < bytes;
}

static int take_load(struct reader *reader, uint64_t offset)
{
	char name[JIT_NAME_BYTES];
	struct code_load load;
	ssize_t got = read_at(reader->fd, &load, sizeof(load), offset);

	if (got < (ssize_t)sizeof(load) || load.record.bytes < sizeof(load) ||
	    !is_asked(reader->jit, load.address, load.bytes))
		return got < 0 ? (int)got : 0;
	got = read_name(reader, &load, offset, name);
	return got < 0 ? (int)got
		       : jit_name(reader->jit, load.address, load.bytes, name, (size_t)got);
}

static int take_move(struct reader *reader, uint64_t offset)
{
	const struct jit_ask *end = reader->jit->asks.data + reader->jit->asks.len;
	struct code_move move;
	ssize_t got = read_at(reader->fd, &move, sizeof(move), offset);

	if (got < (ssize_t)sizeof(move) || move.record.bytes < sizeof(move))
		return got < 0 ? (int)got : 0;
	for (struct jit_ask *ask = jit_first(reader->jit, move.address);
	     ask < end && ask->address - move.address < move.bytes; ask++) {
		if (!reader->jit->steps--)
			return -E2BIG;
		ask->name = 0; /* what was there before is not there any more */
		ask->moved = move.index;
		ask->has_moved = reader->has_moved = true;
	}
	return 0;
}

/* The second time: the names of what moved are where it was loaded. */
static int take_moved(struct reader *reader, uint64_t offset)
{
	char name[JIT_NAME_BYTES];
	struct code_load load;
	ssize_t got = read_at(reader->fd, &load, sizeof(load), offset);
	int err = 0;

	if (got < (ssize_t)sizeof(load) || load.record.bytes < sizeof(load))
		return got < 0 ? (int)got : 0;
	vec_each(ask, &reader->jit->asks) {
		if (!err && !reader->jit->steps--)
			err = -E2BIG;
		if (err)
			return err;
		if (!ask->has_moved || ask->moved != load.index)
			continue;
		got = read_name(reader, &load, offset, name);
		err = got < 0 ? (int)got
			      : jit_name(reader->jit, ask->address, 1, name, (size_t)got);
	}
	return err;
}

static int read_records(struct reader *reader, bool again)
{
	uint64_t offset = reader->start;
	struct record record;
	int err = 0;

	while (!err) {
		ssize_t got = read_at(reader->fd, &record, sizeof(record), offset);

		if (got < (ssize_t)sizeof(record))
			return got < 0 ? (int)got : 0;
		if (record.bytes < sizeof(record))
			return 0; /* torn or damaged: there is no telling where the next begins */
		if (record.kind == CODE_LOAD)
			err = again ? take_moved(reader, offset) : take_load(reader, offset);
		else if (record.kind == CODE_MOVE && !again)
			err = take_move(reader, offset);
		offset += record.bytes;
		if (++reader->records > JIT_MAX_RECORDS)
			return -E2BIG;
	}
	return err;
}

int jitdump_read(int fd, struct jit *jit)
{
	struct reader reader = { .jit = jit, .fd = fd };
	struct header header;
	ssize_t got = read_at(fd, &header, sizeof(header), 0);
	int err;

	if (got < 0)
		return (int)got;
	if (got < (ssize_t)sizeof(header) || header.magic != MAGIC || header.version != VERSION ||
	    header.bytes < sizeof(header))
		return -EBADMSG;
	reader.start = header.bytes;
	err = read_records(&reader, false);
	reader.records = 0;
	if (!err && reader.has_moved)
		err = read_records(&reader, true);
	if (err == -E2BIG)
		jit_forget(jit);
	return err;
}
