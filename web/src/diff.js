// SPDX-License-Identifier: MIT
// diff.js - two profiles as one tree: how wide a node is, and whether its share changed beyond what sampling
// alone would change.  Pure; no page.
import { makeTree } from './flame.js';

// Of a thousand nodes that did not change one exceeds it.
export const BEYOND = 3.29;

// The answer of /profiles/diff.  A node is as wide as the mean of its shares before and after, so children
// never exceed their parents; a side without samples is left out of the mean.
export function makeDiff(data) {
	const rows = data.nodes, [all] = rows, wholes = [all[2], all[3]];
	const sides = wholes.filter((w) => w > 0).length || 1;
	const mean = (before, after) => ((wholes[0] && before / wholes[0]) + (wholes[1] && after / wholes[1])) / sides * 1e9;
	const tree = makeTree({
		functions: data.functions,
		nodes: rows.map(([parent, fn, before, after, selfBefore, selfAfter, restNodes, restBefore, restAfter]) =>
			[parent, fn, 0, mean(before, after), 0, mean(selfBefore, selfAfter), restNodes, mean(restBefore, restAfter), 0]),
	});
	tree.diff = {
		before: Float64Array.from(rows, (row) => row[2]), after: Float64Array.from(rows, (row) => row[3]),
		selfBefore: Float64Array.from(rows, (row) => row[4]), selfAfter: Float64Array.from(rows, (row) => row[5]),
		wholes, samples: [data.before.samples, data.after.samples],
	};
	return tree;
}

// By how many standard deviations the shares of so many nanoseconds of either side differ, if each sample
// were taken by itself; nanoseconds count as samples of the mean weight.
export function deviation({ wholes, samples }, before, after) {
	if (!samples[0] || !samples[1] || !wholes[0] || !wholes[1])
		return 0;
	const p = before / wholes[0], q = after / wholes[1];
	const both = (p * samples[0] + q * samples[1]) / (samples[0] + samples[1]);
	const error = Math.sqrt(both * (1 - both) * (1 / samples[0] + 1 / samples[1]));
	return error > 0 ? (q - p) / error : 0;
}

export const shareOf = (w, whole) => whole ? w / whole : 0;

// Shares of a node in points of percent, and how sure the change is.
export function changeOf(tree, node) {
	const d = tree.diff, before = shareOf(d.before[node], d.wholes[0]), after = shareOf(d.after[node], d.wholes[1]);
	return { before, after, by: after - before, sigma: deviation(d, d.before[node], d.after[node]) };
}

// Blue for less, orange for more, grey for what may be chance: hue, saturation, lightness.
export function changeInk({ by, sigma }, dark) {
	if (Math.abs(sigma) < BEYOND)
		return [210, 6, dark ? 28 : 86];
	const strong = Math.min(1, Math.sqrt(Math.abs(by) / 0.2)), more = by > 0;
	return [more ? 30 : 213, more ? 60 + 35 * strong : 50 + 35 * strong, dark ? 26 + 8 * (1 - strong) : 84 - 14 * strong];
}

// Self and total of each function on both sides; a function that calls itself is counted once.
export function changes(tree) {
	const d = tree.diff, n = tree.functions.length, until = new Int32Array(n), rows = [];
	const sums = Array.from({ length: 4 }, () => new Float64Array(n));
	for (let i = 1; i < tree.n; i++) {
		const f = tree.fn[i];
		sums[0][f] += d.selfBefore[i];
		sums[1][f] += d.selfAfter[i];
		if (i >= until[f]) {
			sums[2][f] += d.before[i];
			sums[3][f] += d.after[i];
			until[f] = tree.end[i];
		}
	}
	for (let f = 0; f < n; f++) {
		const [selfBefore, selfAfter, before, after] = sums.map((list) => list[f]);
		rows.push({ fn: f, selfBefore: shareOf(selfBefore, d.wholes[0]), selfAfter: shareOf(selfAfter, d.wholes[1]), before: shareOf(before, d.wholes[0]), after: shareOf(after, d.wholes[1]),
			selfSigma: deviation(d, selfBefore, selfAfter), sigma: deviation(d, before, after) });
	}
	return rows.filter((row) => row.before || row.after);
}
