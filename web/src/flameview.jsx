// SPDX-License-Identifier: MIT
// flameview.jsx - a call tree as a flame graph or an icicle on a canvas, with what is under the pointer or
// the cursor in a fixed place.
import { useEffect, useRef, useState } from 'preact/hooks';
import { changeInk, changeOf, changes, BEYOND } from './diff.js';
import { boxes, hsl, ink, neighbour, nodeAt, table } from './flame.js';
import { count, duration, percent, points, visible } from './format.js';
import { Minimap } from './minimap.jsx';
import { AsTable } from './parts.jsx';
import { colour, isDark, useScheme, useWidth } from './use.js';

const ROW = 18, PAD = 4, CHAR = 7.3;
export const KINDS = { user: 'user', kernel: 'kernel', jit: 'just in time', unknown: 'unknown', mark: 'mark', comm: 'group' };

export function nameOf(tree, node) {
	return node === 0 ? tree.rootName || 'all' : visible(tree.functions[tree.fn[node]].name);
}

function short(text, wide) {
	const room = Math.floor((wide - 6) / CHAR);
	return room < 3 ? '' : text.length <= room ? text : text.slice(0, room - 1) + '…';
}

export function inksOf(tree, dark) {
	const inks = new Map(), whole = dark ? '#3a414c' : '#d5dae0';
	if (tree.diff)
		return (node) => node ? hsl(changeInk(changeOf(tree, node), dark)) : whole;
	return (node) => {
		const f = tree.fn[node];
		let one = inks.get(f);
		if (!one)
			inks.set(f, one = f < 0 ? whole : hsl(ink(tree.functions[f].kind, tree.functions[f].module, dark)));
		return one;
	};
}

export function paint(canvas, tree, view) {
	const { root, width, height, hit, selected, hover, flipped } = view, scale = devicePixelRatio || 1, dark = isDark();
	const g = canvas.getContext('2d'), text = colour('ink'), fill = inksOf(tree, dark), mark = dark ? '#ff7ad9' : '#c2188f';
	canvas.width = width * scale;
	canvas.height = height * scale;
	g.scale(scale, scale);
	g.font = '12px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace';
	g.textBaseline = 'middle';
	const y = (depth) => flipped ? depth * ROW : height - (depth + 1) * ROW;
	const outlined = [];
	const small = boxes(tree, root, width, hit, (node, x, w, depth) => {
		const f = tree.fn[node], isHit = hit && f >= 0 && hit[f];
		g.globalAlpha = hit && !isHit ? 0.35 : 1;
		g.fillStyle = fill(node);
		g.fillRect(x, y(depth), Math.max(w - 0.6, 0.6), ROW - 1);
		if (f >= 0 && tree.functions[f].kind === 'kernel' && w > 8) {
			g.fillStyle = dark ? '#9cc7ff' : '#1f5fae';
			g.fillRect(x, y(depth), 2, ROW - 1);
		}
		g.globalAlpha = hit && !isHit ? 0.6 : 1;
		const label = w > 24 ? short(nameOf(tree, node), w) : '';
		if (label) {
			g.fillStyle = text;
			g.fillText(label, x + 4, y(depth) + ROW / 2);
		}
		if (isHit || node === selected || node === hover)
			outlined.push([x, y(depth), w, node === selected ? 2 : 1, isHit]);
	}, (node, x, w, depth, nodes, hasHit) => {
		g.globalAlpha = 1;
		g.fillStyle = hasHit ? mark : dark ? '#4a515c' : '#b9c0c8';
		g.fillRect(x, y(depth), Math.max(w, 0.5), ROW - 1);
	});
	g.globalAlpha = 1;
	for (const [x, top, w, thick, isHit] of outlined) {
		g.strokeStyle = isHit && thick === 1 ? mark : text;
		g.lineWidth = thick;
		g.strokeRect(x + 0.5, top + 0.5, Math.max(w - 1.6, 0.5), ROW - 2);
	}
	return small;
}

function Change({ tree, node }) {
	const { before, after, by, sigma } = changeOf(tree, node);
	return (
		<>
			<span>before {percent(before, 1)}, after {percent(after, 1)}: {points(by)}</span>
			<span>{Math.abs(sigma) >= BEYOND ? 'more than chance: ' : 'may be chance: '}{Math.abs(sigma).toFixed(1)} standard deviations</span>
		</>
	);
}

function Amount({ tree, node, root }) {
	const all = tree.weight[0], amount = (w) => tree.hasTime ? duration(w) : count(w) + ' samples';
	return (
		<>
			<span>{percent(tree.weight[node], all)}{root > 0 && <> ({percent(tree.weight[node], tree.weight[root])} of what is shown)</>}, {amount(tree.weight[node])}, {count(tree.samples[node])} samples</span>
			{!tree.isUpward && <span>self {percent(tree.self[node], all)}, {amount(tree.self[node])}</span>}
		</>
	);
}

function Details({ tree, node, root }) {
	const f = node > 0 ? tree.functions[tree.fn[node]] : null, all = tree.weight[0];
	return (
		<p class="details" aria-live="polite">
			<b class="fn">{nameOf(tree, node)}</b>
			{tree.diff ? <Change tree={tree} node={node} /> : <Amount tree={tree} node={node} root={root} />}
			{f && <span class="dim">{tree.inlined[node] ? 'inlined, ' : ''}{KINDS[f.kind] || f.kind}{f.module && ', ' + visible(f.module)}{f.source && ', ' + visible(f.source)}</span>}
			{tree.cutNodes[node] > 0 && <span class="dim">{count(tree.cutNodes[node])} functions below it are left out: {percent(tree.cut[node], all)}</span>}
		</p>
	);
}

