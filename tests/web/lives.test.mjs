// SPDX-License-Identifier: MIT
// Processes as a tree, and the single samples of a session by time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { barOf, treeOf } from '../../web/src/lives.js';
import { partOf, samplesOf, stepsOf, STEP_NS } from '../../web/src/scope.js';

const life = (pid, ppid, at, end) => ({ pid, ppid, at_unix_ns: String(at), ended_unix_ns: end ? String(end) : null, comm: 'p' + pid });

test('a child hangs from the life of its parent in which it began', () => {
	const rows = [life(3, 2, 50), life(2, 1, 40), life(1, 0, 10), life(2, 1, 20, 30), life(9, 7, 5)];
	assert.deepEqual(treeOf(rows).map(({ row, depth }) => [row.pid, row.at_unix_ns, depth]), [[9, '5', 0], [1, '10', 0], [2, '20', 1], [2, '40', 1], [3, '50', 2]]);
	assert.deepEqual(treeOf(rows, (row) => row.pid === 3).map(({ row, isWanted }) => [row.pid, isWanted]), [[1, false], [2, false], [3, true]]);
	assert.equal(treeOf([life(4, 4, 1)]).length, 1);
});

test('a life is drawn as the part of it that lies in the span', () => {
	assert.deepEqual(barOf(life(1, 0, 50, 150), 100n, 200n), { left: 0, width: 0.5, isOlder: true, isOver: true });
	assert.deepEqual(barOf(life(1, 0, 150), 100n, 200n), { left: 0.5, width: 0.5, isOlder: false, isOver: false });
});

const scope = { shared: { frames: [{ name: 'a', file: 'x' }, { name: 'b', file: 'x' }] }, profiles: [
	{ name: 't1', samples: [[], [0], [0, 1]], weights: [STEP_NS / 2, STEP_NS, STEP_NS / 2] },
	{ name: 't2', startValue: 3 * STEP_NS, samples: [[1]], weights: [STEP_NS / 4] }] };
const answer = { start_unix_ns: '1000', functions: [{ name: 'a', module: 'x', kind: 'user' }] };

test('samples count in the steps that they stand for', () => {
	assert.deepEqual([...samplesOf(scope)].map((one) => one.at), [STEP_NS / 2, 1.5 * STEP_NS, 3 * STEP_NS]);
	const { series: [{ values }], covered_ns } = stepsOf(scope, '1000', String(1000 + 3.5 * STEP_NS));
	assert.deepEqual(values, [STEP_NS / 2, STEP_NS, 0, STEP_NS / 4]);
	assert.deepEqual(covered_ns, [STEP_NS, STEP_NS, STEP_NS, STEP_NS / 2]);
});

test('the tree of a part has the samples whose middle lies in it', () => {
	const part = partOf(answer, scope, '1000', String(1000 + 1.5 * STEP_NS));
	assert.equal(part.samples, 1);
	assert.deepEqual(part.nodes.map((row) => row.slice(0, 6)), [[0, 0, 1, STEP_NS, 0, 0], [0, 0, 1, STEP_NS, 0, 0], [1, 1, 1, STEP_NS, 1, STEP_NS]]);
	assert.deepEqual(part.functions.map((f) => [f.name, f.kind]), [['t1', 'comm'], ['a', 'user']]);
	const whole = partOf(answer, scope, '1000', String(1000 + 4 * STEP_NS));
	assert.equal(whole.samples, 3);
	assert.equal(whole.nodes[0][3], 1.75 * STEP_NS);
});
