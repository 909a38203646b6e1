/* SPDX-License-Identifier: MIT */
#include "report/flame.h"

#include <string.h>
#include <sys/mman.h>

#include "report/names.h"

#define UNNAMED    0x100  /* in a key, beside the kind */
#define LARGE      65536  /* nodes */
#define PAGE_BYTES 65536u /* what madvise() wants an address to be a multiple of */
#define FEW        8      /* children of a node are looked through, one by one */

/* Where the stacks of the profile lie in the tree of the task name at hand. */
struct place {
	uint32_t task; /* node of the task name that `node` is valid for, + 1; 0: none yet */
	uint32_t node;
};

struct build {
	struct flame *flame;
	struct place *places; /* by stack */
	uint32_t *order;      /* entries, those of one task name together */
	vec(uint32_t) path;   /* stacks still to enter, leaf first */
};

static bool node_same(const void *owner, uint32_t entry, const void *key)
{
	const struct flame_node *have = &((const struct flame *)owner)->nodes.data[entry],
				*node = key;

	return have->parent == node->parent && have->function == node->function;
}

static uint64_t node_hash(const struct flame_node *node)
{
	return hash_mix(1, (uint64_t)node->parent << 32 | node->function);
}

/* Most nodes have one child: the index, which is far from all else in memory, is for those that have many. */
static uint32_t find_child(const struct flame *flame, const struct flame_node *node)
{
	const struct flame_node *parent = &flame->nodes.data[node->parent];
	uint32_t child = parent->first_child;

	if (parent->few > FEW)
		return index_find(&flame->node_index, node_hash(node), node_same, flame, node);
	while (child && flame->nodes.data[child].function != node->function)
		child = flame->nodes.data[child].next;
	return child ?: INDEX_NONE;
}

/* After a child was added: all of them, once they are many. */
static int index_children(struct flame *flame, uint32_t parent)
{
	struct flame_node *above = &flame->nodes.data[parent];
	bool are_many = above->few > FEW;
	int err = 0;

	if (!are_many && ++above->few <= FEW)
		return 0;
	for (uint32_t child = above->first_child; !err && child;
	     child = are_many ? 0 : flame->nodes.data[child].next)
		err = index_add(&flame->node_index, node_hash(&flame->nodes.data[child]), child);
	return err;
}

static int add_child(struct flame *flame, uint32_t parent, uint32_t function, bool is_inlined,
		     uint32_t *ret_node)
{
	struct flame_node node = { .parent = parent,
				   .function = function,
				   .is_inlined = is_inlined };
	uint32_t id = find_child(flame, &node);
	int err;

	if (id != INDEX_NONE) {
		flame->nodes.data[id].is_inlined &= is_inlined;
		*ret_node = id;
		return 0;
	}
	if (flame->nodes.len >= INDEX_NONE - 1)
		return -ENOMEM;
	id = (uint32_t)flame->nodes.len;
	node.depth = flame->nodes.data[parent].depth + 1;
	node.next = flame->nodes.data[parent].first_child;
	err = vec_push(&flame->nodes, node);
	if (err)
		return err;
	flame->nodes.data[parent].first_child = id;
	err = index_children(flame, parent);
	if (err)
		return err;
	if (flame->depth < node.depth)
		flame->depth = node.depth;
	*ret_node = id;
	return 0;
}

static int add_function(struct flame *flame, const struct name *name, uint8_t kind,
			uint32_t *ret_function)
{
	struct flame_function function = {
		.name = name->function, .module = name->module, .source = name->source, .kind = kind
	};
	const char *text = profile_text(flame->profile, name->function);
	bool is_unnamed = name->is_address && name->module && !flame->by_text;
	struct key key;
	uint32_t id;
	int err;

	if (text[0] == '[' && strcmp(text, UNKNOWN_NAME) == 0)
		function.name = 0;
	if (flame->by_text && kind != FLAME_TASK) {
		function.module = 0;
		function.kind = kind == FRAME_KERNEL ? FRAME_KERNEL : FRAME_USER;
	}
	key = (struct key){ { is_unnamed ? 0 : function.name, function.module,
			      function.kind | (is_unnamed ? UNNAMED : 0) } };
	err = keys_add(&flame->function_keys, &key, &id);
	if (!err && id == flame->functions.len)
		err = vec_push(&flame->functions, function);
	if (err)
		return err;
	flame->functions.data[id].is_many |= flame->functions.data[id].name != function.name;
	if (!flame->functions.data[id].source)
		flame->functions.data[id].source = function.source;
	*ret_function = id;
	return 0;
}

