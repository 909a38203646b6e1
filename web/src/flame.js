// SPDX-License-Identifier: MIT
// flame.js - a call tree as columns of numbers: layout, search, what is under a point.  Pure; no page.
//
// Nodes come in preorder, the node 0 is the whole.  Those of one level lie beside each other in the order of
// their numbers, so the visible ones of a level are found by halving, and 150,000 nodes need no more.

// The columns of a node in the answer of /profiles.
const PARENT = 0, FUNCTION = 1, SAMPLES = 2, NS = 3, SELF_SAMPLES = 4, SELF_NS = 5, CUT_NODES = 6, CUT_NS = 7, INLINED = 8;

export const LEAST_PX = 1; // what is narrower shares a bar with its neighbours
const RUN_PX = 16;

export function makeTree(data) {
	const rows = data.nodes, n = rows.length;
	const tree = {
		n, functions: data.functions, hasTime: n > 0 && rows[0][NS] > 0,
		parent: new Int32Array(n), fn: new Int32Array(n), depth: new Int32Array(n), weight: new Float64Array(n), self: new Float64Array(n),
		samples: new Int32Array(n), selfSamples: new Int32Array(n), left: new Float64Array(n), end: new Int32Array(n), cut: new Float64Array(n),
		cutNodes: new Int32Array(n), inlined: new Uint8Array(n), levels: [], deepest: 0,
	};
	const used = new Float64Array(n);
	for (let i = 0; i < n; i++) {
		const row = rows[i], up = i ? row[PARENT] : -1;
		tree.parent[i] = up;
		tree.fn[i] = i ? row[FUNCTION] : -1;
		tree.samples[i] = row[SAMPLES];
		tree.selfSamples[i] = row[SELF_SAMPLES];
		tree.weight[i] = tree.hasTime ? row[NS] : row[SAMPLES];
		tree.self[i] = tree.hasTime ? row[SELF_NS] : row[SELF_SAMPLES];
		tree.cut[i] = tree.hasTime ? row[CUT_NS] : 0;
		tree.cutNodes[i] = row[CUT_NODES];
		tree.inlined[i] = row[INLINED];
		if (i) {
			tree.depth[i] = tree.depth[up] + 1;
			tree.left[i] = tree.left[up] + used[up];
			used[up] += tree.weight[i];
		}
		(tree.levels[tree.depth[i]] ||= []).push(i);
	}
	tree.deepest = Math.max(tree.levels.length - 1, 0);
	for (let i = n - 1; i >= 0; i--) {
		tree.end[i] = Math.max(tree.end[i], i + 1);
		if (i)
			tree.end[tree.parent[i]] = Math.max(tree.end[tree.parent[i]], tree.end[i]);
	}
	return tree;
}

