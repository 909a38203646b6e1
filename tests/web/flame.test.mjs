// SPDX-License-Identifier: MIT
// The pure parts of the page, by `node --test`: what is drawn, merged and cut is all there is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boxes, hsl, ink, makeTree, matches, neighbour, nodeAt, search, table } from '../../web/src/flame.js';
import { eventParser } from '../../web/src/api.js';
import { duration, visible } from '../../web/src/format.js';
import { luminance, wide } from './trees.mjs';

// all -> a (60: self 10) -> b 50; all -> c 40 -> c 30 (itself)
const small = {
	functions: [{ name: 'a', kind: 'user' }, { name: 'b', kind: 'kernel' }, { name: 'c', kind: 'user', module: 'lib' }],
	nodes: [[0, 0, 100, 100, 0, 0, 0, 0, 0], [0, 0, 60, 60, 10, 10, 0, 0, 0], [1, 1, 50, 50, 50, 50, 0, 0, 0], [0, 2, 40, 40, 10, 10, 0, 0, 0], [3, 2, 30, 30, 30, 30, 0, 0, 0]],
};

test('a box is drawn for each function, or it is in a bar', () => {
	const tree = makeTree(wide(20000));
	for (const width of [320, 1200]) {
		for (const root of [0, 1, 77]) {
			let drawn = 0, barred = 0;
			const perLevel = new Map();
			const add = (depth, w) => perLevel.set(depth, (perLevel.get(depth) || 0) + w);
			const merged = boxes(tree, root, width, null, (node, x, w, depth) => {
				if (depth >= tree.depth[root]) {
					drawn++;
					add(depth, w);
				}
				assert.ok(x >= -1e-6 && x + w <= width + 1e-6);
			}, (node, x, w, depth, nodes) => { barred += nodes; add(depth, w); });
			assert.equal(merged, barred);
			assert.equal(drawn + barred, tree.end[root] - root);
			let before = Infinity;
			for (let depth = tree.depth[root]; depth <= tree.deepest && perLevel.has(depth); depth++) {
				assert.ok(perLevel.get(depth) <= before + 1e-6, 'children are no wider than their parents');
				before = perLevel.get(depth);
			}
		}
	}
});

test('what can be seen is drawn, neighbours that cannot share bars, and a bar says whether it has a match', () => {
	const tree = makeTree(wide(20000)), hit = Uint8Array.from(tree.functions, (_, i) => i === 3 ? 1 : 0);
	for (const root of [0, 1, 77]) {
		const seen = new Map(), scale = 900 / tree.weight[root];
		boxes(tree, root, 900, hit, (node) => seen.set(node, 'drawn'), (node, x, w, depth, nodes, hasHit) => {
			const { nodes: level } = tree.levels[depth], k = level.indexOf(node), list = [...level.slice(k, k + nodes)];
			list.forEach((one) => seen.set(one, 'barred'));
			assert.equal(hasHit, list.some((one) => tree.fn[one] === 3));
			assert.ok(Math.abs(w - list.reduce((sum, one) => sum + tree.weight[one] * scale, 0)) < 1e-6);
			assert.ok((tree.left[list.at(-1)] - tree.left[node]) * scale <= 16);
		});
		for (let node = root; node < tree.end[root]; node++)
			assert.equal(seen.get(node), tree.weight[node] * scale >= 1 ? 'drawn' : 'barred');
	}
});

test('the node under a point is the one that is drawn there', () => {
	const tree = makeTree(wide(5000));
	boxes(tree, 0, 1000, null, (node, x, w, depth) => assert.equal(nodeAt(tree, 0, 1000, x + w / 2, depth), node), () => {});
	assert.equal(nodeAt(tree, 0, 1000, 5, 999), -1);
	assert.equal(nodeAt(makeTree(small), 3, 100, 90, 2), -1);
});

test('search, matches and the table count a recursion once', () => {
	const tree = makeTree(small);
	assert.equal(search(small.functions, '', false), null);
	assert.throws(() => search(small.functions, '(', false));
	assert.deepEqual(matches(tree, search(small.functions, 'lib', false)), { nodes: [3], weight: 40 });
	assert.deepEqual(matches(tree, search(small.functions, 'c', true)), { nodes: [1], weight: 60 });
	const rows = table(tree, 0);
	assert.deepEqual(rows.find((row) => row.fn === 2), { fn: 2, self: 40, total: 40 });
	assert.equal(rows.reduce((sum, row) => sum + row.self, 0), 100);
});

test('arrows lead to parent, heaviest child and siblings', () => {
	const tree = makeTree(small);
	assert.equal(neighbour(tree, 0, 'child'), 1);
	assert.equal(neighbour(tree, 1, 'right'), 3);
	assert.equal(neighbour(tree, 3, 'left'), 1);
	assert.equal(neighbour(tree, 4, 'parent'), 3);
	assert.equal(neighbour(tree, 4, 'child'), 4);
});

test('text on every colour of a function has a contrast of 4.5 : 1', () => {
	for (const kind of ['user', 'kernel', 'jit', 'unknown', 'mark', 'comm']) {
		for (let i = 0; i < 500; i++) {
			assert.ok((luminance(ink(kind, 'm' + i, false)) + 0.05) / (0.0119 + 0.05) >= 4.5, hsl(ink(kind, 'm' + i, false)));
			assert.ok((0.81 + 0.05) / (luminance(ink(kind, 'm' + i, true)) + 0.05) >= 4.5, hsl(ink(kind, 'm' + i, true)));
		}
	}
});

test('a stream is the same events however it is cut', () => {
	const text = 'retry: 1000\n\nid: 1\nevent: a\ndata: {"x":1}\n\n: still here\n\nid: 2\nevent: lost\ndata: {"count":"3"}\n\n';
	for (let size = 1; size < text.length; size++) {
		const seen = [], feed = eventParser((event) => seen.push(event));
		for (let i = 0; i < text.length; i += size)
			feed(text.slice(i, i + size));
		assert.deepEqual(seen, [{ id: '1', name: 'a', data: '{"x":1}' }, { id: '2', name: 'lost', data: '{"count":"3"}' }]);
	}
});

test('numbers have units, and names cannot turn the text around them', () => {
	assert.equal(duration(0), '0');
	assert.equal(duration('1500'), '1.50 µs');
	assert.equal(duration(90e9), '90.0 s');
	assert.equal(duration(120e9), '2.00 min');
	assert.equal(visible('a\u202eb\u001b[1m'), 'a\\u202eb\\u001b[1m');
});
