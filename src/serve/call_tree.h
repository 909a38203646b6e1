/* SPDX-License-Identifier: MIT */
/* call_tree.h - a call tree as JSON, for the page: without what is too light to be seen, and with what that
 * weighs.
 *
 *     "functions": [{"name", "module", "kind", "source"}, ...]
 *     "nodes":     [[parent, function, samples, ns, self_samples, self_ns, rest_nodes, rest_ns, inlined], ...]
 *
 * Node 0 is the whole; parents stand before their children, heavier ones before lighter ones of the same
 * parent.  `rest` is what was left out below a node: ns = self_ns + rest_ns + the ns of its children.
 */
#ifndef SERVE_CALL_TREE_H
#define SERVE_CALL_TREE_H

#include "base/json.h"
#include "report/flame.h"

#define CALL_TREE_SHARE_PCT 0.02    /* of the whole; less cannot be seen */
#define CALL_TREE_MAX_NODES 150000u /* beyond it more is left out */

/** call_tree_trim - by share, then further to CALL_TREE_MAX_NODES.  Return: the share in percent that it came to */
double call_tree_trim(struct flame *flame, double min_share_pct);

/** call_tree_put - "functions" and "nodes" into the object that is open.  Return: 0; -ENOMEM */
nodiscard int call_tree_put(struct json *json, const struct flame *flame);

/** call_tree_put_functions - those that @order names */
void call_tree_put_functions(struct json *json, const struct flame *flame, const uint32_t *order,
			     uint32_t count);

/** call_tree_kind - "user", "kernel", ...: what a function is */
const char *call_tree_kind(uint8_t kind);

#endif
