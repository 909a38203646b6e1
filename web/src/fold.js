// SPDX-License-Identifier: MIT
// fold.js - trees made of a tree: the callers last, all callers and callees of one function, and files,
// source files or languages in place of functions.  Pure; no page.
//
// What the daemon left out of a node ("cut") is in no function: it stays with the node it hung from, and
// where callers come last it is a root of its own.  So the whole is as heavy as before.  A tree that leads
// to callers (isUpward) has no own time: what would be it is where stacks began.
import { makeTree } from './flame.js';

// Nodes are added in any order; finish() adds up, sorts children by weight and numbers in preorder.
class Builder {
	constructor(functions, hasTime) {
		Object.assign(this, { functions, hasTime, parent: [0], fn: [-1], self: [0], selfSamples: [0], cut: [0], cutSamples: [0], cutNodes: [0], inlined: [0], byKey: new Map() });
	}
	child(parent, fn, inlined) {
		const key = parent * this.functions.length + fn;
		let node = this.byKey.get(key);
		if (node === undefined) {
			node = this.parent.length;
			this.byKey.set(key, node);
			for (const list of [this.self, this.selfSamples, this.cut, this.cutSamples, this.cutNodes])
				list.push(0);
			this.parent.push(parent);
			this.fn.push(fn);
			this.inlined.push(inlined ? 1 : 0);
		}
		this.inlined[node] &= inlined ? 1 : 0;
		return node;
	}
	finish() {
		const n = this.parent.length, weight = this.self.map((w, i) => w + this.cut[i]), samples = this.selfSamples.map((w, i) => w + this.cutSamples[i]);
		const first = new Int32Array(n).fill(-1), next = new Int32Array(n).fill(-1);
		for (let i = n - 1; i > 0; i--) {
			weight[this.parent[i]] += weight[i];
			samples[this.parent[i]] += samples[i];
		}
		const order = Array.from({ length: n - 1 }, (_, i) => i + 1).sort((a, b) => weight[a] - weight[b] || b - a);
		for (const i of order) { // the heaviest last, so it stands first
			next[i] = first[this.parent[i]];
			first[this.parent[i]] = i;
		}
		const rows = [], number = new Int32Array(n), stack = [0];
		while (stack.length) {
			const i = stack.pop();
			number[i] = rows.length;
			rows.push([number[this.parent[i]], Math.max(this.fn[i], 0), samples[i], this.hasTime ? weight[i] : 0, this.selfSamples[i], this.hasTime ? this.self[i] : 0, this.cutNodes[i], this.hasTime ? this.cut[i] : 0, this.inlined[i]]);
			if (next[i] >= 0)
				stack.push(next[i]);
			if (first[i] >= 0)
				stack.push(first[i]);
		}
		return makeTree({ nodes: rows, functions: this.functions });
	}
}

const cutSamplesOf = (tree) => {
	const rest = Int32Array.from(tree.samples, (s, i) => s - tree.selfSamples[i]);
	for (let i = 1; i < tree.n; i++)
		rest[tree.parent[i]] -= tree.samples[i];
	return rest;
};

// The functions in which the time was spent at the root, above each who called it.
export function inverted(tree) {
	const left = { name: 'left out by the daemon', kind: 'mark' }, functions = [...tree.functions, left];
	const to = new Builder(functions, tree.hasTime), cutSamples = cutSamplesOf(tree);
	for (let i = 0; i < tree.n; i++) {
		if (tree.cut[i] > 0 || cutSamples[i] > 0) {
			const node = to.child(0, functions.length - 1, false);
			to.cut[node] += tree.cut[i];
			to.cutSamples[node] += cutSamples[i];
			to.cutNodes[node] += tree.cutNodes[i];
		}
		if (!(tree.self[i] > 0))
			continue;
		let node = 0;
		for (let at = i; at > 0; at = tree.parent[at])
			node = to.child(node, tree.fn[at], tree.inlined[at]);
		to.self[node] += tree.self[i];
		to.selfSamples[node] += tree.selfSamples[i];
	}
	return Object.assign(to.finish(), { isUpward: true });
}

