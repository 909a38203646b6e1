/* SPDX-License-Identifier: MIT */
#include "serve/call_tree.h"

#include <errno.h>

static uint32_t count_nodes(const struct flame *flame)
{
	uint32_t count = 0, node = 0;

	do {
		count++;
		node = flame_next(flame, node);
	} while (node);
	return count;
}

double call_tree_trim(struct flame *flame, double min_share_pct)
{
	flame_trim(flame, min_share_pct);
	while (count_nodes(flame) > CALL_TREE_MAX_NODES) {
		min_share_pct = min_share_pct ? min_share_pct * 2 : CALL_TREE_SHARE_PCT / 64;
		flame_trim(flame, min_share_pct);
	}
	return min_share_pct;
}

const char *call_tree_kind(uint8_t kind)
{
	static const char *const names[] = {
		[FRAME_USER] = "user",       [FRAME_KERNEL] = "kernel", [FRAME_JIT] = "jit",
		[FRAME_UNKNOWN] = "unknown", [FRAME_MARK] = "mark",     [FLAME_TASK] = "comm",
	};

	return names[kind];
}

void call_tree_put_functions(struct json *json, const struct flame *flame, const uint32_t *order,
			     uint32_t count)
{
	const struct profile *profile = flame->profile;

	json_array(json, "functions");
	for (uint32_t i = 0; i < count; i++) {
		const struct flame_function *function = &flame->functions.data[order[i]];

		json_object(json, NULL);
		json_text(json, "name", flame_function_text(flame, function));
		json_text(json, "kind", call_tree_kind(function->kind));
		if (function->module)
			json_text(json, "module", profile_text(profile, function->module));
		if (function->source)
			json_text(json, "source", profile_text(profile, function->source));
		json_object_end(json);
	}
	json_array_end(json);
}

static void put_node(struct json *json, const struct flame_node *node, uint32_t parent,
		     uint32_t function)
{
	json_array(json, NULL);
	json_u64(json, NULL, parent);
	json_u64(json, NULL, function);
	json_u64(json, NULL, node->samples);
	json_u64(json, NULL, node->ns);
	json_u64(json, NULL, node->self_samples);
	json_u64(json, NULL, node->self_ns);
	json_u64(json, NULL, node->cut_nodes);
	json_u64(json, NULL, node->cut_ns);
	json_u64(json, NULL, node->is_inlined);
	json_array_end(json);
}

/* Functions and nodes are numbered as they come: what was trimmed has no number. */
int call_tree_put(struct json *json, const struct flame *flame)
{
	own(freep) uint32_t *functions = calloc(flame->functions.len + 1, sizeof(uint32_t));
	own(freep) uint32_t *order = calloc(flame->functions.len + 1, sizeof(uint32_t));
	own(freep) uint32_t *numbers = calloc(flame->nodes.len, sizeof(uint32_t));
	uint32_t count = 0, next = 0, node = 0;

	if (!functions || !order || !numbers)
		return -ENOMEM;
	json_array(json, "nodes");
	do {
		const struct flame_node *at = &flame->nodes.data[node];
		uint32_t function = 0;

		if (node) {
			if (!functions[at->function]) {
				order[count++] = at->function;
				functions[at->function] = count;
			}
			function = functions[at->function] - 1;
		}
		numbers[node] = next++;
		put_node(json, at, numbers[at->parent], function);
		node = flame_next(flame, node);
	} while (node);
	json_array_end(json);
	call_tree_put_functions(json, flame, order, count);
	return 0;
}
