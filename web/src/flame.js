// SPDX-License-Identifier: MIT
// flame.js - a call tree as columns of numbers: layout, search, what is under a point.  Pure; no page.
//
// Nodes come in preorder, the node 0 is the whole.  Those of one level lie beside each other in the order of
// their numbers, so the visible ones of a level are found by halving.  Sums along a level tell how much lies between
// two of its nodes, and the widest of each 64 where one is that can be seen: a picture costs what it shows, not what
// there is, and 150,000 nodes need no more.

// The columns of a node in the answer of /profiles.
const PARENT = 0, FUNCTION = 1, SAMPLES = 2, NS = 3, SELF_SAMPLES = 4, SELF_NS = 5, CUT_NODES = 6, CUT_NS = 7, INLINED = 8;

export const LEAST_PX = 1; // what is narrower shares a bar with its neighbours
const RUN_PX = 16, GAP_PX = 1.5, BLOCK = 64;

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
	}
	addLevels(tree);
	for (let i = n - 1; i >= 0; i--) {
		tree.end[i] = Math.max(tree.end[i], i + 1);
		if (i)
			tree.end[tree.parent[i]] = Math.max(tree.end[tree.parent[i]], tree.end[i]);
	}
	return tree;
}

// Of each level its nodes, where they begin, the weight of all before each, and the greatest weight of each block.
function addLevels(tree) {
	const { n, depth, left, weight } = tree, counts = [];
	for (let i = 0; i < n; i++)
		counts[depth[i]] = (counts[depth[i]] || 0) + 1;
	tree.levels = counts.map((count) => ({ nodes: new Int32Array(count), left: new Float64Array(count), before: new Float64Array(count + 1), most: new Float64Array(Math.ceil(count / BLOCK)) }));
	tree.deepest = Math.max(counts.length - 1, 0);
	const filled = new Int32Array(counts.length);
	for (let i = 0; i < n; i++) {
		const level = tree.levels[depth[i]], k = filled[depth[i]]++, w = weight[i], block = k / BLOCK | 0;
		level.nodes[k] = i;
		level.left[k] = left[i];
		level.before[k + 1] = level.before[k] + w;
		if (w > level.most[block])
			level.most[block] = w;
	}
}

// The first of the numbers low .. high - 1 of which something is true, as it is of all behind it; else high.
function first(low, high, isTrue) {
	while (low < high) {
		const middle = (low + high) >> 1;
		if (isTrue(middle))
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

// The next place in a level, from k on, of a node with at least so much weight.
function nextWide(tree, level, k, high, least) {
	while (k < high) {
		if (k % BLOCK === 0 && level.most[k / BLOCK] < least) {
			k += BLOCK;
			continue;
		}
		if (tree.weight[level.nodes[k]] >= least)
			return k;
		k++;
	}
	return high;
}

// How many of the nodes before each place in a level match: added up once of a search.
const sumsOf = new WeakMap();
function hitsBefore(tree, d, hit) {
	const { nodes } = tree.levels[d], known = sumsOf.get(hit)?.tree === tree ? sumsOf.get(hit).levels : [];
	if (!known.length)
		sumsOf.set(hit, { tree, levels: known });
	if (!known[d]) {
		const sums = known[d] = new Int32Array(nodes.length + 1);
		for (let k = 0; k < nodes.length; k++)
			sums[k + 1] = sums[k] + (nodes[k] && hit[tree.fn[nodes[k]]]);
	}
	return known[d];
}

// Boxes below `root` for a picture that is so wide: frame(node, x, w, depth), bar(firstNode, x, w, depth, nodes, hasHit).
// Neighbours too narrow to draw share bars as wide as their weight.  Returns how many nodes are in bars.
export function boxes(tree, root, width, hit, frame, bar) {
	const scale = tree.weight[root] ? width / tree.weight[root] : 0, from = tree.left[root];
	let small = 0;
	for (let up = tree.parent[root]; up >= 0; up = tree.parent[up])
		frame(up, 0, width, tree.depth[up]);
	for (let d = tree.depth[root]; d <= tree.deepest; d++) {
		// In preorder, what lies below root is numbered root .. end[root] - 1.
		const level = tree.levels[d], { nodes, left, before } = level, least = LEAST_PX / scale;
		const low = first(0, nodes.length, (k) => nodes[k] >= root), high = first(low, nodes.length, (k) => nodes[k] >= tree.end[root]);
		const hits = hit && hitsBefore(tree, d, hit);
		for (let k = low, wide = nextWide(tree, level, low, high, least); k < high;) {
			const x = (left[k] - from) * scale;
			if (k === wide) {
				frame(nodes[k], x, tree.weight[nodes[k]] * scale, d);
				wide = nextWide(tree, level, ++k, high, least);
				continue;
			}
			// A bar ends before one that is drawn, where it would be too wide, and where what is missing in it could be seen.
			const end = first(k + 1, wide, (m) => (left[m] - left[k]) * scale > RUN_PX || (left[m] - left[k] - (before[m] - before[k])) * scale > GAP_PX);
			bar(nodes[k], x, (before[end] - before[k]) * scale, d, end - k, hits !== null && hits[end] > hits[k]);
			small += end - k;
			k = end;
		}
	}
	return small;
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
	const { nodes, left } = tree.levels[depth], at = tree.left[root] + x / width * tree.weight[root];
	const i = first(first(0, nodes.length, (k) => nodes[k] >= root), nodes.length, (k) => left[k] + tree.weight[nodes[k]] > at);
	return i < nodes.length && nodes[i] < tree.end[root] && left[i] <= at ? nodes[i] : -1;
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