const MOST_ROWS = 200;

// The functions of a tree for who cannot see it, those with the most first.
function Rows({ tree, label }) {
	const of = (f) => [visible(tree.functions[f].name), KINDS[tree.functions[f].kind] || tree.functions[f].kind], all = tree.weight[0];
	const rows = () => tree.diff ? changes(tree).sort((a, b) => Math.abs(b.after - b.before) - Math.abs(a.after - a.before)).map((row) => [...of(row.fn), percent(row.before, 1), percent(row.after, 1)])
		: table(tree, 0).sort((a, b) => tree.isUpward ? b.total - a.total : b.self - a.self || b.total - a.total).map((row) => [...of(row.fn), tree.isUpward ? '-' : percent(row.self, all), percent(row.total, all)]);
	const some = () => {
		const list = rows();
		return list.length > MOST_ROWS ? [...list.slice(0, MOST_ROWS), ['and ' + count(list.length - MOST_ROWS) + ' more functions', '', '', '']] : list;
	};
	return <AsTable label={label.split(',')[0] + ', as a table'} head={['function', 'kind', ...(tree.diff ? ['#before', '#after'] : ['#self', '#total'])]} rows={some} />;
}

export function Flame({ tree, hit, found, flipped, root, setRoot, label, onChoose }) {
	const [box, width] = useWidth(), canvas = useRef(null), scheme = useScheme();
	const [selected, select] = useState(0), [hover, setHover] = useState(-1), [small, setSmall] = useState(0);
	const height = (tree.deepest + 1) * ROW + PAD;
	useEffect(() => { select(0); setHover(-1); }, [tree]);
	useEffect(() => {
		if (width)
			setSmall(paint(canvas.current, tree, { root, width, height, hit, selected: selected || -1, hover, flipped }));
	}, [tree, hit, root, width, selected, hover, flipped, scheme]);
	const find = (event) => {
		const place = canvas.current.getBoundingClientRect(), y = event.clientY - place.top;
		return nodeAt(tree, root, width, event.clientX - place.left, flipped ? Math.floor(y / ROW) : Math.floor((height - y) / ROW));
	};
	// Zooms so far that the node can be seen.
	const show = (node) => {
		select(node);
		let top = node < tree.end[root] && node >= root ? root : 0;
		if (tree.weight[node] / tree.weight[top] * width < 12)
			for (top = node; tree.parent[top] > 0 && tree.weight[node] / tree.weight[tree.parent[top]] * width >= 40;)
				top = tree.parent[top];
		setRoot(top);
	};
	const onKey = (event) => {
		if (event.ctrlKey || event.altKey || event.metaKey)
			return;
		const way = { ArrowLeft: 'left', ArrowRight: 'right', ArrowUp: flipped ? 'parent' : 'child', ArrowDown: flipped ? 'child' : 'parent' }[event.key];
		const step = { n: 1, N: -1 }[event.key];
		if (way)
			show(neighbour(tree, selected, way));
		else if (event.key === 'Enter')
			setRoot(selected);
		else if (event.key === 'Escape' && (root || selected)) {
			setRoot(0);
			select(0);
		} else if (event.key === 'Backspace' && root)
			setRoot(tree.parent[root]);
		else if (event.key === 's' && onChoose && selected > 0)
			onChoose(tree.functions[tree.fn[selected]].name);
		else if (step && found.nodes.length)
			show(found.nodes[(found.nodes.indexOf(selected) + step + found.nodes.length) % found.nodes.length]);
		else
			return;
		event.preventDefault();
	};
	const at = hover >= 0 && hover < tree.n ? hover : selected || root, isFunction = at > 0 && onChoose;
	return (
		<div ref={box}>
			<Details tree={tree} node={Math.min(at, tree.n - 1)} root={root} />
			<Minimap tree={tree} root={root} flipped={flipped} width={width} onChoose={(node) => { setRoot(node); select(node); }} />
			<canvas ref={canvas} class="flame" style={{ height: height + 'px' }} tabIndex={0} role="img" aria-label={label + '. Arrow keys move between functions, Enter zooms, Escape shows all, s shows callers and callees; t shows a table.'}
				onPointerMove={(event) => setHover(find(event))} onPointerLeave={() => setHover(-1)}
				onClick={(event) => { const node = find(event); if (node >= 0) { setRoot(node); select(node); } }} onKeyDown={onKey} />
			<p class="reading">{small > 0 ? count(small) + (small === 1 ? ' function is' : ' functions are') + ' too small to draw here and share grey bars: zoom, or search.' : 'Every function below is drawn.'}
				{root > 0 && <> <button type="button" onClick={() => { setRoot(0); select(0); }}>show all</button></>}
				{isFunction && selected > 0 && <> <button type="button" onClick={() => onChoose(tree.functions[tree.fn[selected]].name)}>callers and callees of {nameOf(tree, selected)}</button></>}</p>
			<Rows tree={tree} label={label} />
		</div>
	);
}