/* The function of a name, looked up once per name: a name belongs to one frame, so to one kind. */
static int name_function(struct flame *flame, const struct name *name, bool is_spare, uint8_t kind,
			 uint32_t *ret_function)
{
	uint32_t *known;
	int err;

	if (is_spare)
		return add_function(flame, name, kind, ret_function);
	known = &flame->name_functions[name - flame->profile->names.data];
	if (!*known) {
		err = add_function(flame, name, kind, known);
		if (err)
			return err;
		(*known)++;
	}
	*ret_function = *known - 1;
	return 0;
}

static int add_frame(struct flame *flame, uint32_t parent, const struct frame *frame,
		     uint32_t *ret_node)
{
	const struct name *names;
	struct name spare;
	uint32_t count = names_of(flame->profile, frame, &spare, &names);
	int err = 0;

	for (uint32_t i = 0; i < count && !err; i++) {
		uint32_t function;

		err = name_function(flame, &names[i], names == &spare, frame->kind, &function);
		err = err ?: add_child(flame, parent, function, names[i].is_inlined, &parent);
	}
	if (!err)
		*ret_node = parent;
	return err;
}

/* A stack that nothing was recorded of still needs a node, or its time would be the task's own. */
static int add_unknown(struct flame *flame, uint32_t task, uint32_t *ret_node)
{
	static const struct frame nothing = { .kind = FRAME_UNKNOWN };

	return add_frame(flame, task, &nothing, ret_node);
}

/* The node of a stack: up to the nearest caller that has one, then down again. */
static int add_stack(struct build *build, uint32_t task, uint32_t stack, uint32_t *ret_node)
{
	const struct profile *profile = build->flame->profile;
	uint32_t node = task;
	int err = 0;

	if (!stack)
		return add_unknown(build->flame, task, ret_node);
	build->path.len = 0;
	for (; stack; stack = profile->stacks.data[stack].parent) {
		if (build->places[stack].task == task + 1) {
			node = build->places[stack].node;
			break;
		}
		err = vec_push(&build->path, stack);
		if (err)
			return err;
	}
	while (build->path.len > 0 && !err) {
		stack = build->path.data[--build->path.len];
		err = add_frame(build->flame, node,
				&profile->frames.data[profile->stacks.data[stack].frame], &node);
		build->places[stack] = (struct place){ task + 1, node };
	}
	if (!err)
		*ret_node = node;
	return err;
}

/* The node of an entry's task name, made where it is new. */
static int entry_task(struct flame *flame, const struct entry *entry, uint32_t *ret_node)
{
	const struct profile *profile = flame->profile;
	struct name name = { .function = profile->tasks.data[entry->task].name };
	uint32_t function;
	int err;

	*ret_node = 0;
	if (!flame->by_task)
		return 0;
	err = add_function(flame, &name, FLAME_TASK, &function);
	return err ?: add_child(flame, 0, function, false, ret_node);
}

/* Entries of one task name together (a counting sort), so that places[] serves one name at a time.
 * The nodes of the task names are the first ones: 1 .. how many there are.
 */
static int order_entries(struct build *build)
{
	struct flame *flame = build->flame;
	size_t count = flame->profile->entries.len, start = 0;
	own(freep) uint32_t *task = NULL;
	own(freep) size_t *starts = NULL;
	int err;

	task = calloc(count + 1, sizeof(*task));
	build->order = calloc(count + 1, sizeof(*build->order));
	if (!task || !build->order)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		err = entry_task(flame, &flame->profile->entries.data[i], &task[i]);
		if (err)
			return err;
	}
	starts = calloc(flame->nodes.len, sizeof(*starts));
	if (!starts)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		starts[task[i]]++;
	for (size_t i = 0; i < flame->nodes.len; i++) {
		size_t here = starts[i];

		starts[i] = start;
		start += here;
	}
	for (size_t i = 0; i < count; i++)
		build->order[starts[task[i]]++] = (uint32_t)i;
	return 0;
}

