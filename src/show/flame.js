// SPDX-License-Identifier: MIT
// flame.js - makes the flame graph interactive; goes into every svg file without these lines.
//
// The picture stands there without this script.  With it, every frame is drawn anew from the data
// at the end of the file: the width of the window, a zoom and a search decide what is drawn.
//
//	functions	one a line: class, name, module, source, separated by tabs; the last is "all"
//	nodes		parents first, heaviest child first, separated by `;`:
//			2 * function + inlined, children [, own samples, own ns
//			[, functions left out below, their samples, their ns]]
(function () {
'use strict';
const NS = 'http://www.w3.org/2000/svg';
const HTML = 'http://www.w3.org/1999/xhtml';
const MARGIN = 10, ROW = 18, LEAST = 1, RUN = 16, CHAR = 7.23, TOOLS = 232, BUTTONS = 150;
const byId = (id) => document.getElementById(id);
const frames = byId('frames'), bar = byId('bar'), svg = frames.ownerSVGElement;
const TOP = +svg.dataset.top, BAR = +svg.dataset.bar;

// ---- data ----
const functions = byId('functions').textContent.split('\n').map((line) => {
	const [kind, name, module, source] = line.split('\t');
	return { kind, name, module, source };
});
const records = byId('nodes').textContent.split(';');
const N = records.length;
const fn = new Uint32Array(N), parent = new Int32Array(N), end = new Uint32Array(N);
const depth = new Uint32Array(N), inlined = new Uint8Array(N);
const selfSamples = new Float64Array(N), selfNs = new Float64Array(N);
const samples = new Float64Array(N), ns = new Float64Array(N);
const cutCount = new Float64Array(N), cutSamples = new Float64Array(N), cutNs = new Float64Array(N);

function load() {
	const path = [], left = [];
	for (let i = 0; i < N; i++) {
		const r = records[i].split(',');
		fn[i] = r[0] >>> 1;
		inlined[i] = r[0] & 1;
		selfSamples[i] = +(r[2] || 0);
		selfNs[i] = +(r[3] || 0);
		cutCount[i] = +(r[4] || 0);
		cutSamples[i] = +(r[5] || 0);
		cutNs[i] = +(r[6] || 0);
		while (left.length && left[left.length - 1] === 0) {
			left.pop();
			path.pop();
		}
		parent[i] = path.length ? path[path.length - 1] : -1;
		depth[i] = path.length;
		if (left.length)
			left[left.length - 1]--;
		path.push(i);
		left.push(+r[1]);
	}
	for (let i = N - 1; i >= 0; i--) {
		samples[i] += selfSamples[i] + cutSamples[i];
		ns[i] += selfNs[i] + cutNs[i];
		end[i] = Math.max(end[i], i + 1);
		if (i > 0) {
			samples[parent[i]] += samples[i];
			ns[parent[i]] += ns[i];
			end[parent[i]] = Math.max(end[parent[i]], end[i]);
		}
	}
}
load();
const weight = ns[0] ? ns : samples;
const cutWeight = ns[0] ? cutNs : cutSamples;
const selfWeight = ns[0] ? selfNs : selfSamples;
let deepest = 0;
for (let i = 0; i < N; i++)
	deepest = Math.max(deepest, depth[i] + (cutCount[i] ? 1 : 0));

// ---- numbers and names ----
const pct = (w) => {
	const p = weight[0] ? 100 * w / weight[0] : 0;
	return p > 0 && p < 0.05 ? '< 0.1 %' : p >= 99.95 ? '100 %' : p.toFixed(p ? 1 : 0) + ' %';
};
const count = (n) => Math.round(n).toLocaleString('en-US');
function time(n) {
	const s = Math.round(n / 1e9);
	if (s >= 3600)
		return Math.floor(s / 3600) + ' h ' + String(Math.floor(s % 3600 / 60)).padStart(2, '0') + ' m';
	if (s >= 100)
		return Math.floor(s / 60) + ' m ' + String(s % 60).padStart(2, '0') + ' s';
	const units = ['ns', '\u00b5s', 'ms', 's'];
	let u = 0;
	for (; n >= 999.5 && u < 3; u++)
		n /= 1000;
	return n.toFixed(u === 0 || n >= 99.95 ? 0 : n >= 9.995 ? 1 : 2) + ' ' + units[u];
}
const wide = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\ud800-\udbff][\udc00-\udfff]/g;
const columns = (text) => text.replace(wide, '  ').length;
function shorten(text, open, close) {
	let out = '', level = 0;
	for (let i = 0; i < text.length; i++) {
		const c = text[i];
		if (c === close && level && !(close === '>' && text[i - 1] === '-'))
			level--;
		if (!level)
			out += c;
		if (c === open && i > 0) {
			if (!level && text[i + 1] !== close)
				out += '\u2026';
			level++;
		}
	}
	return level ? text : out;
}
function label(text, max) {
	if (columns(text) > max)
		text = shorten(text, '(', ')');
	if (columns(text) > max)
		text = shorten(text, '<', '>');
	if (columns(text) <= max)
		return text;
	let out = '', used = 1;
	for (const c of text) {
		used += columns(c);
		if (used > max)
			break;
		out += c;
	}
	return out + '\u2026';
}

// ---- drawing ----
let width = 0, root = 0, selected = -1, flipped = false, hit = null, hitNodes = [], small = 0;
function make(name, attributes, into) {
	const element = document.createElementNS(NS, name);
	for (const key in attributes)
		element.setAttribute(key, attributes[key]);
	if (into)
		into.appendChild(element);
	return element;
}
function y(level) {
	return TOP + (flipped ? deepest - level : level) * ROW;
}
function box(into, kind, left, wide, level, node, isBar) {
	const group = make('g', { class: 'f' + (inlined[node] && !isBar ? ' i' : ''), 'data-n': node }, into);
	if (isBar)
		group.setAttribute('data-bar', isBar);
	make('rect', {
		class: kind, x: left.toFixed(1), y: y(level), rx: 1.5,
		width: Math.max(wide > 3 ? wide - 1 : wide, 0.3).toFixed(1), height: ROW - 1,
	}, group);
	return group;
}
function frame(into, node, left, wide) {
	const f = functions[fn[node]];
	const isHit = hit && hit[fn[node]];
	const group = box(into, f.kind + (isHit ? ' hit' : ''), left, wide, depth[node], node, 0);
	const room = Math.floor((wide - 7) / CHAR);
	if (room < 3)
		return;
	const clip = make('svg', { x: left.toFixed(1), y: y(depth[node]), width: (wide - 1).toFixed(1), height: ROW - 1 }, group);
	make('text', { x: 3, y: 13 }, clip).textContent = label(f.name, room);
}
// Functions too narrow to draw share grey bars as wide as all of them, on every level that they have.
function drawSmall(into, node, children, left, scale) {
	let sums = [], hits = [], start = left, nodes = 0;
	const flush = () => {
		sums.forEach((sum, level) => {
			if (sum * scale >= 0.3)
				box(into, 'x' + (hits[level] ? ' hit' : ''), start, sum * scale, depth[node] + 1 + level, node, nodes);
		});
		start += (sums[0] || 0) * scale;
		small += nodes;
		sums = [];
		hits = [];
		nodes = 0;
	};
	for (const child of children) {
		for (let i = child; i < end[child]; i++) {
			const level = depth[i] - depth[child];
			sums[level] = (sums[level] || 0) + weight[i];
			hits[level] = hits[level] || (hit && hit[fn[i]]);
			if (cutWeight[i])
				sums[level + 1] = (sums[level + 1] || 0) + cutWeight[i];
			nodes++;
		}
		if (sums[0] * scale >= RUN)
			flush();
	}
	flush();
	if (cutWeight[node] * scale >= 0.3)
		box(into, 'x', start, cutWeight[node] * scale, depth[node] + 1, node, -cutCount[node]);
}
function drawBelow(into, top, left, scale) {
	const todo = [[top, left]];
	while (todo.length) {
		const [node, x] = todo.pop(), narrow = [];
		let at = x;
		frame(into, node, x, weight[node] * scale);
		for (let child = node + 1; child < end[node]; child = end[child]) {
			if (weight[child] * scale >= LEAST) {
				todo.push([child, at]);
				at += weight[child] * scale;
			} else {
				narrow.push(child);
			}
		}
		if (narrow.length || cutWeight[node])
			drawSmall(into, node, narrow, at, scale);
	}
}
function ancestors(node) {
	const list = [];
	for (node = parent[node]; node >= 0; node = parent[node])
		list.push(node);
	return list;
}
function draw() {
	const group = make('g', {});
	const room = width - 2 * MARGIN;
	small = 0;
	const up = make('g', { class: 'up' }, group);
	for (const node of ancestors(root))
		frame(up, node, MARGIN, room);
	drawBelow(group, root, MARGIN, weight[root] ? room / weight[root] : 0);
	frames.replaceChildren(group);
	make('rect', { class: 'sel', rx: 1.5, visibility: 'hidden' }, frames);
	byId('small').textContent = small ? count(small) + (small === 1 ? ' function is' : ' functions are') +
		' too small to draw here: zoom, or search' : '';
	giveWay('mode', 'small');
	byId('reset').setAttribute('visibility', root ? 'visible' : 'hidden');
	mark();
}
function mark() {
	const outline = frames.querySelector('.sel');
	const drawn = selected >= 0 && frames.querySelector('[data-n="' + selected + '"]:not([data-bar]) > rect');
	outline.setAttribute('visibility', drawn ? 'visible' : 'hidden');
	if (drawn)
		for (const name of ['x', 'y', 'width', 'height'])
			outline.setAttribute(name, drawn.getAttribute(name));
	return drawn;
}
// What stands at the right of the heading gives way to what stands at its left.
function giveWay(name, other) {
	const left = byId(name).getBoundingClientRect(), right = byId(other);
	right.setAttribute('visibility', left.right + 12 < right.getBoundingClientRect().left ? 'visible' : 'hidden');
}
function layout() {
	width = Math.max(svg.getBoundingClientRect().width, 500);
	svg.setAttribute('height', TOP + (deepest + 1) * ROW + 12);
	byId('barbox').setAttribute('width', width - 2 * MARGIN);
	byId('clip').setAttribute('width', Math.max(width - 2 * MARGIN - TOOLS, 60));
	byId('titleclip').setAttribute('width', width - BUTTONS);
	byId('heading').setAttribute('width', width - MARGIN);
	byId('tools').setAttribute('transform', 'translate(' + (width - MARGIN) + ',0)');
	byId('corner').setAttribute('transform', 'translate(' + (width - MARGIN) + ',0)');
	draw();
	giveWay('headline', 'legend');
	follow();
}
// The bar with the details and the search stays in sight.
function follow() {
	bar.setAttribute('transform', 'translate(0,' + Math.max(0, 4 - BAR - svg.getBoundingClientRect().top) + ')');
}

// ---- details ----
const kinds = { u: 'user', k: 'kernel', j: 'JIT', n: 'unknown', m: 'mark', t: 'task', r: '' };
function describe(node, bars) {
	if (bars < 0)
		return say(cutNs[node], cutSamples[node], null, count(-bars) + ' functions left out below ' + functions[fn[node]].name, '');
	if (bars > 0)
		return say(null, null, null, count(bars) + ' functions too small to draw below ' + functions[fn[node]].name + ': click to zoom', '');
	const f = functions[fn[node]];
	const about = [inlined[node] ? 'inlined' : kinds[f.kind[0]], f.module, f.source].filter(Boolean).join(', ');
	say(ns[node], samples[node], selfWeight[node], f.name, about);
}
function say(timeNs, sampleCount, self, name, about) {
	const w = ns[0] ? timeNs : sampleCount;
	byId('d-total').textContent = w === null ? '' : pct(w);
	byId('d-time').textContent = timeNs === null || !ns[0] ? '' : time(timeNs);
	byId('d-samples').textContent = sampleCount === null ? '' : count(sampleCount) + (sampleCount === 1 ? ' sample' : ' samples');
	byId('d-self').textContent = self === null ? '' : 'self ' + pct(self);
	byId('d-name').textContent = name;
	byId('d-about').textContent = about;
}
function home() {
	describe(selected >= 0 ? selected : root, 0);
}
function target(event) {
	return event.target.closest ? event.target.closest('[data-n]') : null;
}
frames.addEventListener('mouseover', (event) => {
	const group = target(event);
	if (group)
		describe(+group.dataset.n, +(group.dataset.bar || 0));
});
frames.addEventListener('mouseout', (event) => {
	if (!event.relatedTarget || !frames.contains(event.relatedTarget))
		home();
});
frames.addEventListener('click', (event) => {
	const group = target(event);
	if (group)
		zoom(+group.dataset.n);
	frames.focus({ preventScroll: true });
});

// ---- zoom and keys ----
function zoom(node) {
	root = node;
	selected = node || -1;
	draw();
	home();
}
function isBelow(node, top) {
	return node >= top && node < end[top];
}
// Shows a node wherever it is: zooms out until it lies in the picture, in until it is wide enough.
function select(node) {
	selected = node;
	let top = root;
	while (!isBelow(node, top))
		top = parent[top];
	if (weight[node] / weight[top] * (width - 2 * MARGIN) < 20) {
		top = node;
		while (parent[top] > 0 && weight[node] / weight[parent[top]] * (width - 2 * MARGIN) >= 20)
			top = parent[top];
	}
	if (top !== root) {
		root = top;
		draw();
	}
	const drawn = mark();
	if (drawn) {
		const place = drawn.getBoundingClientRect(), above = bar.getBoundingClientRect().bottom + 4;
		if (place.top < above)
			window.scrollBy(0, place.top - above);
		else if (place.bottom > window.innerHeight)
			window.scrollBy(0, place.bottom - window.innerHeight + 4);
	}
	describe(node, 0);
}
function move(key) {
	const node = selected < 0 ? root : selected, up = parent[node];
	const down = flipped ? 'ArrowUp' : 'ArrowDown';
	if (selected < 0)
		return select(root);
	if (key === 'ArrowLeft' || key === 'ArrowRight') {
		if (up < 0)
			return;
		let before = -1;
		for (let at = up + 1; at < end[up]; before = at, at = end[at]) {
			if (key === 'ArrowRight' && before === node)
				return select(at);
			if (key === 'ArrowLeft' && at === node && before >= 0)
				return select(before);
		}
	} else if (key === down) {
		if (node + 1 < end[node])
			select(node + 1);
	} else if (up >= 0) {
		select(up);
	}
}
function flip() {
	const place = svg.getBoundingClientRect(), top = window.scrollY + place.top;
	flipped = !flipped;
	draw();
	window.scrollTo(0, flipped && place.height > window.innerHeight ? top + place.height : top);
}
document.addEventListener('keydown', (event) => {
	if (event.ctrlKey || event.altKey || event.metaKey || event.target === input)
		return;
	const key = event.key;
	// On a page of other things, keys are those of the page until the graph has the focus.
	if (svg !== document.documentElement && key !== '/' && !svg.contains(document.activeElement))
		return;
	if (key === '/')
		input.focus();
	else if (key === 'Escape')
		byId('keys').getAttribute('visibility') === 'visible' ? help(false) : input.value ? clear() : (selected = -1, zoom(0));
	else if (key === 'Enter' && event.target.closest('.button'))
		event.target.closest('.button').dispatchEvent(new MouseEvent('click', { bubbles: true }));
	else if (key === 'Enter' && selected >= 0)
		zoom(selected);
	else if (key === 'Backspace' && parent[root] >= 0)
		zoom(parent[root]);
	else if (key.startsWith('Arrow'))
		move(key);
	else if (key === 'n' || key === 'N')
		next(key === 'n' ? 1 : -1);
	else if (key === 'f')
		flip();
	else if (key === '?')
		help();
	else
		return;
	event.preventDefault();
});
function help(show) {
	const keys = byId('keys');
	if (show === undefined)
		show = keys.getAttribute('visibility') !== 'visible';
	keys.setAttribute('visibility', show ? 'visible' : 'hidden');
}
function button(id, action) {
	const element = byId(id);
	element.addEventListener('click', action);
	element.setAttribute('tabindex', 0);
	element.setAttribute('role', 'button');
}

// ---- search ----
// The matching functions nearest to the root; what they call is in their time already.
function search(text) {
	let expression = null;
	input.classList.remove('bad');
	if (text) {
		try {
			expression = new RegExp(text, 'i');
		} catch (error) {
			input.classList.add('bad');
			byId('matched').textContent = 'not a regular expression';
			return;
		}
	}
	hit = expression && functions.map((f) => f.kind !== 'r' && (expression.test(f.name) || expression.test(f.module)));
	hitNodes = [];
	let sum = 0;
	for (let i = 0; hit && i < N;) {
		if (hit[fn[i]]) {
			hitNodes.push(i);
			sum += weight[i];
			i = end[i];
		} else {
			i++;
		}
	}
	hitNodes.sort((a, b) => weight[b] - weight[a] || a - b);
	byId('matched').textContent = hit ? pct(sum) + ' matched' : '';
	draw();
}
function next(step) {
	if (!hitNodes.length)
		return;
	const at = hitNodes.indexOf(selected);
	select(hitNodes[at < 0 ? (step > 0 ? 0 : hitNodes.length - 1) : (at + step + hitNodes.length) % hitNodes.length]);
}
function clear() {
	input.value = '';
	search('');
	frames.focus({ preventScroll: true });
}
const holder = make('foreignObject', { class: 'search', x: -220, y: BAR + 4, width: 214, height: 24 }, byId('tools'));
const input = document.createElementNS(HTML, 'input');
input.setAttribute('type', 'text');
input.setAttribute('placeholder', 'Search (regular expression)');
input.setAttribute('aria-label', 'Search functions and modules by regular expression');
input.setAttribute('spellcheck', 'false');
holder.appendChild(input);
let pending = 0;
input.addEventListener('input', () => {
	clearTimeout(pending);
	pending = setTimeout(() => search(input.value), N > 20000 ? 200 : 30);
});
input.addEventListener('keydown', (event) => {
	if (event.key === 'Escape') {
		clear();
	} else if (event.key === 'Enter') {
		clearTimeout(pending);
		search(input.value);
		next(event.shiftKey ? -1 : 1);
	} else {
		return;
	}
	event.preventDefault();
	event.stopPropagation();
});

// ---- start ----
svg.removeAttribute('viewBox');
svg.setAttribute('width', '100%');
frames.setAttribute('tabindex', 0);
byId('buttons').setAttribute('visibility', 'visible');
button('reset', () => { selected = -1; zoom(0); });
button('flip', flip);
button('help', () => help());
byId('keys').addEventListener('click', () => help(false));
window.addEventListener('resize', layout);
window.addEventListener('scroll', follow, { passive: true });
layout();
home();
}());
