// SPDX-License-Identifier: MIT
// use.js - hooks: an answer of the daemon, the width of an element, the colours that are in force.
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { ask } from './api.js';

// {data, problem, waits}; what was there stays until the new answer has come.  While a question is under way it
// is not asked again: one that takes longer than from tick to tick would never be answered, and keep the daemon busy.
export function useAnswer(path, params, tick) {
	const key = path + JSON.stringify(params), flight = useRef(null), seen = useRef(tick);
	const [answer, set] = useState({ data: null, problem: null, waits: true });
	const begin = () => {
		const mine = flight.current = { abort: new AbortController(), again: false };
		const end = (some) => {
			if (flight.current !== mine)
				return;
			flight.current = null;
			set((old) => ({ ...old, ...some, waits: mine.again }));
			if (mine.again)
				begin();
		};
		set((old) => ({ ...old, waits: true }));
		ask(path, params, mine.abort.signal).then((data) => end({ data, problem: null }), (problem) => end({ problem }));
	};
	useEffect(() => {
		if (path)
			begin();
		return () => {
			const mine = flight.current;
			flight.current = null;
			mine?.abort.abort();
		};
	}, [key]);
	useEffect(() => {
		if (seen.current !== tick && flight.current)
			flight.current.again = true;
		else if (seen.current !== tick && path)
			begin();
		seen.current = tick;
	}, [tick]);
	return answer;
}

export function useWidth() {
	const box = useRef(null), [width, set] = useState(0);
	useLayoutEffect(() => {
		const measure = () => set(Math.floor(box.current.clientWidth));
		const observer = new ResizeObserver(measure);
		observer.observe(box.current);
		measure();
		return () => observer.disconnect();
	}, []);
	return [box, width];
}

// A span of steps of a chart, chosen by keys: arrows move, with Shift they mark, Enter takes, Escape lets go.  @ways:
// by how many steps which key moves.
export function useSteps(n, ways, onTake, onNone) {
	const [at, setAt] = useState(null), [anchor, setAnchor] = useState(null);
	const clear = () => { setAt(null); setAnchor(null); };
	const onKeyDown = (event) => {
		const by = ways[event.key], from = at ?? n - 1;
		if (event.ctrlKey || event.altKey || event.metaKey || !n)
			return;
		if (by) {
			setAnchor(event.shiftKey ? anchor ?? from : null);
			setAt(Math.max(0, Math.min(from + by, n - 1)));
		} else if (event.key === 'Enter' && at !== null) {
			setAnchor(null);
			onTake(Math.min(anchor ?? at, at), Math.max(anchor ?? at, at));
		} else if (event.key === 'Escape' && (at !== null || onNone)) {
			clear();
			onNone?.();
		} else {
			return;
		}
		event.preventDefault();
	};
	return { at: at !== null && at < n ? at : null, anchor, clear, onKeyDown };
}

// Counts up when light becomes dark, so that a canvas is drawn anew.
let schemes = 0;
const watchers = new Set();
const preference = matchMedia('(prefers-color-scheme: dark)');
function told() {
	schemes++;
	watchers.forEach((tell) => tell(schemes));
}
preference.addEventListener('change', told);

export function isDark() {
	const chosen = document.documentElement.dataset.theme;
	return chosen ? chosen === 'dark' : preference.matches;
}

export function chooseTheme(theme) {
	document.documentElement.dataset.theme = theme;
	try {
		localStorage.setItem('theme', theme);
	} catch {
		// a browser that keeps nothing: until the page is left
	}
	told();
}

export function startTheme() {
	try {
		const theme = localStorage.getItem('theme');
		if (theme === 'dark' || theme === 'light')
			document.documentElement.dataset.theme = theme;
	} catch {
		// as above
	}
}

export function useScheme() {
	const [scheme, set] = useState(schemes);
	useEffect(() => {
		watchers.add(set);
		return () => watchers.delete(set);
	}, []);
	return scheme;
}

export function colour(name) {
	return getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();
}
