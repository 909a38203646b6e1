// SPDX-License-Identifier: MIT
// trees.mjs - a call tree for tests, and how light a colour is.

// A tree that is the same each time: each node gives parts of itself to its children.
export function wide(count, total = 1e6) {
	let seed = 7;
	const random = () => (seed = seed * 1103515245 + 12345 & 0x7fffffff) / 0x7fffffff;
	const nodes = [];
	const grow = (parent, weight, depth) => {
		const number = nodes.length, row = [parent, number % 50, weight, weight, weight, weight, 0, 0, 0];
		nodes.push(row);
		for (let left = weight; depth < 40 && nodes.length < count && left > 1;) {
			const part = Math.max(1, Math.floor(left * (0.05 + 0.6 * random())));
			grow(number, part, depth + 1);
			left -= part;
			row[4] = row[5] = left;
			if (random() < 0.2)
				break;
		}
	};
	grow(0, total, 0);
	return { nodes, functions: Array.from({ length: 50 }, (_, i) => ({ name: 'f' + i, kind: 'user' })) };
}

export function luminance([h, s, l]) {
	const a = s / 100 * Math.min(l / 100, 1 - l / 100);
	const part = (n) => {
		const k = (n + h / 30) % 12, c = l / 100 - a * Math.max(-1, Math.min(k - 3, 9 - k, 1));
		return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
	};
	return 0.2126 * part(0) + 0.7152 * part(8) + 0.0722 * part(4);
}
