/* SPDX-License-Identifier: MIT */
#include "elf/functions.h"

#include <fnmatch.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "elf/demangle.h"
#include "elf/gopclntab.h"
#include "elf/symbols.h"

#define GLOB_SIGNS "*?["
#define COLD       ".cold"
#define NAME_BYTES SYMBOL_NAME_BYTES

/* A name in the forms that a pattern is compared with. */
struct spelling {
	char plain[NAME_BYTES];     /* without version and clone */
	char demangled[NAME_BYTES]; /* "": it is not mangled */
	bool is_part;               /* not the whole function */
};

static const char *const clones[] = { ".constprop.", ".isra.", ".lto_priv.", ".llvm." };

static void spell(const char *name, struct spelling *spelling)
{
	char *cut;

	snprintf(spelling->plain, sizeof(spelling->plain), "%s", name);
	spelling->is_part = strstr(name, COLD) != NULL || strstr(name, ".part.") != NULL;
	cut = strchr(spelling->plain + (*name != 0), '@');
	if (cut)
		*cut = '\0';
	for (size_t i = 0; i < array_len(clones); i++) {
		cut = strstr(spelling->plain, clones[i]);
		if (cut)
			*cut = '\0';
	}
	if (!demangle(spelling->plain, spelling->demangled, sizeof(spelling->demangled)))
		spelling->demangled[0] = '\0';
}

enum match {
	MATCH_NONE,
	MATCH_GLOB,
	MATCH_EXACT
};

static enum match match_of(const char *pattern, const char *symbol, const struct spelling *spelling)
{
	if (strcmp(pattern, symbol) == 0 || strcmp(pattern, spelling->plain) == 0 ||
	    strcmp(pattern, spelling->demangled) == 0)
		return MATCH_EXACT;
	if (strpbrk(pattern, GLOB_SIGNS) &&
	    (fnmatch(pattern, spelling->plain, 0) == 0 ||
	     (spelling->demangled[0] && fnmatch(pattern, spelling->demangled, 0) == 0)))
		return MATCH_GLOB;
	return MATCH_NONE;
}

struct finding {
	const struct image *image, *mini;
	const char *pattern;
	char word[NAME_BYTES]; /* that stands in every matching name, mangled or not; "": none */
	struct functions *functions;
	size_t first; /* the first that this search has found */
	struct index by_symbol;
	struct image_range go; /* the code that Go's own table tells of */
	bool has_exact, has_cold;
	/* functions_nearest() */
	char *nearest;
	size_t nearest_size, least;
};

const char *functions_text(const struct functions *functions, uint32_t name)
{
	return functions->text.data + name;
}

void functions_done(struct functions *functions)
{
	vec_done(&functions->list);
	vec_done(&functions->text);
}

/* The longest run of letters outside of globs: it spares demangling names that cannot match. */
static void find_word(const char *pattern, char *word)
{
	size_t best = 0;

	word[0] = '\0';
	if (strchr(pattern, '['))
		return;
	while (*pattern) {
		size_t len = 0;

		while (pattern[len] == '_' || (pattern[len] >= '0' && pattern[len] <= '9') ||
		       ((pattern[len] | 32) >= 'a' && (pattern[len] | 32) <= 'z'))
			len++;
		if (len > best && len < NAME_BYTES) {
			memcpy(word, pattern, len);
			word[len] = '\0';
			best = len;
		}
		pattern += len ? len : 1;
	}
	/* "operator" and the like are mangled otherwise. */
	if (best < 3 || strncmp(word, "operator", 8) == 0)
		word[0] = '\0';
}

static int add_text(struct functions *functions, const char *text, uint32_t *ret)
{
	size_t len = strlen(text) + 1;

	if (functions->text.len + len > FUNCTIONS_MAX_TEXT)
		return -E2BIG;
	if (vec_reserve(&functions->text, len))
		return -ENOMEM;
	*ret = (uint32_t)functions->text.len;
	memcpy(functions->text.data + functions->text.len, text, len);
	functions->text.len += len;
	return 0;
}

