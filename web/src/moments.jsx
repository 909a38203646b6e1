// SPDX-License-Identifier: MIT
// moments.jsx - CPU time in the finest steps that the store keeps: time across, the offset within each
// column down.  A run of steps is picked by dragging or by keys, and becomes what is shown.
import { useEffect, useRef, useState } from 'preact/hooks';
import { clock, duration, percent } from './format.js';
import { heatInk } from './heat.jsx';
import { AsTable } from './parts.jsx';
import { lengthNs, rangeOf } from './state.js';
import { Losses, hatch, useLosses } from './losses.jsx';
import { colour, isDark, useAnswer, useScheme, useSteps, useWidth } from './use.js';

const BOTTOM = 18, HEIGHT = 108, MOST_COLUMNS = 100, MOST_ROWS = 60, LEAST_ROWS = 6;

// Seconds of a step and of a column: steps are no finer than slices, and about as many as can be seen.
export function gridOf(seconds, slice) {
	const wanted = [10, 15, 30, 60, 120, 300, 900, 1800, 3600, 7200, 21600].find((c) => seconds / c <= MOST_COLUMNS && c >= LEAST_ROWS * slice) || 86400;
	const step = Math.ceil(Math.max(wanted / MOST_ROWS, 1) / slice) * slice;
	return { step, rows: Math.max(1, Math.round(wanted / step)) };
}

// The slices of which the middle lies in the steps a .. b: from the middle of the first one to that of the last.
export function spanOf(data, a, b, sliceNs) {
	const start = BigInt(data.start_unix_ns), step = BigInt(data.step_ns), half = BigInt(sliceNs) / 2n;
	const from = start + BigInt(Math.min(a, b)) * step + half, to = start + BigInt(Math.max(a, b) + 1) * step - half;
	return { from: String(from), to: String(to > from ? to : from + 1n) };
}

export function sharesOf(data) {
	return data.covered_ns.map((covered, i) => covered ? (data.series.reduce((all, one) => all + one.values[i], 0) + data.others.values[i]) / covered : null);
}

// Steps a .. b lie in columns: what of each column is theirs is hatched.
function hatchSteps(g, [a, b], { n, rows, wide, high }) {
	for (let from = Math.max(a, 0), to = Math.min(b, n - 1); from <= to;) {
		const left = Math.floor(from / rows) * wide, until = Math.min(to, (Math.floor(from / rows) + 1) * rows - 1);
		hatch(g, { left, top: from % rows * high, width: wide, height: (until - from + 1) * high }, [[left, left + wide]]);
		from = until + 1;
	}
}

function draw(canvas, shares, view) {
	const { width, rows, most, picked, at, start, step, losses } = view, scale = devicePixelRatio || 1, g = canvas.getContext('2d'), dark = isDark();
	const columns = Math.ceil(shares.length / rows), wide = width / columns, high = (HEIGHT - BOTTOM) / rows;
	canvas.width = width * scale;
	canvas.height = HEIGHT * scale;
	g.scale(scale, scale);
	const box = (i, grow) => [Math.floor(i / rows) * wide + grow, i % rows * high + grow, Math.max(wide - 0.5 - 2 * grow, 1), Math.max(high - (high > 4 ? 0.5 : 0) - 2 * grow, 1)];
	shares.forEach((share, i) => {
		if (share === null) {
			g.fillStyle = colour('line');
			const [x, y, w, h] = box(i, 0);
			g.fillRect(x, y + h / 2, w, Math.min(1, h));
			return;
		}
		g.fillStyle = heatInk(most ? share / most : 0, dark);
		g.fillRect(...box(i, 0));
	});
	for (const loss of losses)
		hatchSteps(g, [Number((BigInt(loss.from_unix_ns) - start) / step), Number((BigInt(loss.to_unix_ns) - start) / step)], { n: shares.length, rows, wide, high });
	g.strokeStyle = colour('ink');
	if (picked)
		for (let i = Math.min(...picked); i <= Math.max(...picked); i++)
			g.strokeRect(...box(i, 0.5));
	if (at !== null) {
		g.lineWidth = 2;
		g.strokeRect(...box(at, 1));
	}
	g.fillStyle = colour('dim');
	g.font = '11px system-ui, sans-serif';
	const marks = Math.max(1, Math.min(columns, Math.floor(width / 110)));
	for (let i = 0; i < marks; i++) {
		const column = Math.round(columns * i / marks);
		g.fillText(clock(start + BigInt(column * rows) * step), column * wide, HEIGHT - 4);
	}
}

