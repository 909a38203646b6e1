// SPDX-License-Identifier: MIT
// scope.js - the single samples of a session, as the speedscope format brings them: how busy each hundredth
// of a second was, and the call tree of any part of it.  Pure; no page.

export const STEP_NS = 20000000, ROWS = 50; // a column is a second

// Each sample with the nanoseconds at which it begins, since the session began.
export function* samplesOf(scope) {
	for (const one of scope.profiles) {
		let at = one.startValue || 0;
		for (let i = 0; i < one.samples.length; i++) {
			if (one.samples[i].length)
				yield { at, weight: one.weights[i], stack: one.samples[i], thread: one.name };
			at += one.weights[i];
		}
	}
}

// In the shape of an answer of /timeseries; a sample counts in each step that it stands for.
export function stepsOf(scope, startNs, endNs) {
	const length = Number(BigInt(endNs) - BigInt(startNs)), steps = Math.max(1, Math.ceil(length / STEP_NS)), values = new Array(steps).fill(0);
	for (const { at, weight } of samplesOf(scope))
		for (let from = Math.max(0, at), to = Math.min(at + weight, length); from < to;) {
			const step = Math.floor(from / STEP_NS), until = Math.min(to, (step + 1) * STEP_NS);
			values[step] += until - from;
			from = until;
		}
	return { start_unix_ns: startNs, step_ns: String(STEP_NS), covered_ns: values.map((_, i) => Math.min(STEP_NS, length - i * STEP_NS)), series: [{ values }], others: { values: new Array(steps).fill(0) } };
}

// The answer of a session's profile for those samples whose middle lies in a part of it: below the names of threads.
export function partOf(answer, scope, from, to) {
	const start = Number(BigInt(from) - BigInt(answer.start_unix_ns)), end = Number(BigInt(to) - BigInt(answer.start_unix_ns));
	const known = new Map(answer.functions.map((f) => [f.name + '\n' + (f.module || ''), f])), functions = [], numbers = new Map();
	const number = (key, make) => {
		if (!numbers.has(key)) {
			numbers.set(key, functions.length);
			functions.push(make());
		}
		return numbers.get(key);
	};
	const frames = scope.shared.frames.map((frame) => () => {
		const key = frame.name + '\n' + (frame.file || '');
		return number(key, () => known.get(key) || { name: frame.name, module: frame.file, kind: 'unknown' });
	});
	const nodes = [{ fn: 0, parent: 0, samples: 0, ns: 0, self: 0, selfNs: 0, children: new Map() }];
	const add = (node, weight) => { node.samples++; node.ns += weight; };
	let samples = 0, total = 0;
	for (const { at, weight, stack, thread } of samplesOf(scope)) {
		if (at + weight / 2 < start || at + weight / 2 >= end)
			continue;
		samples++;
		total += weight;
		const path = [number('thread\n' + thread, () => ({ name: thread, kind: 'comm' })), ...stack.map((i) => frames[i]())];
		let node = nodes[0];
		add(node, weight);
		for (const fn of path) {
			let next = node.children.get(fn);
			if (!next)
				node.children.set(fn, next = { fn, samples: 0, ns: 0, self: 0, selfNs: 0, children: new Map() });
			node = next;
			add(node, weight);
		}
		node.self++;
		node.selfNs += weight;
	}
	const rows = [], write = (node, parent) => {
		const here = rows.length;
		rows.push([parent, node.fn, node.samples, node.ns, node.self, node.selfNs, 0, 0, 0]);
		for (const child of [...node.children.values()].sort((a, b) => b.ns - a.ns))
			write(child, here);
	};
	write(nodes[0], 0);
	return { ...answer, functions, nodes: rows, samples, total_ns: String(total), min_share: 0, start_unix_ns: from, end_unix_ns: to, covered_from_unix_ns: from, covered_to_unix_ns: to };
}
