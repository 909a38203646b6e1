// SPDX-License-Identifier: MIT
// calltree.jsx - a call tree in rows that open and close: Right opens, Left closes or leads to the caller.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { count, duration, percent, visible } from './format.js';
import { nameOf, KINDS } from './flameview.jsx';

const MOST_ROWS = 500, OPEN_SHARE = 0.5;

// Open from the start: where one child has half of the whole or more.
function opened(tree) {
	const open = new Set([0]);
	for (let i = 1; i < tree.n; i++)
		if (open.has(tree.parent[i]) && tree.weight[i] >= OPEN_SHARE * tree.weight[0])
			open.add(i);
	return open;
}

// The nodes below open ones, in the order of the tree.
export function rowsOf(tree, open) {
	const rows = [];
	for (let i = 0; i < tree.n;) {
		rows.push(i);
		i = open.has(i) ? i + 1 : tree.end[i];
	}
	return rows;
}

export function CallTree({ tree, hit, onChoose }) {
	const [open, setOpen] = useState(() => opened(tree)), [at, setAt] = useState(0), body = useRef(null);
	useEffect(() => { setOpen(opened(tree)); setAt(0); }, [tree]);
	const rows = useMemo(() => rowsOf(tree, open), [tree, open]), all = tree.weight[0], shown = rows.slice(0, MOST_ROWS);
	const amount = (w) => tree.hasTime ? duration(w) : count(w);
	const isParent = (i) => tree.end[i] > i + 1;
	const turn = (i, to) => {
		const next = new Set(open);
		if (to)
			next.add(i);
		else
			next.delete(i);
		setOpen(next);
	};
	const go = (i) => {
		setAt(i);
		body.current.querySelector('[data-node="' + i + '"]')?.focus();
	};
	const onKey = (event, i) => {
		const k = shown.indexOf(i);
		if (event.ctrlKey || event.altKey || event.metaKey)
			return;
		if (event.key === 'ArrowDown' && k + 1 < shown.length)
			go(shown[k + 1]);
		else if (event.key === 'ArrowUp' && k > 0)
			go(shown[k - 1]);
		else if (event.key === 'ArrowRight' && isParent(i))
			open.has(i) ? go(i + 1) : turn(i, true);
		else if (event.key === 'ArrowLeft')
			open.has(i) && isParent(i) ? turn(i, false) : i && go(tree.parent[i]);
		else if (event.key === 'Enter' && i && onChoose)
			onChoose(tree.functions[tree.fn[i]].name);
		else
			return;
		event.preventDefault();
	};
	return (
		<>
			<div class="scroll all"><table class="functions" role="treegrid" aria-label="call tree">
				<thead><tr><th scope="col">function</th><th scope="col" class="n">total</th><th scope="col" class="n">time</th><th scope="col" class="n">self</th><th scope="col" class="n">time</th></tr></thead>
				<tbody ref={body}>{shown.map((i) => {
					const f = i ? tree.functions[tree.fn[i]] : null;
					return (
						<tr key={i} data-node={i} aria-level={tree.depth[i] + 1} aria-expanded={isParent(i) ? open.has(i) : undefined} tabIndex={i === at ? 0 : -1} class={hit && i && hit[tree.fn[i]] ? 'hit' : ''}
							onFocus={() => setAt(i)} onKeyDown={(event) => onKey(event, i)} onClick={() => { go(i); if (isParent(i)) turn(i, !open.has(i)); }}>
							<td role="gridcell" class="fn" style={{ paddingLeft: Math.min(tree.depth[i], 40) * 12 + 'px' }}>{isParent(i) ? open.has(i) ? '▾ ' : '▸ ' : '· '}{nameOf(tree, i)}{f && <span class="dim"> {KINDS[f.kind] || f.kind}{f.module && ', ' + visible(f.module)}</span>}</td>
							<td role="gridcell" class="n">{percent(tree.weight[i], all)}</td><td role="gridcell" class="n">{amount(tree.weight[i])}</td><td role="gridcell" class="n">{tree.isUpward ? '-' : percent(tree.self[i], all)}</td><td role="gridcell" class="n">{tree.isUpward ? '-' : amount(tree.self[i])}</td></tr>
					);
				})}</tbody></table></div>
			<p class="reading">{rows.length > MOST_ROWS ? count(rows.length - MOST_ROWS) + ' more rows are open: close some, or search.' : count(rows.length) + ' of ' + count(tree.n) + ' nodes are open.'}</p>
		</>
	);
}