export function Moments({ state, status, tick, picked, onPick }) {
	const slice = status.data?.cost.profile_slice_s, grid = gridOf(lengthNs(state) / 1e9, slice || 10);
	const answer = useAnswer(slice && '/api/v1/timeseries', { ...rangeOf(state), by: 'all', step: grid.step + 's', pid: state.pid, comm: state.comm }, tick), data = answer.data, losses = useLosses(state, tick, 'profile');
	return (
		<div class="moments">
			{data ? <Map data={data} rows={grid.rows} slice={slice * 1e9} picked={picked} onPick={onPick} losses={losses} /> : <p class="empty">{answer.problem ? answer.problem.message : 'Asking the daemon…'}</p>}
		</div>
	);
}

export function Map({ data, rows, slice, picked, onPick, losses = [] }) {
	const [box, width] = useWidth(), canvas = useRef(null), scheme = useScheme();
	const [drag, setDrag] = useState(null);
	const shares = sharesOf(data), step = BigInt(data.step_ns), start = BigInt(data.start_unix_ns), columns = Math.ceil(shares.length / rows);
	const most = shares.reduce((all, share) => Math.max(all, share || 0), 0);
	const stepOfTime = (ns) => Math.max(0, Math.min(shares.length - 1, Number((BigInt(ns) - start) / step)));
	const take = (a, b) => {
		setDrag(null);
		onPick(spanOf(data, a, b, slice));
	};
	const { at, anchor, clear, onKeyDown } = useSteps(shares.length, { ArrowLeft: -rows, ArrowRight: rows, ArrowUp: -1, ArrowDown: 1 }, take, () => onPick(null));
	const chosen = drag || (anchor !== null && at !== null ? [anchor, at] : picked ? [stepOfTime(picked.from), stepOfTime(String(BigInt(picked.to) - 1n))] : null);
	useEffect(() => { width && draw(canvas.current, shares, { width, rows, most, picked: chosen, at, start, step, losses }); }, [data, rows, width, scheme, drag, at, anchor, picked, losses]);
	const find = (event) => {
		const place = canvas.current.getBoundingClientRect();
		const column = Math.floor((event.clientX - place.left) / width * columns), row = Math.floor((event.clientY - place.top) / (HEIGHT - BOTTOM) * rows);
		return Math.max(0, Math.min(column * rows + Math.max(0, Math.min(row, rows - 1)), shares.length - 1));
	};
	const timeOf = (i) => clock(start + BigInt(i) * step, step < 1000000000n), told = (i) => shares[i] === null ? 'not measured' : shares[i].toFixed(2) + ' CPUs';
	const busiest = shares.reduce((best, share, i) => share !== null && (best < 0 || share > shares[best]) ? i : best, -1);
	const headline = busiest < 0 ? 'Nothing was measured in this span' : 'CPU time in steps of ' + duration(data.step_ns) + ', the most ' + told(busiest) + ' at ' + timeOf(busiest);
	const end = (event) => { if (drag) take(drag[0], find(event)); };
	return (
		<div ref={box}>
			<canvas ref={canvas} class="heat moment" tabIndex={0} role="img" aria-label={'heat map of moments: ' + headline + '. Arrow keys move, with Shift they mark a span, Enter shows it, Escape all.'} onKeyDown={onKeyDown}
				onPointerDown={(event) => { event.currentTarget.setPointerCapture(event.pointerId); const i = find(event); setDrag([i, i]); clear(); }}
				onPointerMove={(event) => { const i = find(event); if (drag) setDrag([drag[0], i]); }} onPointerUp={end} onPointerCancel={() => setDrag(null)} />
			<p class="reading" aria-live="polite">{chosen ? timeOf(Math.min(...chosen)) + ' to ' + timeOf(Math.max(...chosen) + 1) + (chosen[0] === chosen[1] ? ': ' + told(chosen[0]) : '') : at !== null ? timeOf(at) + ': ' + told(at) : headline + '; ' + duration(String(step * BigInt(rows))) + ' a column, from top to bottom. Drag to pick a moment.'}
				{picked && <> <button type="button" onClick={() => onPick(null)}>whole span</button></>}</p>
			<Losses losses={losses} />
			<AsTable label="CPU time by moments, as a table" head={['time', '#CPUs', '#of the most']} rows={() => shares.map((share, i) => [timeOf(i), share === null ? 'not measured' : share.toFixed(2), share === null ? '-' : percent(share, most)])} />
		</div>
	);
}
