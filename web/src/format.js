// SPDX-License-Identifier: MIT
// format.js - numbers, times and names as text.  Pure.

export function count(n) {
	return String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ',');
}

// What was lost of a span, of which the daemon may know nothing.  '': nothing was.
export function lostOf(n, what) {
	return n === null ? 'nobody knows how many ' + what + ' were lost' : Number(n) > 0 ? count(n) + ' ' + what + ' lost' : '';
}

function digits(value) {
	return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

export function duration(ns) {
	ns = Number(ns);
	if (ns === 0)
		return '0';
	for (const [unit, size] of [['d', 864e11], ['h', 36e11], ['min', 6e10]])
		if (ns >= 2 * size)
			return digits(ns / size) + ' ' + unit;
	for (const [unit, size] of [['s', 1e9], ['ms', 1e6], ['µs', 1e3]])
		if (ns >= size)
			return digits(ns / size) + ' ' + unit;
	return Math.round(ns) + ' ns';
}

export function bytes(n) {
	n = Number(n);
	for (const [unit, size] of [['GB', 1e9], ['MB', 1e6], ['kB', 1e3]])
		if (n >= size)
			return digits(n / size) + ' ' + unit;
	return n + ' B';
}

export function percent(part, whole) {
	return whole ? (100 * part / whole).toFixed(1) + ' %' : '-';
}

// A difference of two shares.
export function points(by) {
	return (by > 0 ? '+' : by < 0 ? '−' : '') + Math.abs(100 * by).toFixed(1) + ' points';
}

export function clock(ns, withMs) {
	const date = new Date(Number(BigInt(ns) / 1000000n));
	const two = (n) => String(n).padStart(2, '0');
	const text = two(date.getHours()) + ':' + two(date.getMinutes()) + ':' + two(date.getSeconds());
	return withMs ? text + '.' + String(date.getMilliseconds()).padStart(3, '0') : text;
}

export function day(ns) {
	const date = new Date(Number(BigInt(ns) / 1000000n));
	const two = (n) => String(n).padStart(2, '0');
	return date.getFullYear() + '-' + two(date.getMonth() + 1) + '-' + two(date.getDate());
}

// What a hostile name could do to the text around it is made visible: controls and changes of direction.
export function visible(text) {
	return String(text).replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
		(c) => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'));
}

// A regular expression that fits this text alone.
export function literal(text) {
	return '^' + text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&') + '$';
}