static bool same_symbol(const void *owner, uint32_t entry, const void *key)
{
	const struct functions *functions = owner;

	return strcmp(functions_text(functions, functions->list.data[entry].symbol), key) == 0;
}

static uint64_t symbol_hash(const char *symbol)
{
	return hash_bytes(symbol, strlen(symbol), 0);
}

static int keep(struct finding *finding, const char *symbol, const struct spelling *spelling,
		struct function function)
{
	struct functions *functions = finding->functions;
	int err;

	if (functions->list.len >= FUNCTIONS_MAX) {
		functions->dropped++;
		return 0;
	}
	err = add_text(functions, symbol, &function.symbol);
	err = err
		      ?: add_text(functions,
				  spelling->demangled[0] ? spelling->demangled : spelling->plain,
				  &function.name);
	if (err == -E2BIG) {
		functions->dropped++;
		return 0;
	}
	err = err ?: vec_push(&functions->list, function);
	return err
		       ?: index_add(&finding->by_symbol, symbol_hash(symbol),
				    (uint32_t)functions->list.len - 1);
}

static int see(struct finding *finding, const char *symbol, struct image_range body, bool is_go)
{
	struct spelling spelling;
	enum match match;

	finding->has_cold |= strstr(symbol, COLD) != NULL;
	if (!strstr(symbol, finding->word))
		return 0;
	if (is_go) {
		snprintf(spelling.plain, sizeof(spelling.plain), "%s", symbol);
		spelling.demangled[0] = '\0';
		spelling.is_part = false;
	} else {
		spell(symbol, &spelling);
	}
	match = match_of(finding->pattern, symbol, &spelling);
	if (match == MATCH_NONE || (spelling.is_part && match != MATCH_EXACT))
		return 0;
	finding->has_exact |= match == MATCH_EXACT;
	return keep(finding, symbol, &spelling,
		    (struct function){
			    .body = body,
			    .is_go = is_go,
			    .is_exact = match == MATCH_EXACT,
		    });
}

static int see_symbol(void *context, const struct symbol *symbol)
{
	struct finding *finding = context;
	struct spelling spelling;

	if (symbol->address >= finding->go.start && symbol->address < finding->go.end)
		return 0;
	if (symbol->is_resolver) {
		spell(symbol->name, &spelling);
		finding->functions->resolvers +=
			match_of(finding->pattern, symbol->name, &spelling) != MATCH_NONE;
		return 0;
	}
	return see(finding, symbol->name,
		   (struct image_range){ symbol->address, symbol->address + symbol->size }, false);
}

static int see_go(void *context, const struct go_function *function)
{
	struct finding *finding = context;

	if (!finding->go.end || function->start < finding->go.start)
		finding->go.start = function->start;
	if (function->end > finding->go.end)
		finding->go.end = function->end;
	return see(finding, function->name, (struct image_range){ function->start, function->end },
		   true);
}

static int see_text(void *context, const struct symbol *symbol)
{
	if (strcmp(symbol->name, "runtime.text") == 0)
		*(uint64_t *)context = symbol->address;
	return 0;
}

/* Hands every function to @go or @other. */
static int each_function(struct finding *finding, go_function_fn *go, symbol_fn *other)
{
	uint64_t text = 0;
	int err = 0;

	if (gopclntab_has(finding->image)) {
		err = symbols_each(finding->image, NULL, finding->mini, see_text, &text);
		err = err ?: gopclntab_each(finding->image, text, go, finding);
	}
	return err ?: symbols_each(finding->image, NULL, finding->mini, other, finding);
}