/* Children have higher numbers than their parents: one pass from the end adds everything up. */
static void add_up(struct flame *flame)
{
	for (size_t i = flame->nodes.len; i-- > 0;) {
		struct flame_node *node = &flame->nodes.data[i],
				  *parent = &flame->nodes.data[node->parent];

		node->samples += node->self_samples;
		node->ns += node->self_ns;
		if (i > 0) {
			parent->samples += node->samples;
			parent->ns += node->ns;
		}
	}
}

static int build_tree(struct build *build)
{
	struct flame *flame = build->flame;
	const struct profile *profile = flame->profile;
	int err = order_entries(build);

	for (size_t i = 0; i < profile->entries.len && !err; i++) {
		const struct entry *entry = &profile->entries.data[build->order[i]];
		uint32_t task, node;

		err = entry_task(flame, entry, &task);
		err = err ?: add_stack(build, task, entry->stack, &node);
		if (err)
			break;
		flame->nodes.data[node].self_samples += entry->samples;
		flame->nodes.data[node].self_ns += entry->weight_ns;
	}
	if (!err)
		add_up(flame);
	return err;
}

static int name_many(struct flame *flame)
{
	vec_each(function, &flame->functions) {
		const char *module = profile_text(flame->profile, function->module);
		size_t len = strlen(module);

		if (!function->is_many)
			continue;
		if (len > 1 && module[0] == '[') { /* "[jit]" */
			module++;
			len -= 2;
		}
		if (asprintf(&function->text, "[%.*s+\xe2\x80\xa6]", (int)len, module) < 0) {
			function->text = NULL;
			return -ENOMEM;
		}
	}
	return 0;
}

/* About as many nodes as there are stacks, and more where tasks have some in common.  Each page that is new costs
 * as much as dozens of nodes on a virtual machine, so large ones are asked for.
 */
static int reserve_nodes(struct flame *flame)
{
	size_t count = flame->profile->stacks.len * 2;
	uintptr_t start, end;
	int err = vec_reserve(&flame->nodes, count);

	if (err || count < LARGE)
		return err;
	start = (uintptr_t)flame->nodes.data + PAGE_BYTES - 1;
	start -= start % PAGE_BYTES;
	end = (uintptr_t)(flame->nodes.data + flame->nodes.cap);
	madvise((void *)start, end - start, MADV_HUGEPAGE); /* or not */
	return 0;
}

int flame_build(struct flame *flame, const struct profile *profile, bool by_task, bool by_text)
{
	struct build build = { .flame = flame };
	int err;

	*flame = (struct flame){ .profile = profile, .by_task = by_task, .by_text = by_text };
	build.places = calloc(profile->stacks.len, sizeof(*build.places));
	flame->name_functions = calloc(profile->names.len + 1, sizeof(*flame->name_functions));
	if (!build.places || !flame->name_functions)
		err = -ENOMEM;
	else
		err = vec_push(&flame->nodes, { 0 });
	err = err ?: reserve_nodes(flame);
	err = err ?: build_tree(&build);
	err = err ?: name_many(flame);
	free(build.places);
	free(build.order);
	vec_done(&build.path);
	free(flame->name_functions);
	flame->name_functions = NULL;
	keys_done(&flame->function_keys);
	index_done(&flame->node_index);
	return err;
}

void flame_done(struct flame *flame)
{
	vec_each(function, &flame->functions)
		free(function->text);
	vec_done(&flame->nodes);
	vec_done(&flame->functions);
}

const char *flame_function_text(const struct flame *flame, const struct flame_function *function)
{
	return function->text ?: names_text(flame->profile, function->name);
}