// Whoever called a function, and whatever it called: two trees with the function as their root.  A call of
// it below itself is part of the outer one.
export function sandwich(tree, fn) {
	const callers = new Builder(tree.functions, tree.hasTime), callees = new Builder(tree.functions, tree.hasTime);
	const cutSamples = cutSamplesOf(tree), place = new Map();
	for (let i = 1; i < tree.n;) {
		if (tree.fn[i] !== fn) {
			i++;
			continue;
		}
		let up = 0;
		for (let at = tree.parent[i]; at > 0; at = tree.parent[at])
			up = callers.child(up, tree.fn[at], tree.inlined[at]);
		callers.self[up] += tree.weight[i];
		callers.selfSamples[up] += tree.samples[i];
		place.clear();
		place.set(i, 0);
		for (let at = i; at < tree.end[i]; at++) {
			const node = at === i ? 0 : callees.child(place.get(tree.parent[at]), tree.fn[at], tree.inlined[at]);
			place.set(at, node);
			callees.self[node] += tree.self[at];
			callees.selfSamples[node] += tree.selfSamples[at];
			callees.cut[node] += tree.cut[at];
			callees.cutSamples[node] += cutSamples[at];
			callees.cutNodes[node] += tree.cutNodes[at];
		}
		i = tree.end[i];
	}
	return { callers: Object.assign(callers.finish(), { isUpward: true }), callees: callees.finish() };
}

const LANGUAGES = { c: 'C', h: 'C', cc: 'C++', cpp: 'C++', cxx: 'C++', hh: 'C++', hpp: 'C++', tcc: 'C++', rs: 'Rust', go: 'Go', py: 'Python', js: 'JavaScript', mjs: 'JavaScript', ts: 'TypeScript', java: 'Java', S: 'assembler', s: 'assembler', zig: 'Zig', pas: 'Pascal', f90: 'Fortran', ml: 'OCaml', hs: 'Haskell', d: 'D', nim: 'Nim', swift: 'Swift' };

// By what debug information says of the source; where there is none it is not guessed.
export function languageOf(f) {
	if (f.kind === 'kernel')
		return 'kernel';
	const ending = /\.([A-Za-z0-9]+)(:\d+)?$/.exec(f.source || '');
	return (ending && LANGUAGES[ending[1]]) || (f.kind === 'jit' ? 'just in time' : 'not known');
}

const KEYS = { file: (f) => f.module || 'no file', source: (f) => f.source || 'source not known', language: languageOf };
export const GROUPS = [['', 'functions'], ['file', 'files'], ['source', 'source files'], ['language', 'languages']];

// Neighbours of one group are one node; names of threads stay.
export function regrouped(tree, by) {
	const key = KEYS[by], functions = [], numbers = new Map();
	const groupOf = tree.functions.map((f) => {
		const isTask = f.kind === 'comm', name = isTask ? f.name : key(f), id = (isTask ? 't' : 'g') + name;
		if (!numbers.has(id)) {
			numbers.set(id, functions.length);
			functions.push({ name, kind: f.kind, module: isTask || by === 'language' ? '' : f.module });
		}
		return numbers.get(id);
	});
	const to = new Builder(functions, tree.hasTime), cutSamples = cutSamplesOf(tree), place = new Int32Array(tree.n);
	for (let i = 0; i < tree.n; i++) {
		const group = i ? groupOf[tree.fn[i]] : -1, up = i ? place[tree.parent[i]] : 0;
		const node = place[i] = !i ? 0 : to.fn[up] === group ? up : to.child(up, group, false);
		to.self[node] += tree.self[i];
		to.selfSamples[node] += tree.selfSamples[i];
		to.cut[node] += tree.cut[i];
		to.cutSamples[node] += cutSamples[i];
		to.cutNodes[node] += tree.cutNodes[i];
	}
	return to.finish();
}
