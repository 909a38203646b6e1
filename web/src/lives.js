// SPDX-License-Identifier: MIT
// lives.js - processes in the order of their tree.  Pure; no page.

// A child hangs from the life of its parent's PID in which it began; depth says how deep.  With @fits only those
// that fit and whoever they hang from.
export function treeOf(rows, fits) {
	const byPid = new Map(), children = new Map(), sorted = [...rows].sort((a, b) => (BigInt(a.at_unix_ns) < BigInt(b.at_unix_ns) ? -1 : BigInt(a.at_unix_ns) > BigInt(b.at_unix_ns) ? 1 : 0));
	for (const row of sorted)
		byPid.set(row.pid, [...(byPid.get(row.pid) || []), row]);
	const roots = [];
	for (const row of sorted) {
		const lives = row.ppid === row.pid ? [] : byPid.get(row.ppid) || [];
		const parent = lives.filter((life) => life !== row && BigInt(life.at_unix_ns) <= BigInt(row.at_unix_ns)).pop();
		if (parent)
			children.set(parent, [...(children.get(parent) || []), row]);
		else
			roots.push(row);
	}
	const out = [];
	const walk = (row, depth) => {
		const at = out.length, isWanted = !fits || fits(row);
		out.push({ row, depth, isWanted });
		for (const child of children.get(row) || [])
			walk(child, depth + 1);
		if (!isWanted && out.length === at + 1)
			out.pop();
	};
	roots.forEach((row) => walk(row, 0));
	return out;
}

// Begin and length of a life within a span, as shares of it.
export function barOf(row, start, end) {
	const whole = Number(end - start), from = Number(BigInt(row.at_unix_ns) - start), to = row.ended_unix_ns ? Number(BigInt(row.ended_unix_ns) - start) : whole;
	const left = Math.min(Math.max(from / whole, 0), 1);
	return { left, width: Math.max(Math.min(to / whole, 1) - left, 0), isOlder: from < 0, isOver: Boolean(row.ended_unix_ns) };
}
