// SPDX-License-Identifier: MIT
// heat.jsx - durations over time: time across, duration upwards in steps that grow, dark where many are.
import { useEffect, useRef, useState } from 'preact/hooks';
import { clock, count, duration } from './format.js';
import { Losses, hatch } from './losses.jsx';
import { AsTable } from './parts.jsx';
import { zoomTo } from './state.js';
import { colour, isDark, useScheme, useSteps, useWidth } from './use.js';

const LEFT = 52, BOTTOM = 18, HEIGHT = 150;

// From few to many, and as far apart for who sees fewer colours.
export function heatInk(share, dark) {
	const light = dark ? 24 + 58 * share : 90 - 62 * share;
	return 'hsl(' + (dark ? 215 - 165 * share : 205 + 45 * share) + ' ' + (55 + 30 * share) + '% ' + light + '%)';
}

// How many each step had, and the bucket in which the middle one, the 99th of a hundred and the last are.
export function summary(data) {
	const steps = new Map();
	for (const [step, bucket, n] of data.cells) {
		const row = steps.get(step) || { step, n: 0, cells: [] };
		row.n += n;
		row.cells.push([bucket, n]);
		steps.set(step, row);
	}
	const top = (row, share) => {
		let left = Math.ceil(row.n * share);
		for (const [bucket, n] of row.cells.sort((a, b) => a[0] - b[0])) {
			left -= n;
			if (left <= 0)
				return data.buckets_ns[bucket][1];
		}
		return null;
	};
	return [...steps.values()].sort((a, b) => a.step - b.step).map((row) => ({ ...row, p50: top(row, 0.5), p99: top(row, 0.99), max: top(row, 1) }));
}

function draw(canvas, data, width, at, losses) {
	const scale = devicePixelRatio || 1, g = canvas.getContext('2d'), dark = isDark();
	const buckets = data.buckets_ns.length, high = (HEIGHT - BOTTOM) / buckets, wide = (width - LEFT) / data.steps;
	canvas.width = width * scale;
	canvas.height = HEIGHT * scale;
	g.scale(scale, scale);
	const most = Math.log1p(data.cells.reduce((all, [, , n]) => Math.max(all, n), 1));
	for (const [step, bucket, n] of data.cells) {
		g.fillStyle = heatInk(Math.log1p(n) / most, dark);
		g.fillRect(LEFT + step * wide, HEIGHT - BOTTOM - (bucket + 1) * high, Math.ceil(wide * scale) / scale, Math.ceil(high * scale) / scale);
	}
	const place = (ns) => LEFT + Number(BigInt(ns) - BigInt(data.start_unix_ns)) / Number(data.step_ns) * wide;
	hatch(g, { left: LEFT, top: 0, width: width - LEFT, height: HEIGHT - BOTTOM }, losses.map((loss) => [place(loss.from_unix_ns), place(loss.to_unix_ns)]));
	g.fillStyle = colour('dim');
	g.font = '11px system-ui, sans-serif';
	g.textAlign = 'right';
	for (let i = 0, last = 1e9; i < buckets; i++) {
		const y = HEIGHT - BOTTOM - (i + 0.5) * high + 4;
		if (last - y >= 26) {
			g.fillText(duration(data.buckets_ns[i][0]), LEFT - 6, Math.max(y, 10));
			last = y;
		}
	}
	const start = BigInt(data.start_unix_ns), step = BigInt(data.step_ns), marks = Math.max(1, Math.floor((width - LEFT) / 110));
	for (let i = 0; i <= marks; i++) {
		const where = Math.round(data.steps * i / marks);
		g.textAlign = i === 0 ? 'left' : i === marks ? 'right' : 'center';
		g.fillText(clock(start + BigInt(where) * step), LEFT + where * wide, HEIGHT - 4);
	}
	if (at) {
		g.strokeStyle = colour('ink');
		g.strokeRect(LEFT + Math.min(at.from, at.to) * wide, 1, (Math.abs(at.to - at.from) + 1) * wide, HEIGHT - BOTTOM - 2);
	}
}

export function Heat({ data, what, losses = [] }) {
	const [box, width] = useWidth(), canvas = useRef(null), scheme = useScheme();
	const [cell, setCell] = useState(null), [drag, setDrag] = useState(null);
	const rows = summary(data), worst = rows.reduce((all, row) => !all || Number(row.max) > Number(all.max) ? row : all, null);
	const timeOf = (step) => BigInt(data.start_unix_ns) + BigInt(step) * BigInt(data.step_ns);
	const zoom = (from, to) => zoomTo(Number(timeOf(from)), Number(timeOf(to + 1)));
	const { at, anchor, clear, onKeyDown } = useSteps(data.steps, { ArrowLeft: -1, ArrowRight: 1 }, (from, to) => { clear(); zoom(from, to); });
	const marked = drag ? drag.from !== drag.to && drag : at !== null && { from: anchor ?? at, to: at };
	useEffect(() => { width && draw(canvas.current, data, width, marked, losses); }, [data, width, scheme, drag, at, anchor, losses]);
	const find = (event) => {
		const place = canvas.current.getBoundingClientRect();
		const step = Math.floor((event.clientX - place.left - LEFT) / (width - LEFT) * data.steps);
		const bucket = Math.floor((HEIGHT - BOTTOM - (event.clientY - place.top)) / (HEIGHT - BOTTOM) * data.buckets_ns.length);
		return { step: Math.min(Math.max(step, 0), data.steps - 1), bucket };
	};
	const headline = count(data.total) + ' ' + what + (worst ? ', the longest up to ' + duration(worst.max) + ' at ' + clock(timeOf(worst.step)) : '');
	const told = (row) => count(row.n) + ', half within ' + duration(row.p50) + ', the longest up to ' + duration(row.max);
	const byKey = at !== null && clock(timeOf(at)) + ': ' + (rows.some((row) => row.step === at) ? told(rows.find((row) => row.step === at)) : 'none');
	const there = cell && data.buckets_ns[cell.bucket];
	const n = there && (data.cells.find(([s, b]) => s === cell.step && b === cell.bucket)?.[2] || 0);
	return (
		<div ref={box}>
			<canvas ref={canvas} class="heat" role="img" tabIndex={0} aria-label={'heat map: ' + headline + '. Arrow keys move, with Shift they mark a span, Enter looks closer.'} onKeyDown={onKeyDown} onBlur={clear}
				onPointerMove={(event) => { const at = find(event); setCell(at); if (drag) setDrag({ ...drag, to: at.step }); }}
				onPointerLeave={() => setCell(null)}
				onPointerDown={(event) => { event.currentTarget.setPointerCapture(event.pointerId); clear(); const { step } = find(event); setDrag({ from: step, to: step }); }}
				onPointerUp={() => {
					if (drag && drag.from !== drag.to)
						zoom(Math.min(drag.from, drag.to), Math.max(drag.from, drag.to));
					setDrag(null);
				}} />
			<p class="reading" aria-live={byKey ? 'polite' : 'off'}>{byKey || (there ? clock(timeOf(cell.step)) + ', ' + duration(there[0]) + ' to ' + duration(Number(there[1]) + 1) + ': ' + count(n) : headline)}</p>
			<Losses losses={losses} />
			<AsTable label={what + ', as a table'} head={['time', '#count', '#half within', '#99 % within', '#longest within']}
				rows={() => rows.map((row) => [clock(timeOf(row.step)), count(row.n), duration(row.p50), duration(row.p99), duration(row.max)])} />
		</div>
	);
}
