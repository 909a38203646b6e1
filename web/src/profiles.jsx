// SPDX-License-Identifier: MIT
// profiles.jsx - where CPU time went, as a flame graph, an icicle or a table; one search for all of them.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { address } from './api.js';
import { clock, count, day, duration, literal, percent, visible } from './format.js';
import { boxes, hsl, ink, makeTree, matches, neighbour, nodeAt, search, table } from './flame.js';
import { Choice, Panel, Wait } from './parts.jsx';
import { change, rangeOf } from './state.js';
import { colour, isDark, useAnswer, useScheme, useWidth } from './use.js';

const ROW = 18, PAD = 4, CHAR = 7.3, MOST_ROWS = 400;
const FORMATS = [['pprof', 'pprof', 'pb.gz'], ['speedscope', 'speedscope', 'speedscope.json'], ['firefox', 'Firefox Profiler', 'firefox.json'], ['svg', 'SVG', 'svg'], ['folded', 'folded', 'folded.txt'], ['tree', 'text', 'txt'], ['json', 'JSON', 'json']];
const KINDS = { user: 'user', kernel: 'kernel', jit: 'just in time', unknown: 'unknown', mark: 'mark', comm: 'thread name' };

function nameOf(tree, node) {
	return node === 0 ? 'all' : visible(tree.functions[tree.fn[node]].name);
}

function short(text, wide) {
	const room = Math.floor((wide - 6) / CHAR);
	return room < 3 ? '' : text.length <= room ? text : text.slice(0, room - 1) + '…';
}

function paint(canvas, tree, view) {
	const { root, width, height, hit, selected, hover, flipped } = view, scale = devicePixelRatio || 1, dark = isDark();
	const g = canvas.getContext('2d'), text = colour('ink'), inks = new Map();
	canvas.width = width * scale;
	canvas.height = height * scale;
	g.scale(scale, scale);
	g.font = '12px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace';
	g.textBaseline = 'middle';
	const y = (depth) => flipped ? depth * ROW : height - (depth + 1) * ROW;
	const fill = (f) => {
		let one = inks.get(f);
		if (!one)
			inks.set(f, one = f < 0 ? (dark ? '#3a414c' : '#d5dae0') : hsl(ink(tree.functions[f].kind, tree.functions[f].module, dark)));
		return one;
	};
	const outlined = [];
	const small = boxes(tree, root, width, hit, (node, x, w, depth) => {
		const f = tree.fn[node], isHit = hit && f >= 0 && hit[f];
		g.globalAlpha = hit && !isHit ? 0.35 : 1;
		g.fillStyle = fill(f);
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
		g.fillStyle = hasHit ? (dark ? '#ff7ad9' : '#c2188f') : dark ? '#4a515c' : '#b9c0c8';
		g.fillRect(x, y(depth), Math.max(w, 0.5), ROW - 1);
	});
	g.globalAlpha = 1;
	for (const [x, top, w, thick, isHit] of outlined) {
		g.strokeStyle = isHit && thick === 1 ? (dark ? '#ff7ad9' : '#c2188f') : text;
		g.lineWidth = thick;
		g.strokeRect(x + 0.5, top + 0.5, Math.max(w - 1.6, 0.5), ROW - 2);
	}
	return small;
}

function Details({ tree, node, root }) {
	const f = node > 0 ? tree.functions[tree.fn[node]] : null, all = tree.weight[0];
	const amount = (w) => tree.hasTime ? duration(w) : count(w) + ' samples';
	return (
		<p class="details" aria-live="polite">
			<b class="fn">{nameOf(tree, node)}</b>
			<span>{percent(tree.weight[node], all)}{root > 0 && <> ({percent(tree.weight[node], tree.weight[root])} of what is shown)</>}, {amount(tree.weight[node])}, {count(tree.samples[node])} samples</span>
			<span>self {percent(tree.self[node], all)}, {amount(tree.self[node])}</span>
			{f && <span class="dim">{tree.inlined[node] ? 'inlined, ' : ''}{KINDS[f.kind] || f.kind}{f.module && ', ' + visible(f.module)}{f.source && ', ' + visible(f.source)}</span>}
			{tree.cutNodes[node] > 0 && <span class="dim">{count(tree.cutNodes[node])} functions below it are left out: {percent(tree.cut[node], all)}</span>}
		</p>
	);
}

