// SPDX-License-Identifier: MIT
// api.js - what the page asks the daemon, and the stream of events.

export class Problem extends Error {
	constructor(text, hint, status) {
		super(text);
		this.hint = hint;
		this.status = status;
	}
}

// A daemon may ask for a token: it is kept as long as this tab, and sent in a header, never in an address.
let token = '', tellLocked = () => {};
try {
	token = sessionStorage.getItem('token') || '';
} catch {
	// a browser that keeps nothing: until the page is left
}

export function setToken(text) {
	token = text;
	try {
		sessionStorage.setItem('token', text);
	} catch {
		// as above
	}
}

export const hasToken = () => token !== '';
export function onLocked(tell) {
	tellLocked = tell;
}

async function get(path, more) {
	const headers = { ...more?.headers, ...(token && { Authorization: 'Bearer ' + token }) };
	const response = await fetch(path, { ...more, headers });
	if (response.status === 401)
		tellLocked();
	return response;
}

// What a link would save, where a token has to go with the question.
export async function download(path, name) {
	const response = await get(path);
	if (!response.ok)
		throw await problemOf(response);
	save(name, await response.blob());
}

export function save(name, blob) {
	const link = document.createElement('a');
	link.href = URL.createObjectURL(blob);
	link.download = name;
	link.click();
	setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

export function address(path, params) {
	const list = Object.entries(params || {}).filter(([, value]) => value !== undefined && value !== '' && value !== null);
	return path + (list.length ? '?' + new URLSearchParams(list) : '');
}

async function problemOf(response) {
	let told = {};
	try {
		told = await response.json();
	} catch {
		// no JSON: the status says it
	}
	return new Problem(told.detail || 'the daemon answered ' + response.status, told.hint, response.status);
}

export async function ask(path, params, signal) {
	let response;
	try {
		response = await get(address(path, params), { signal });
	} catch (error) {
		if (error.name === 'AbortError')
			throw error;
		throw new Problem('the daemon does not answer', 'kymo serve');
	}
	if (!response.ok)
		throw await problemOf(response);
	try {
		return await response.json();
	} catch (error) {
		if (error.name === 'AbortError')
			throw error;
		throw new Problem('the answer of the daemon ended in its middle');
	}
}

// Asks for a change; what it answers.
export async function send(method, path, body) {
	let response;
	try {
		response = await get(path, { method, headers: { 'Content-Type': 'application/json' }, body: body && JSON.stringify(body) });
	} catch {
		throw new Problem('the daemon does not answer', 'kymo serve');
	}
	if (!response.ok)
		throw await problemOf(response);
	return response.json();
}

// Splits a stream of server-sent events: feed() takes text as it comes, in any pieces.
export function eventParser(take) {
	let rest = '';
	return function feed(text) {
		rest += text;
		const blocks = rest.split('\n\n');
		rest = blocks.pop();
		for (const block of blocks) {
			const event = { id: null, name: 'message', data: '' };
			for (const line of block.split('\n')) {
				const colon = line.indexOf(':');
				if (colon <= 0)
					continue;
				const key = line.slice(0, colon), value = line.slice(colon + 1).replace(/^ /, '');
				if (key === 'id')
					event.id = value;
				else if (key === 'event')
					event.name = value;
				else if (key === 'data')
					event.data += (event.data ? '\n' : '') + value;
			}
			if (event.data)
				take(event);
		}
	};
}

// The stream, opened again behind the last id whenever it breaks, and closed while nobody looks.
// Returns a function that ends it.
export function follow(type, onEvent, onState) {
	let last = null, ended = false, abort = null, pause = 500;
	async function run() {
		abort = new AbortController();
		try {
			const response = await get(address('/api/v1/events', { type, after: last }), { signal: abort.signal });
			if (!response.ok)
				throw await problemOf(response);
			onState('live');
			const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
			const feed = eventParser((event) => {
				pause = 500;
				if (event.id !== null)
					last = event.id;
				try {
					onEvent(event.name, JSON.parse(event.data));
				} catch (error) {
					if (!(error instanceof SyntaxError))
						throw error;
				}
			});
			for (let piece = await reader.read(); !piece.done; piece = await reader.read())
				feed(piece.value);
		} catch (error) {
			if (error.name === 'AbortError')
				return;
		}
		abort = null;
		if (ended || document.hidden)
			return;
		onState('broken');
		setTimeout(() => ended || abort || run(), pause);
		pause = Math.min(pause * 2, 15000);
	}
	function onVisible() {
		if (document.hidden) {
			abort?.abort();
			abort = null;
		} else if (!abort && !ended) {
			run();
		}
	}
	document.addEventListener('visibilitychange', onVisible);
	run();
	return () => {
		ended = true;
		document.removeEventListener('visibilitychange', onVisible);
		abort?.abort();
	};
}
