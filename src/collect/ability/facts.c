/* SPDX-License-Identifier: MIT */
/* facts.c - what kymo's programs expect of the kernel, compared with the kernel's own BTF.
 *
 * The list is made by tools/kernel-facts from the compiled programs: the fields, types, enumerators,
 * tracepoints, iterators and functions that they name.  A program x-old is x for other kernels: one of
 * the two is enough.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collect/ability/lab.h"
#include "collect/kernel_btf.h"

#define NAME_MAX_BYTES 128
#define DEPTH_MAX      32
#define OLD            "-old"

enum fact_kind {
	FIELD,
	TYPE,
	VALUE,
	TRACEPOINT,
	ITERATOR,
	FUNCTION
};

struct fact {
	enum fact_kind kind;
	const char *name;   /* of a type, tracepoint, iterator or function */
	const char *member; /* "a.b" of a struct, or an enumerator */
	const char *users;  /* programs */
	bool is_optional;
};

static const struct fact facts[] = {
#define FACT(...) { __VA_ARGS__ },
#include "collect/ability/facts.inc"
#undef FACT
};

/* The type behind names, qualifiers and dimensions. */
static const struct btf_type *plain(const struct btf *btf, uint32_t id)
{
	const struct btf_type *type = btf__type_by_id(btf, id);

	for (int depth = 0; type && depth < DEPTH_MAX; depth++) {
		if (btf_is_array(type))
			type = btf__type_by_id(btf, btf_array(type)->type);
		else if (btf_is_mod(type) || btf_is_typedef(type))
			type = btf__type_by_id(btf, type->type);
		else
			break;
	}
	return type;
}

/* "a.b": member a, and in its type b.  Unnamed members are looked into. */
static bool has_member(const struct btf *btf, const struct btf_type *type, const char *path,
		       int depth)
{
	size_t len = strcspn(path, ".");

	if (!*path)
		return true;
	if (!type || !btf_is_composite(type) || depth > DEPTH_MAX)
		return false;
	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		const struct btf_member *member = &btf_members(type)[i];
		const char *name = btf__name_by_offset(btf, member->name_off);
		const struct btf_type *inner = plain(btf, member->type);

		if (!*name && has_member(btf, inner, path, depth + 1))
			return true;
		if (strncmp(name, path, len) == 0 && !name[len])
			return has_member(btf, inner, path + len + (path[len] == '.'), depth + 1);
	}
	return false;
}

static bool has_value(const struct btf *btf, const struct btf_type *type, const char *value)
{
	if (!type || !btf_is_any_enum(type))
		return false;
	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		uint32_t name = btf_is_enum(type) ? btf_enum(type)[i].name_off
						  : btf_enum64(type)[i].name_off;

		if (strcmp(btf__name_by_offset(btf, name), value) == 0)
			return true;
	}
	return false;
}

/* A name may stand for several types; one of them is enough. */
static bool has_type(const struct btf *btf, const struct fact *fact)
{
	for (uint32_t id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);

		if (strcmp(btf__name_by_offset(btf, type->name_off), fact->name) != 0 ||
		    btf_is_func(type) || btf_is_fwd(type) || btf_is_var(type))
			continue;
		type = plain(btf, id);
		if (fact->kind == VALUE ? has_value(btf, type, fact->member)
					: has_member(btf, type, fact->member, 0))
			return true;
	}
	return false;
}

static bool has_named(const struct btf *btf, const char *prefix, const char *name, uint32_t kind)
{
	char full[NAME_MAX_BYTES];

	snprintf(full, sizeof(full), "%s%s", prefix, name);
	return btf__find_by_name_kind(btf, full, kind) > 0;
}

static bool is_true(const struct btf *btf, const struct fact *fact)
{
	switch (fact->kind) {
	case TRACEPOINT:
		return has_named(btf, "btf_trace_", fact->name, BTF_KIND_TYPEDEF);
	case ITERATOR:
		return has_named(btf, "bpf_iter_", fact->name, BTF_KIND_FUNC);
	case FUNCTION:
		return has_named(btf, "", fact->name, BTF_KIND_FUNC);
	default:
		return has_type(btf, fact);
	}
}

/* The program that stands in for the only user of a fact; "" if there is none. */
static void other_of(const struct fact *fact, char *other, size_t size)
{
	size_t len = strlen(fact->users), old = sizeof(OLD) - 1;

	other[0] = '\0';
	if (strchr(fact->users, ','))
		return;
	if (len > old && strcmp(fact->users + len - old, OLD) == 0)
		snprintf(other, size, "%.*s", (int)(len - old), fact->users);
	else
		snprintf(other, size, "%s" OLD, fact->users);
}

static bool is_used_by(const struct fact *fact, const char *program)
{
	const char *at = fact->users;
	size_t len = strlen(program);

	for (; *at; at += strspn(at, ", ")) {
		size_t word = strcspn(at, ",");

		if (word == len && strncmp(at, program, len) == 0)
			return true;
		at += word;
	}
	return false;
}

/* Whether the program for other kernels does here what this fact is missing for. */
static bool is_made_up_for(const struct btf *btf, const struct fact *missing)
{
	char other[NAME_MAX_BYTES];
	bool is_there = false;

	other_of(missing, other, sizeof(other));
	for (size_t i = 0; *other && i < array_len(facts); i++) {
		if (!is_used_by(&facts[i], other))
			continue;
		is_there = true;
		if (!facts[i].is_optional && !is_true(btf, &facts[i]))
			return false;
	}
	return is_there;
}

/* "task_struct.mm (cpu/tick)" */
static int describe(const struct fact *fact, char **ret_text)
{
	static const char *const words[] = {
		[FIELD] = "",
		[TYPE] = "type ",
		[VALUE] = "enum ",
		[TRACEPOINT] = "tracepoint ",
		[ITERATOR] = "iterator ",
		[FUNCTION] = "function ",
	};
	char *text;

	if (asprintf(&text, "%s%s%s%s (%s)", words[fact->kind], fact->name,
		     *fact->member ? "." : "", fact->member, fact->users) < 0)
		return -ENOMEM;
	*ret_text = text;
	return 0;
}

static int keep(struct lab *lab, const struct fact *fact)
{
	char *text;
	int err = describe(fact, &text);

	if (err)
		return err;
	err = fact->is_optional || is_made_up_for(lab->btf, fact) ? vec_push(&lab->unused, text)
								  : vec_push(&lab->missing, text);
	if (err)
		free(text);
	return err;
}

void try_kernel_fields(struct lab *lab, struct ability_result *result)
{
	int err = lab_btf(lab);

	if (err) {
		found_absent(result, err, "cannot compare: " KERNEL_BTF " cannot be read (%s)",
			     error_name(err));
		return;
	}
	lab_forget_facts(lab);
	for (size_t i = 0; !err && i < array_len(facts); i++)
		if (!is_true(lab->btf, &facts[i]))
			err = keep(lab, &facts[i]);
	if (err)
		found_absent(result, err, "cannot compare (%s)", error_name(err));
	else if (lab->missing.len)
		found_degraded(result, "%zu of %zu facts are missing, the first: %s",
			       lab->missing.len, array_len(facts), lab->missing.data[0]);
	else if (lab->unused.len)
		found_works(result, "%zu of %zu, the rest is optional",
			    array_len(facts) - lab->unused.len, array_len(facts));
	else
		found_works(result, "all %zu", array_len(facts));
}
