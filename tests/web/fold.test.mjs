// SPDX-License-Identifier: MIT
// Trees made of a tree are as heavy as it was, and what differs by chance alone is not called a change.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BEYOND, changeInk, changeOf, changes, deviation, makeDiff } from '../../web/src/diff.js';
import { hsl, makeTree, table } from '../../web/src/flame.js';
import { inverted, languageOf, regrouped, sandwich } from '../../web/src/fold.js';
import { luminance, wide } from './trees.mjs';

// all -> t (a thread) -> a (self 10) -> b 50; t -> c 40 -> c 25 (itself), 5 of it left out
const functions = [{ name: 'a', kind: 'user', module: 'x', source: 'a.rs:3' }, { name: 'b', kind: 'kernel' }, { name: 'c', kind: 'user', module: 'x', source: 'c.c' }, { name: 't', kind: 'comm' }];
const tree = makeTree({ functions, nodes: [
	[0, 0, 100, 100, 0, 0, 0, 0, 0], [0, 3, 100, 100, 0, 0, 0, 0, 0], [1, 0, 60, 60, 10, 10, 0, 0, 0], [2, 1, 50, 50, 50, 50, 0, 0, 0],
	[1, 2, 40, 40, 10, 10, 2, 5, 0], [4, 2, 25, 25, 25, 25, 0, 0, 0]] });
const names = (made, i) => i ? made.functions[made.fn[i]].name : 'all';
const below = (made, up) => Array.from({ length: made.n }, (_, i) => i).filter((i) => i && made.parent[i] === up).map((i) => [names(made, i), made.weight[i]]);
const sumSelf = (made) => made.self.reduce((a, b) => a + b, 0) + made.cut.reduce((a, b) => a + b, 0);

test('callers last: roots are where the time was spent, and nothing is lost', () => {
	const made = inverted(tree);
	assert.equal(made.weight[0], 100);
	assert.equal(made.samples[0], 100);
	assert.deepEqual(below(made, 0), [['b', 50], ['c', 35], ['a', 10], ['left out by the daemon', 5]]);
	assert.deepEqual(below(made, 1), [['a', 50]]);
	const big = makeTree(wide(20000)), turned = inverted(big);
	assert.ok(Math.abs(turned.weight[0] - big.weight[0]) < 1e-6 * big.weight[0]);
	assert.ok(Math.abs(sumSelf(turned) - sumSelf(big)) < 1e-6 * big.weight[0]);
});

test('callers and callees of a function that calls itself count it once', () => {
	const { callers, callees } = sandwich(tree, 2);
	assert.equal(callers.weight[0], 40);
	assert.equal(callees.weight[0], 40);
	assert.deepEqual(below(callers, 0), [['t', 40]]);
	assert.deepEqual(below(callees, 0), [['c', 25]]);
	assert.equal(callees.cut[0], 5);
	const big = makeTree(wide(20000));
	for (const { fn, total } of table(big, 0).slice(0, 5)) {
		const both = sandwich(big, fn);
		assert.ok(Math.abs(both.callers.weight[0] - total) < 1e-6 * total);
		assert.ok(Math.abs(both.callees.weight[0] - total) < 1e-6 * total);
	}
});

test('files and languages in place of functions; none is guessed', () => {
	const files = regrouped(tree, 'file');
	assert.deepEqual(below(files, 0), [['t', 100]]);
	assert.deepEqual(below(files, 1), [['x', 100]]);
	assert.equal(files.weight[0], 100);
	assert.deepEqual(below(files, 2), [['no file', 50]]);
	const languages = regrouped(tree, 'language');
	assert.deepEqual(below(languages, 1), [['Rust', 60], ['C', 40]]);
	assert.equal(languageOf({ kind: 'user', source: 'x.unheard' }), 'not known');
	assert.equal(languageOf({ kind: 'jit' }), 'just in time');
});

const told = (samples, total) => ({ samples, total_ns: String(total) });
const diffOf = (nodes, before, after) => makeDiff({ functions, nodes, before: told(before, nodes[0][2]), after: told(after, nodes[0][3]) });

test('what is beyond chance is coloured, what is not is grey', () => {
	const nodes = [[0, 0, 1e9, 2e9, 0, 0, 0, 0, 0], [0, 0, 5e8, 1.6e9, 5e8, 1.6e9, 0, 0, 0], [0, 1, 5e8, 4e8, 5e8, 4e8, 0, 0, 0]];
	const many = diffOf(nodes, 1000, 2000), few = diffOf(nodes, 6, 6);
	assert.equal(many.weight[1] + many.weight[2], many.weight[0]);
	const { before, after, sigma } = changeOf(many, 1);
	assert.deepEqual([before, after], [0.5, 0.8]);
	assert.ok(sigma > BEYOND && Math.abs(changeOf(few, 1).sigma) < BEYOND);
	assert.ok(changeOf(many, 2).sigma < -BEYOND);
	assert.notEqual(hsl(changeInk(changeOf(many, 1), false)), hsl(changeInk(changeOf(many, 2), false)));
	assert.equal(hsl(changeInk(changeOf(few, 1), false)), hsl(changeInk(changeOf(few, 2), false)));
	assert.deepEqual(changes(many).map((row) => [row.fn, row.selfBefore, row.selfAfter]), [[0, 0.5, 0.8], [1, 0.5, 0.2]]);
});

test('a side without samples tells of no change', () => {
	const tree = diffOf([[0, 0, 0, 2e9, 0, 0, 0, 0, 0], [0, 0, 0, 2e9, 0, 2e9, 0, 0, 0]], 0, 2000);
	assert.equal(changeOf(tree, 1).sigma, 0);
	assert.equal(tree.weight[1], tree.weight[0]);
});

test('of samples of one distribution less than one in a hundred is called a change', () => {
	let seed = 11;
	const random = () => (seed = seed * 1103515245 + 12345 & 0x7fffffff) / 0x7fffffff;
	let beyond = 0;
	for (let run = 0; run < 2000; run++) {
		const counts = [0, 0];
		for (let side = 0; side < 2; side++)
			for (let i = 0; i < 300; i++)
				counts[side] += random() < 0.2 ? 1 : 0;
		beyond += Math.abs(deviation({ wholes: [300, 300], samples: [300, 300] }, counts[0], counts[1])) >= BEYOND ? 1 : 0;
	}
	assert.ok(beyond < 20, String(beyond));
});

test('text on every colour of a change has a contrast of 4.5 : 1', () => {
	for (const by of [-1, -0.2, -0.01, 0, 0.01, 0.2, 1])
		for (const sigma of [0, 9 * Math.sign(by)]) {
			assert.ok((luminance(changeInk({ by, sigma }, false)) + 0.05) / (0.0119 + 0.05) >= 4.5);
			assert.ok((0.81 + 0.05) / (luminance(changeInk({ by, sigma }, true)) + 0.05) >= 4.5);
		}
});