const char *flame_text(const struct flame *flame, uint32_t node)
{
	const struct flame_node *at = &flame->nodes.data[node];

	return flame_function_text(flame, &flame->functions.data[at->function]);
}

uint32_t flame_next(const struct flame *flame, uint32_t node)
{
	const struct flame_node *nodes = flame->nodes.data;

	if (nodes[node].first_child)
		return nodes[node].first_child;
	while (node && !nodes[node].next)
		node = nodes[node].parent;
	return node ? nodes[node].next : 0;
}

static bool stands_before(const struct flame *flame, enum flame_order order, uint32_t a, uint32_t b)
{
	const struct flame_function *f = &flame->functions.data[flame->nodes.data[a].function],
				    *g = &flame->functions.data[flame->nodes.data[b].function];
	uint64_t a_weight = flame_weight(flame, a), b_weight = flame_weight(flame, b);
	int by_text;

	if (order == FLAME_BY_WEIGHT && a_weight != b_weight)
		return a_weight > b_weight;
	by_text = strcmp(flame_text(flame, a), flame_text(flame, b))
			  ?: strcmp(profile_text(flame->profile, f->module),
				    profile_text(flame->profile, g->module));
	return by_text ? by_text < 0 : f->kind < g->kind;
}

static uint32_t merge_lists(struct flame *flame, enum flame_order order, uint32_t a, uint32_t b)
{
	uint32_t head = 0, *tail = &head;

	while (a && b) {
		uint32_t *first = stands_before(flame, order, b, a) ? &b : &a;

		*tail = *first;
		tail = &flame->nodes.data[*first].next;
		*first = *tail;
	}
	*tail = a ?: b;
	return head;
}

/* Merge sort of a list of siblings; bins[i] holds a sorted run of 2^i nodes. */
static uint32_t sort_list(struct flame *flame, enum flame_order order, uint32_t list)
{
	uint32_t bins[32] = { 0 }, sorted = 0;
	size_t used = 0;

	while (list) {
		uint32_t run = list;
		size_t i = 0;

		list = flame->nodes.data[run].next;
		flame->nodes.data[run].next = 0;
		for (; bins[i]; i++) {
			run = merge_lists(flame, order, bins[i], run);
			bins[i] = 0;
		}
		bins[i] = run;
		used = used > i ? used : i;
	}
	for (size_t i = 0; i <= used; i++)
		sorted = merge_lists(flame, order, bins[i], sorted);
	return sorted;
}

void flame_sort(struct flame *flame, enum flame_order order)
{
	vec_each(node, &flame->nodes)
		if (node->first_child && flame->nodes.data[node->first_child].next)
			node->first_child = sort_list(flame, order, node->first_child);
}

/* How many nodes hang from each node, itself counted. */
static uint32_t count_below(const struct flame *flame, uint32_t top)
{
	uint32_t count = 0, node = top;

	for (;;) {
		count += 1 + flame->nodes.data[node].cut_nodes;
		if (flame->nodes.data[node].first_child) {
			node = flame->nodes.data[node].first_child;
			continue;
		}
		while (node != top && !flame->nodes.data[node].next)
			node = flame->nodes.data[node].parent;
		if (node == top)
			return count;
		node = flame->nodes.data[node].next;
	}
}

static void trim_children(struct flame *flame, struct flame_node *node, double least)
{
	uint32_t *link = &node->first_child;

	while (*link) {
		struct flame_node *child = &flame->nodes.data[*link];

		if ((double)flame_weight(flame, *link) >= least) {
			link = &child->next;
			continue;
		}
		node->cut_samples += child->samples;
		node->cut_ns += child->ns;
		node->cut_nodes += count_below(flame, *link);
		node->cut_children++;
		*link = child->next;
	}
}

void flame_trim(struct flame *flame, double min_share_pct)
{
	double least = min_share_pct / 100 * (double)flame_weight(flame, 0);
	uint32_t node = 0;

	flame->depth = 0;
	do {
		struct flame_node *at = &flame->nodes.data[node];

		trim_children(flame, at, least);
		if (flame->depth < at->depth)
			flame->depth = at->depth;
		node = flame_next(flame, node);
	} while (node);
}