function Flame({ tree, hit, found, flipped, root, setRoot, label }) {
	const [box, width] = useWidth(), canvas = useRef(null), scheme = useScheme();
	const [selected, select] = useState(0), [hover, setHover] = useState(-1), [small, setSmall] = useState(0);
	const height = (tree.deepest + 1) * ROW + PAD;
	useEffect(() => { select(0); }, [tree]);
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
		else if (step && found.nodes.length)
			show(found.nodes[(found.nodes.indexOf(selected) + step + found.nodes.length) % found.nodes.length]);
		else
			return;
		event.preventDefault();
	};
	const isOver = hover >= 0;
	return (
		<div ref={box}>
			<Details tree={tree} node={isOver ? hover : selected || root} root={root} />
			<canvas ref={canvas} class="flame" style={{ height: height + 'px' }} tabIndex={0} role="img" aria-label={label + '. Arrow keys move between functions, Enter zooms, Escape shows all; t shows a table.'}
				onPointerMove={(event) => setHover(find(event))} onPointerLeave={() => setHover(-1)}
				onClick={(event) => { const node = find(event); if (node >= 0) { setRoot(node); select(node); } }} onKeyDown={onKey} />
			<p class="reading">{small > 0 ? count(small) + (small === 1 ? ' function is' : ' functions are') + ' too small to draw here and share grey bars: zoom, or search.' : 'Every function below is drawn.'}
				{root > 0 && <> <button type="button" onClick={() => { setRoot(0); select(0); }}>show all</button></>}</p>
		</div>
	);
}

function Table({ tree, root, hit, onChoose }) {
	const [sort, setSort] = useState('self');
	const rows = useMemo(() => table(tree, root).filter((row) => !hit || hit[row.fn]).sort((a, b) => b[sort] - a[sort] || a.fn - b.fn), [tree, root, hit, sort]);
	const all = tree.weight[0], amount = (w) => tree.hasTime ? duration(w) : count(w);
	const head = (key, word) => <th scope="col" class="n" aria-sort={sort === key ? 'descending' : 'none'}><button type="button" class="plain" onClick={() => setSort(key)}>{word}</button></th>;
	return (
		<>
			<div class="scroll all" tabIndex={0} role="region" aria-label="rows of functions"><table class="functions"><thead><tr>{head('self', 'self')}<th scope="col" class="n">time</th>{head('total', 'total')}<th scope="col" class="n">time</th><th scope="col">function</th><th scope="col">kind</th><th scope="col">module</th></tr></thead>
				<tbody>{rows.slice(0, MOST_ROWS).map((row) => {
					const f = tree.functions[row.fn];
					return (
						<tr key={row.fn}><td class="n">{percent(row.self, all)}</td><td class="n">{amount(row.self)}</td><td class="n">{percent(row.total, all)}</td><td class="n">{amount(row.total)}</td>
							<td><button type="button" class="plain fn" onClick={() => onChoose(f.name)}>{visible(f.name)}</button></td><td>{KINDS[f.kind] || f.kind}</td><td>{visible(f.module || '')}</td></tr>
					);
				})}</tbody></table></div>
			<p class="reading">{rows.length > MOST_ROWS ? count(rows.length - MOST_ROWS) + ' more functions: search for them.' : count(rows.length) + ' functions.'}</p>
		</>
	);
}

function Filters({ state, box }) {
	const field = (key, label, width, more) => (
		<label>{label} <input value={state[key] || ''} size={width} spellcheck={false} onChange={(event) => change({ [key]: event.currentTarget.value.trim() })} {...more} /></label>);
	return (
		<div class="filters">
			<label>kind <select aria-label="what was sampled"><option>on-CPU</option></select></label>
			<Choice label="group" value={state.group || 'comm'} onChoose={(group) => change({ group })} options={[['comm', 'by process'], ['none', 'all together']]} />
			{field('comm', 'process', 14, { placeholder: 'any name' })}
			{field('pid', 'PID', 7, { placeholder: 'any', inputMode: 'numeric' })}
			<label class="search">search <input ref={box} value={state.q || ''} placeholder="regular expression" size={22} spellcheck={false}
				onInput={(event) => change({ q: event.currentTarget.value }, true)} /></label>
			<label class="check"><input type="checkbox" checked={state.not === '1'} onChange={(event) => change({ not: event.currentTarget.checked ? '1' : '' }, true)} /> all but these</label>
		</div>
	);
}