/* NAME.cold and NAME.cold.3 belong to NAME. */
static int see_cold(void *context, const struct symbol *symbol)
{
	struct finding *finding = context;
	const char *end = strstr(symbol->name, COLD);
	char name[NAME_BYTES];
	uint32_t entry;

	if (!end || (size_t)(end - symbol->name) >= sizeof(name) || !symbol->size)
		return 0;
	snprintf(name, sizeof(name), "%.*s", (int)(end - symbol->name), symbol->name);
	entry = index_find(&finding->by_symbol, symbol_hash(name), same_symbol, finding->functions,
			   name);
	if (entry != INDEX_NONE)
		finding->functions->list.data[entry].cold =
			(struct image_range){ symbol->address, symbol->address + symbol->size };
	return 0;
}

/* By address; of one address first the name that was asked for, and one with a length. */
static int compare(const void *a, const void *b)
{
	const struct function *left = a, *right = b;

	if (left->body.start != right->body.start)
		return left->body.start < right->body.start ? -1 : 1;
	if (left->is_exact != right->is_exact)
		return left->is_exact ? -1 : 1;
	if (left->body.end != right->body.end)
		return left->body.end > right->body.end ? -1 : 1;
	return left->symbol < right->symbol ? -1 : left->symbol > right->symbol;
}

static void settle(struct finding *finding)
{
	struct functions *functions = finding->functions;
	size_t kept = 0;

	if (finding->has_exact)
		for (size_t i = 0; i < functions->list.len; i++)
			if (functions->list.data[i].is_exact)
				functions->list.data[kept++] = functions->list.data[i];
	if (finding->has_exact)
		functions->list.len = kept;
	if (functions->list.len)
		qsort(functions->list.data, functions->list.len, sizeof(*functions->list.data),
		      compare);
	kept = 0;
	for (size_t i = 0; i < functions->list.len; i++)
		if (!kept ||
		    functions->list.data[kept - 1].body.start != functions->list.data[i].body.start)
			functions->list.data[kept++] = functions->list.data[i];
	functions->list.len = kept;
}

int functions_find(const struct image *image, const struct image *mini, const char *pattern,
		   struct functions *functions)
{
	struct finding finding = {
		.image = image,
		.mini = mini,
		.pattern = pattern,
		.functions = functions,
	};
	int err;

	functions_done(functions);
	*functions = (struct functions){ 0 };
	find_word(pattern, finding.word);
	err = each_function(&finding, see_go, see_symbol);
	if (!err && finding.has_cold && functions->list.len)
		err = symbols_each(image, NULL, mini, see_cold, &finding);
	if (!err)
		settle(&finding);
	index_done(&finding.by_symbol);
	return err;
}

/* What stands behind the last '.' or ':' of a name that is not in brackets. */
static const char *last_part(const char *name)
{
	const char *part = name;

	for (const char *at = name; *at && *at != '(' && *at != '<'; at++)
		if ((*at == '.' || *at == ':') && at[1])
			part = at + 1;
	return part;
}

static void consider(struct finding *finding, const char *name)
{
	const char *forms[] = { name, last_part(name) };

	for (size_t i = 0; i < array_len(forms); i++) {
		size_t len = strlen(forms[i]), wanted = strlen(finding->pattern), distance;

		if (len > wanted + finding->least || wanted > len + finding->least)
			continue;
		distance = text_distance(forms[i], finding->pattern) + i;
		if (distance >= finding->least)
			continue;
		finding->least = distance;
		snprintf(finding->nearest, finding->nearest_size, "%s", name);
	}
}

static int near_symbol(void *context, const struct symbol *symbol)
{
	struct spelling spelling;

	spell(symbol->name, &spelling);
	if (!spelling.is_part)
		consider(context, spelling.demangled[0] ? spelling.demangled : spelling.plain);
	return 0;
}

static int near_go(void *context, const struct go_function *function)
{
	consider(context, function->name);
	return 0;
}

bool functions_nearest(const struct image *image, const struct image *mini, const char *word,
		       char *text, size_t size)
{
	struct finding finding = {
		.image = image,
		.mini = mini,
		.pattern = word,
		.nearest = text,
		.nearest_size = size,
		.least = strlen(word) / 3 + 2,
	};
	size_t least = finding.least;

	return each_function(&finding, near_go, near_symbol) == 0 && finding.least < least;
}
