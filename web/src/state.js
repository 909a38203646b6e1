// SPDX-License-Identifier: MIT
// state.js - what the page shows is what its address says: view, range of time, and the rest.
import { useEffect, useState } from 'preact/hooks';

export const PRESETS = [['-1m', '1 min'], ['-5m', '5 min'], ['-15m', '15 min'], ['-1h', '1 h'], ['-6h', '6 h'], ['-1d', '24 h'], ['-7d', '7 d']];
const DEFAULTS = { view: 'overview', start: '-15m' };

// A span of another form than the page makes would be drawn wrongly: then the usual one.
export function read(search) {
	const state = { ...DEFAULTS, ...Object.fromEntries(new URLSearchParams(search)) };
	const isSpan = state.end ? /^\d+$/.test(state.start) && /^\d+$/.test(state.end) : /^-\d+[smhd]$/.test(state.start);
	return isSpan ? state : { ...state, start: DEFAULTS.start, end: '' };
}

export function write(state) {
	const list = Object.entries(state).filter(([key, value]) => value !== undefined && value !== '' && value !== DEFAULTS[key]);
	return list.length ? '?' + new URLSearchParams(list) : '/';
}

// The clock of the daemon's host, as far as its last answer tells it; until then that of the browser.
let aheadMs = 0;
export function setClock(nowUnixNs) {
	aheadMs = Number(BigInt(nowUnixNs) / 1000000n) - Date.now();
	return aheadMs;
}

export const nowNs = () => BigInt(Math.round(Date.now() + aheadMs)) * 1000000n;

const listeners = new Set();
let current = read(location.search);
addEventListener('popstate', () => {
	current = read(location.search);
	listeners.forEach((tell) => tell(current));
});

// Changes some of it; a step back leads to what was before, unless it only replaces.
export function change(some, replace) {
	current = { ...current, ...some };
	history[replace ? 'replaceState' : 'pushState'](null, '', write(current));
	listeners.forEach((tell) => tell(current));
}

// The profile that is always recorded, of nothing but what is said.
export const profileOf = (some) => ({ view: 'profiles', session: '', of: '', from: '', to: '', vs: '', pid: '', comm: '', kind: '', ...some });

export function link(some) {
	return write({ ...current, ...some });
}

export function usePage() {
	const [state, set] = useState(current);
	useEffect(() => {
		listeners.add(set);
		return () => listeners.delete(set);
	}, []);
	return state;
}

export function isLive(state) {
	return state.start.startsWith('-') && !state.end;
}

// The range of a question.  The daemon counts a day as hours.
export function rangeOf(state) {
	const days = /^-(\d+)d$/.exec(state.start);
	return { start: days ? '-' + 24 * Number(days[1]) + 'h' : state.start, end: state.end };
}

export function lengthNs(state) {
	const match = /^-(\d+)([smhd])$/.exec(state.start);
	if (match)
		return Number(match[1]) * { s: 1e9, m: 6e10, h: 36e11, d: 864e11 }[match[2]];
	return Number((state.end ? BigInt(state.end) : nowNs()) - BigInt(state.start));
}

// A step of which about 120 make the range, in whole seconds.
export function stepOf(state) {
	const wanted = lengthNs(state) / 1e9 / 120;
	return [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200].find((s) => s >= wanted) || 14400;
}

export function zoomTo(startNs, endNs) {
	if (endNs - startNs >= 1e6)
		change({ from: '', to: '', start: BigInt(Math.round(startNs / 1e6)) + '000000', end: BigInt(Math.round(endNs / 1e6)) + '000000' });
}