function Exports({ params, data }) {
	const fixed = data ? { ...params, start: data.start_unix_ns, end: data.end_unix_ns } : params;
	return (
		<p class="exports"><span class="dim">save as</span> {FORMATS.map(([key, word, ending]) => (
			<a key={key} href={address('/api/v1/profiles', { ...fixed, format: key })} download={'kymo-profile.' + ending}>{word}</a>))}</p>
	);
}

export function Profiles({ state, tick }) {
	const params = { ...rangeOf(state), pid: state.pid, comm: state.comm, group: state.group };
	// A picture that moves while it is read is none: it is drawn anew by a button, or when what is asked changes.
	const [again, setAgain] = useState(0), box = useRef(null);
	const answer = useAnswer('/api/v1/profiles', { ...params, format: 'json' }, again), data = answer.data;
	const tree = useMemo(() => data && makeTree(data), [data]);
	const [root, setRoot] = useState(0), shape = state.shape || 'icicle';
	useEffect(() => { setRoot(0); }, [tree]);
	const { hit, wrong } = useMemo(() => {
		try {
			return { hit: tree ? search(tree.functions, state.q, state.not === '1') : null, wrong: '' };
		} catch {
			return { hit: null, wrong: 'not a regular expression' };
		}
	}, [tree, state.q, state.not]);
	const found = useMemo(() => tree ? matches(tree, hit) : { nodes: [], weight: 0 }, [tree, hit]);
	useEffect(() => {
		const onKey = (event) => {
			if (event.ctrlKey || event.altKey || event.metaKey || /INPUT|SELECT/.test(event.target.tagName))
				return;
			if (event.key === '/') {
				box.current.focus();
				event.preventDefault();
			} else if (event.key === 't') {
				change({ shape: shape === 'table' ? '' : 'table' }, true);
			}
		};
		addEventListener('keydown', onKey);
		return () => removeEventListener('keydown', onKey);
	}, [shape]);
	const top = tree && table(tree, 0).sort((a, b) => b.self - a.self)[0];
	const note = data && count(data.samples) + ' samples at ' + data.rate_hz + ' Hz, ' + duration(data.total_ns) + ' of CPU time' + (data.lost ? ', ' + count(data.lost) + ' lost' : ', none lost') +
		(Number(data.covered_to_unix_ns) ? ', ' + day(data.covered_from_unix_ns) + ' ' + clock(data.covered_from_unix_ns) + ' to ' + clock(data.covered_to_unix_ns) : '');
	const label = top ? 'flame graph, ' + count(data.samples) + ' samples, most: ' + visible(tree.functions[top.fn].name) + ' ' + percent(top.self, tree.weight[0]) : 'flame graph';
	return (
		<Panel id="profile" title="Where CPU time goes" note={note}
			tools={<>
				<button type="button" onClick={() => setAgain(again + 1)} disabled={answer.waits}>draw again</button>
				<Choice label="shape" value={shape} onChoose={(to) => change({ shape: to === 'icicle' ? '' : to })} options={[['icicle', 'icicle'], ['flame', 'flame'], ['table', 'table']]} /></>}>
			<Filters state={state} box={box} />
			<p class="matched" role="status">{wrong ? <span class="problem">{wrong}</span> : hit ? percent(found.weight, tree.weight[0]) + ' matched, in ' + count(found.nodes.length) + ' places' : ''}</p>
			<Wait answer={answer} empty={data && !data.samples && 'No samples in this span' + (state.pid || state.comm ? ' of this process.' : '.')}>
				{tree && (shape === 'table'
					? <Table tree={tree} root={root} hit={hit} onChoose={(name) => change({ q: literal(name), shape: '' })} />
					: <Flame tree={tree} hit={hit} found={found} flipped={shape === 'icicle'} root={Math.min(root, tree.n - 1)} setRoot={setRoot} label={label} />)}
			</Wait>
			{data?.not_measured?.length > 0 && <p class="reading">Not measured: {data.not_measured.map(visible).join('; ')}.</p>}
			<Exports params={params} data={data} />
		</Panel>
	);
}
