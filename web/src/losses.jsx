// SPDX-License-Identifier: MIT
// losses.jsx - what was lost, where it was lost: hatched on charts of time, and told in words below them.
import { clock, count, day, visible } from './format.js';
import { rangeOf } from './state.js';
import { colour, useAnswer } from './use.js';

const TOLD = 4, LEAST_PX = 3;

// Those of the range that the page shows, of some collectors or of all.
export function useLosses(state, tick, collector) {
	const data = useAnswer('/api/v1/losses', rangeOf(state), tick).data;
	return data ? data.data.filter((loss) => !collector || loss.collector === collector || loss.collector === 'kymo') : [];
}

// Diagonals over spans [from, to] of pixels, within a box.  One without a length is as wide as can be seen.
export function hatch(g, box, spans) {
	g.save();
	g.strokeStyle = colour('bad');
	g.lineWidth = 1.5;
	for (const [from, to] of spans) {
		const left = Math.max(box.left, Math.min(from, to - LEAST_PX)), right = Math.min(box.left + box.width, Math.max(to, from + LEAST_PX));
		if (!(right > left))
			continue;
		g.save();
		g.beginPath();
		g.rect(left, box.top, right - left, box.height);
		g.clip();
		g.beginPath();
		for (let x = left - box.height; x < right; x += 8) {
			g.moveTo(x, box.top + box.height);
			g.lineTo(x + box.height, box.top);
		}
		g.stroke();
		g.restore();
	}
	g.restore();
}

const sentence = (loss) => (loss.count === null ? 'an unknown number of' : count(loss.count)) + ' ' + (loss.collector === 'kymo' ? 'records of every kind' : 'of ' + visible(loss.collector + (loss.event ? '.' + loss.event : ''))) +
	', ' + day(loss.from_unix_ns) + ' ' + clock(loss.from_unix_ns) + ' to ' + clock(loss.to_unix_ns) + (loss.reason ? ': ' + visible(loss.reason) : '');

export function Losses({ losses }) {
	if (!losses.length)
		return null;
	return (
		<ul class="losses" aria-label="what was lost">{losses.slice(0, TOLD).map((loss, i) => <li key={i}>Lost: {sentence(loss)}</li>)}
			{losses.length > TOLD && <li>and {count(losses.length - TOLD)} losses more in this span</li>}</ul>
	);
}
