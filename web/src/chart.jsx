// SPDX-License-Identifier: MIT
// chart.jsx - CPU time over time, stacked: uPlot draws it, we name it.
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { clock, duration, visible } from './format.js';
import { Losses, hatch } from './losses.jsx';
import { AsTable } from './parts.jsx';
import { zoomTo } from './state.js';
import { colour, useScheme, useSteps, useWidth } from './use.js';

// Okabe and Ito's colours, which the common kinds of colour blindness leave apart.
const INKS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#8a7400', '#7a5fd0', '#5d8a3a', '#a0522d'];
export const inkOf = (i) => i < 0 ? '#8b949e' : INKS[i % INKS.length];

// The answer of /timeseries as lines in CPUs; null where nobody measured.
export function linesOf(data, scale = 1) {
	const step = Number(data.step_ns), start = Number(BigInt(data.start_unix_ns) / 1000n) / 1e6;
	const covered = data.covered_ns || data.others.values.map(() => step);
	const x = covered.map((_, i) => start + (i + 0.5) * step / 1e9);
	const rate = (values) => values.map((v, i) => covered[i] ? v * scale / covered[i] : null);
	const lines = data.series.map((one, i) => ({ name: visible(one.name), raw: one.name, pid: one.pid, total: Number(one.total), ink: inkOf(i), values: rate(one.values) }));
	if (data.others.lines)
		lines.push({ name: data.others.lines + ' others', total: Number(data.others.total), ink: inkOf(-1), values: rate(data.others.values) });
	return { x, lines, step };
}

function stacked(x, lines) {
	const sums = x.map(() => 0), out = [];
	for (let k = lines.length - 1; k >= 0; k--) {
		lines[k].values.forEach((v, i) => { sums[i] = v === null ? null : (sums[i] || 0) + v; });
		out.unshift([...sums]);
	}
	return [x, ...out];
}

function optionsOf(lines, width, ceiling, onCursor, marks) {
	const dim = colour('dim'), grid = { stroke: colour('line'), width: 1 };
	const axis = { stroke: dim, grid, ticks: grid, font: '11px system-ui, sans-serif' };
	return {
		width, height: 200, legend: { show: false }, cursor: { drag: { x: true, y: false, setScale: false }, points: { show: false } },
		scales: { x: { time: true }, y: { range: (u, low, high) => [0, Math.max(high || 0, ceiling)] } },
		bands: lines.slice(1).map((_, k) => ({ series: [k + 1, k + 2] })),
		axes: [{ ...axis, values: (u, ticks) => ticks.map((t) => clock(BigInt(Math.round(t * 1000)) * 1000000n)) , space: 90, size: 30 }, { ...axis, size: 44, values: (u, ticks) => ticks.map((t) => +t.toFixed(2)) }],
		series: [{}, ...lines.map((line) => ({ label: line.name, stroke: line.ink, width: 1, fill: line.ink + 'd8', points: { show: false }, spanGaps: false }))],
		hooks: {
			setCursor: [(u) => onCursor(u.cursor.idx)],
			draw: [(u) => hatch(u.ctx, u.bbox, marks.current.map((loss) => [u.valToPos(Number(loss.from_unix_ns) / 1e9, 'x', true), u.valToPos(Number(loss.to_unix_ns) / 1e9, 'x', true)]))],
			setSelect: [(u) => {
				if (u.select.width > 4)
					zoomTo(u.posToVal(u.select.left, 'x') * 1e9, u.posToVal(u.select.left + u.select.width, 'x') * 1e9);
				u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
			}],
		},
	};
}

export function Stack({ data, label, ceiling, onName, losses = [], unit = 'CPUs', what = 'CPUs in use', scale = 1, amount = duration }) {
	const [box, width] = useWidth(), scheme = useScheme(), plot = useRef(null), place = useRef(null);
	const [at, setAt] = useState(null);
	const { x, lines, step } = linesOf(data, scale), marks = useRef(losses);
	marks.current = losses;
	const shape = lines.map((line) => line.name).join('\n') + width + scheme;
	useEffect(() => {
		if (!width)
			return undefined;
		plot.current = new uPlot(optionsOf(lines, width, ceiling, setAt, marks), stacked(x, lines), place.current);
		return () => plot.current.destroy();
	}, [shape, ceiling]);
	useEffect(() => { plot.current?.setData(stacked(x, lines)); }, [data, losses]);
	// By keys the same is shown as under a pointer, and the same span marked.
	const show = (i) => plot.current?.setCursor({ left: i === null ? -10 : plot.current.valToPos(x[i], 'x'), top: 10 });
	const zoom = (from, to) => zoomTo((x[from] - step / 2e9) * 1e9, (x[to] + step / 2e9) * 1e9);
	const keys = useSteps(x.length, { ArrowLeft: -1, ArrowRight: 1 }, (from, to) => { keys.clear(); zoom(from, to); });
	useEffect(() => {
		if (!plot.current)
			return;
		show(keys.at);
		const [from, to] = keys.at === null || keys.anchor === null ? [0, 0] : [keys.anchor, keys.at].sort((a, b) => a - b).map((i) => plot.current.valToPos(x[i], 'x'));
		plot.current.setSelect({ left: from, width: to - from, top: 0, height: plot.current.over.clientHeight }, false);
	}, [keys.at, keys.anchor]);
	const isAt = at !== null && at !== undefined && x[at] !== undefined;
	const atNs = isAt && BigInt(Math.round(x[at] * 1000)) * 1000000n;
	return (
		<div ref={box}>
			<div ref={place} class="plot" role="img" tabIndex={0} aria-label={label + '. Arrow keys move, with Shift they mark a span, Enter looks closer.'} onKeyDown={keys.onKeyDown} onBlur={keys.clear} />
			<p class="reading" aria-live={keys.at === null ? 'off' : 'polite'}>{isAt ? clock(atNs) + ': ' + (lines.length && lines[0].values[at] === null ? 'not measured' : sum(lines, at).toFixed(2) + ' ' + unit) : what + ', in steps of ' + duration(step) + '. Drag over a span to look closer.'}</p>
			<ul class="keys">{lines.map((line) => (
				<li key={line.name + line.pid}><svg width="10" height="10" aria-hidden="true"><rect width="10" height="10" rx="2" fill={line.ink} /></svg>
					{onName && line.ink !== inkOf(-1) ? <button type="button" class="plain" onClick={() => onName(line)}>{line.name}</button> : line.name}
					<b>{isAt ? (line.values[at] === null ? '-' : line.values[at].toFixed(2)) : amount(line.total)}</b></li>))}</ul>
			<Losses losses={losses} />
			<AsTable label={label + ', as a table'} head={['time', ...lines.map((line) => '#' + line.name)]} rows={() => x.map((t, i) => [clock(BigInt(Math.round(t * 1000)) * 1000000n), ...lines.map((line) => line.values[i] === null ? 'not measured' : line.values[i].toFixed(2))])} />
		</div>
	);
}

function sum(lines, at) {
	return lines.reduce((all, line) => all + (line.values[at] || 0), 0);
}
