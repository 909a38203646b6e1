// SPDX-License-Identifier: MIT
// histogram.jsx - how many took how long: time to the right in steps that grow, a bar for each bucket.
import { useState } from 'preact/hooks';
import { count, duration, percent } from './format.js';
import { AsTable } from './parts.jsx';
import { useScheme, useWidth } from './use.js';

const HEIGHT = 150, BOTTOM = 18, MARKS = [['p50_ns', 'half'], ['p90_ns', '90 %'], ['p99_ns', '99 %']];

// Buckets as bars: from and to are shares of the width, high one of the height.  Pure.
export function barsOf(buckets, least = 0.004) {
	if (!buckets.length)
		return { bars: [], at: () => 0, from: 1, to: 1 };
	const low = Math.log(Math.max(1, Number(buckets[0][0]))), high = Math.log(Number(buckets.at(-1)[1]) + 1), wide = Math.max(high - low, 1e-9);
	// Buckets are of different widths: what is drawn is how many of each width, or wide ones would look busy.
	const at = (ns) => Math.max(0, Math.min(1, (Math.log(Math.max(1, ns)) - low) / wide));
	const raw = buckets.map(([from, to, n]) => ({ from: at(Number(from)), to: at(Number(to) + 1), n, least: Number(from), most: Number(to) }));
	const dense = raw.map((bar) => bar.n / Math.max(bar.to - bar.from, least)), most = Math.max(...dense);
	return { bars: raw.map((bar, i) => ({ ...bar, high: dense[i] / most })), at, from: Math.exp(low), to: Math.exp(high) };
}

export function Histogram({ buckets, row, what }) {
	const [box, width] = useWidth(), [hover, setHover] = useState(null);
	useScheme();
	const { bars, at, from, to } = barsOf(buckets), total = buckets.reduce((all, [, , n]) => all + n, 0), room = HEIGHT - BOTTOM;
	const headline = total ? count(total) + ' ' + what + ', from ' + duration(bars[0].least) + ' to ' + duration(bars.at(-1).most + 1) : 'No ' + what + ' yet';
	const ticks = total ? [0, 1, 2, 3, 4].map((i) => [i / 4, from * Math.pow(to / from, i / 4)]) : [];
	const find = (event) => {
		const place = event.currentTarget.getBoundingClientRect(), x = (event.clientX - place.left) / place.width;
		setHover(bars.find((bar) => x >= bar.from && x < bar.to) || null);
	};
	return (
		<div ref={box}>
			<svg class="histogram" width={width} height={HEIGHT} role="img" aria-label={'histogram: ' + headline} onPointerMove={find} onPointerLeave={() => setHover(null)}>
				{bars.map((bar) => <rect key={bar.least} class={hover?.least === bar.least ? 'at' : ''} x={bar.from * width} y={room * (1 - bar.high)} width={Math.max((bar.to - bar.from) * width - 0.5, 1)} height={Math.max(room * bar.high, 1)} />)}
				{MARKS.filter(([key]) => row[key] !== null).map(([key, word], i) => <g key={key}><line x1={at(row[key]) * width} x2={at(row[key]) * width} y1={0} y2={room} /><text x={at(row[key]) * width + (at(row[key]) > 0.8 ? -4 : 4)} y={11 + 13 * i} text-anchor={at(row[key]) > 0.8 ? 'end' : 'start'}>{word}</text></g>)}
				{ticks.map(([share, ns], i) => <text key={i} x={share * width} y={HEIGHT - 4} text-anchor={i === 0 ? 'start' : i === 4 ? 'end' : 'middle'}>{duration(ns)}</text>)}
			</svg>
			<p class="reading">{hover ? duration(hover.least) + ' to ' + duration(hover.most + 1) + ': ' + count(hover.n) + ' (' + percent(hover.n, total) + ')' : headline}</p>
			<AsTable label={what + ' by time, as a table'} head={['#at least', '#below', '#count', '#share']} rows={() => bars.map((bar) => [duration(bar.least), duration(bar.most + 1), count(bar.n), percent(bar.n, total)])} />
		</div>
	);
}