// The first place in a level at which a node ends behind `at`.
function firstBehind(tree, level, at, low) {
	let high = level.length;
	while (low < high) {
		const middle = (low + high) >> 1;
		if (tree.left[level[middle]] + tree.weight[level[middle]] > at)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

// Boxes below `root` for a picture that is so wide: frame(node, x, w, depth), bar(firstNode, x, w, depth, nodes, hasHit).
// Neighbours too narrow to draw share bars as wide as their weight.  Returns how many nodes are in bars.
export function boxes(tree, root, width, hit, frame, bar) {
	const scale = tree.weight[root] ? width / tree.weight[root] : 0, from = tree.left[root];
	let small = 0;
	for (let up = tree.parent[root]; up >= 0; up = tree.parent[up])
		frame(up, 0, width, tree.depth[up]);
	for (let d = tree.depth[root]; d <= tree.deepest; d++) {
		const level = tree.levels[d];
		let start = -1, at = 0, weight = 0, nodes = 0, hasHit = false;
		const flush = () => {
			if (nodes)
				bar(start, at, weight * scale, d, nodes, hasHit);
			small += nodes;
			weight = nodes = 0;
			hasHit = false;
		};
		// In preorder, what lies below root is numbered root .. end[root] - 1.
		let i = lowerBound(level, root);
		for (; i < level.length && level[i] < tree.end[root]; i++) {
			const node = level[i], w = tree.weight[node] * scale, x = (tree.left[node] - from) * scale;
			if (w >= LEAST_PX) {
				flush();
				frame(node, x, w, d);
				continue;
			}
			if (nodes && (x - at > RUN_PX || x - (at + weight * scale) > 1.5))
				flush();
			if (!nodes) {
				start = node;
				at = x;
			}
			nodes++;
			weight += tree.weight[node];
			hasHit ||= hit !== null && hit[tree.fn[node]] === 1;
		}
		flush();
	}
	return small;
}

function lowerBound(list, value) {
	let low = 0, high = list.length;
	while (low < high) {
		const middle = (low + high) >> 1;
		if (list[middle] < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

// The node at a place of the picture; -1.
export function nodeAt(tree, root, width, x, depth) {
	if (depth < 0 || depth > tree.deepest || x < 0 || x >= width)
		return -1;
	if (depth < tree.depth[root]) {
		let up = root;
		while (tree.depth[up] > depth)
			up = tree.parent[up];
		return up;
	}
	const level = tree.levels[depth], at = tree.left[root] + x / width * tree.weight[root];
	const i = firstBehind(tree, level, at, lowerBound(level, root));
	return i < level.length && level[i] < tree.end[root] && tree.left[level[i]] <= at ? level[i] : -1;
}

// Which functions match: 1 each; null where nothing is searched.  Throws where it is no expression.
export function search(functions, text, invert) {
	if (!text)
		return null;
	const expression = new RegExp(text, 'i');
	return Uint8Array.from(functions, (f) => (expression.test(f.name) || expression.test(f.module || '')) !== invert ? 1 : 0);
}

// The matches nearest to the root, the heaviest first, and their weight: what they call is in it already.
export function matches(tree, hit) {
	const nodes = [];
	let weight = 0;
	for (let i = 1; hit && i < tree.n;) {
		if (hit[tree.fn[i]]) {
			nodes.push(i);
			weight += tree.weight[i];
			i = tree.end[i];
		} else {
			i++;
		}
	}
	nodes.sort((a, b) => tree.weight[b] - tree.weight[a] || a - b);
	return { nodes, weight };
}

// Self and total time of each function below a node; a function that calls itself is counted once.
export function table(tree, root) {
	const self = new Float64Array(tree.functions.length), total = new Float64Array(tree.functions.length);
	const until = new Int32Array(tree.functions.length);
	for (let i = root || 1; i < tree.end[root]; i++) {
		const f = tree.fn[i];
		self[f] += tree.self[i];
		if (i >= until[f]) {
			total[f] += tree.weight[i];
			until[f] = tree.end[i];
		}
	}
	const rows = [];
	for (let f = 0; f < total.length; f++)
		if (total[f])
			rows.push({ fn: f, self: self[f], total: total[f] });
	return rows;
}

// The node that an arrow leads to.
export function neighbour(tree, node, key) {
	const up = tree.parent[node];
	if (key === 'parent')
		return up < 0 ? node : up;
	if (key === 'child') {
		let best = -1;
		for (let at = node + 1; at < tree.end[node]; at = tree.end[at])
			if (best < 0 || tree.weight[at] > tree.weight[best])
				best = at;
		return best < 0 ? node : best;
	}
	if (up < 0)
		return node;
	let before = -1;
	for (let at = up + 1; at < tree.end[up]; before = at, at = tree.end[at]) {
		if (key === 'right' && before === node)
			return at;
		if (key === 'left' && at === node)
			return before < 0 ? node : before;
	}
	return node;
}

// A colour by kind and module, and light or dark enough for the text on it: at least 4.5 : 1.
const HUES = { user: [18, 48], jit: [95, 150], kernel: [200, 232], unknown: [0, 0], mark: [0, 0], comm: [265, 300] };

export function ink(kind, module, dark) {
	const [low, high] = HUES[kind] || HUES.unknown;
	let hash = 0;
	for (const c of module || '')
		hash = (hash * 31 + c.charCodeAt(0)) >>> 0;
	const hue = low + hash % 97 / 97 * (high - low), grey = low === high;
	return dark ? [hue, grey ? 0 : 42, 24 + hash % 7] : [hue, grey ? 0 : kind === 'comm' ? 48 : 78, 76 + hash % 8];
}

export const hsl = ([h, s, l]) => 'hsl(' + h.toFixed(0) + ' ' + s + '% ' + l + '%)';
