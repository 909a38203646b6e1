// SPDX-License-Identifier: MIT
// events.jsx - every record as it comes, or those of a span of time; what is lost stands where it was lost.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { address, ask, follow } from './api.js';
import { Stack } from './chart.jsx';
import { bytes, clock, count, duration, lostOf, visible } from './format.js';
import { isForPage } from './keys.jsx';
import { Choice, Go, Panel, Save } from './parts.jsx';
import { useLosses } from './losses.jsx';
import { whoOf } from './record.jsx';
import { change, isLive, link, rangeOf, stepOf } from './state.js';
import { useAnswer } from './use.js';

const MOST_ROWS = 300, ROWS_IN_SIGHT = 40, LEAST_ROW_PX = 18, REDRAW_MS = 250, ENOUGH_ROWS = 20, MOST_FETCHED = 4000;
const TYPES = [['process', 'process'], ['tcp', 'tcp'], ['disk', 'disk'], ['signal', 'signal'], ['memory', 'memory'], ['container', 'container'], ['runq', 'run queue'], ['incident', 'incident'], ['', 'all']];
const COMMON = new Set(['seq', 'collector', 'event', 'at_unix_ns', 'time', 'pid', 'tid', 'uid', 'cgroup_id', 'cgroup', 'container', 'comm']);

function valueOf(key, value) {
	if (value === null)
		return '-';
	if (Array.isArray(value))
		return value.join(' ');
	if (key.endsWith('_bytes'))
		return bytes(value);
	return key.endsWith('_ns') && !key.includes('unix') ? duration(value) : String(value);
}

function details(row) {
	return Object.entries(row).filter(([key, value]) => !COMMON.has(key) && value !== null && value !== false).map(([key, value]) => [key.replace(/_(ns|bytes)$/, ''), visible(valueOf(key, value))]);
}

const fits = (row, text) => !text || row.lost || JSON.stringify(row).toLowerCase().includes(text.toLowerCase());

// Some are told without a count: nobody knows it.
let losses = 0;
function lostRow(told) {
	return { lost: true, seq: 'lost-' + losses++, count: told.count === null ? null : Number(told.count), reason: told.reason, collector: told.collector };
}

// The newest first, kept while nobody looks at them: what comes during a pause waits.
function useLive(on, type, text, isPaused) {
	const [rows, set] = useState([]), [waiting, setWaiting] = useState(0), [how, setHow] = useState('waits');
	const buffer = useRef([]), paused = useRef(isPaused), dropped = useRef(0);
	paused.current = isPaused;
	useEffect(() => {
		set([]);
		buffer.current = [];
		dropped.current = 0;
		if (!on)
			return undefined;
		const stop = follow(type, (name, data) => {
			const row = name === 'lost' ? lostRow(data) : data;
			if (!fits(row, text))
				return;
			buffer.current.push(row);
			if (buffer.current.length > 4 * MOST_ROWS)
				dropped.current += buffer.current.splice(0, MOST_ROWS).length;
		}, setHow);
		const timer = setInterval(() => {
			if (paused.current) {
				setWaiting(buffer.current.length + dropped.current);
				return;
			}
			setWaiting(0);
			if (!buffer.current.length)
				return;
			const fresh = buffer.current.splice(0).reverse();
			dropped.current = 0;
			set((old) => [...fresh, ...old].slice(0, MOST_ROWS));
		}, REDRAW_MS);
		return () => { stop(); clearInterval(timer); };
	}, [on, type, text]);
	return [rows, waiting, how];
}

function usePast(on, params, text) {
	const [page, set] = useState({ rows: [], cursor: null, problem: null, lost: 0, waits: true }), key = JSON.stringify(params);
	const load = (cursor, signal) => ask('/api/v1/records', { ...params, cursor, limit: 200 }, signal).then(
		(data) => set((old) => ({ rows: [...(cursor ? old.rows : []), ...data.data], cursor: data.next_cursor, lost: data.lost, problem: null, waits: false })),
		(problem) => problem.name !== 'AbortError' && set((old) => ({ ...old, problem, waits: false })));
	const asked = useRef(null); // one question at a time, and none that belongs to another
	const begin = (cursor) => {
		const abort = asked.current = new AbortController();
		load(cursor, abort.signal).finally(() => { asked.current = asked.current === abort ? null : asked.current; });
		return abort;
	};
	useEffect(() => {
		if (!on)
			return undefined;
		begin();
		return () => { asked.current?.abort(); asked.current = null; };
	}, [on, key]);
	const rows = useMemo(() => page.rows.filter((row) => fits(row, text)), [page.rows, text]);
	// What is looked for may be older than what was fetched.
	useEffect(() => {
		if (on && text && page.cursor && !page.problem && !asked.current && rows.length < ENOUGH_ROWS && page.rows.length < MOST_FETCHED)
			begin(page.cursor);
	}, [on, page, text]);
	return [{ ...page, all: page.rows.length, rows }, () => asked.current || begin(page.cursor)];
}

function Row({ row }) {
	if (row.lost)
		return <tr class="lost"><td colSpan={5}>{row.count === null ? 'An unknown number of' : count(row.count)} events are missing here{row.collector ? ' of ' + row.collector : ''}{row.reason ? ': ' + visible(row.reason) : ''}</td></tr>;
	return (
		<tr><td class="n">{clock(row.at_unix_ns, true)}</td><td class="kind">{row.collector}.{row.event}</td><td class="n">{row.pid ? <Go to={link(whoOf(row))} some={whoOf(row)} title="its record">{row.pid}</Go> : '-'}</td><td class="fn">{visible(row.comm ?? '-')}</td>
			<td class="fn">{details(row).map(([key, value]) => <span class="pair" key={key}><i>{key}</i> {value} </span>)}</td></tr>
	);
}

// One that was drawn is not drawn again when others come above it: Preact passes over what is the same object.
const drawn = new WeakMap();
function rowOf(row) {
	if (!drawn.has(row))
		drawn.set(row, <Row key={row.seq} row={row} />);
	return drawn.get(row);
}

// How many there were when, and what is missing.
function Timeline({ state, kind, tick }) {
	const answer = useAnswer('/api/v1/timeseries', { ...rangeOf(state), metric: 'events', type: kind, step: stepOf(state) + 's' }, tick), data = answer.data;
	const losses = useLosses(state, tick, kind.split('.')[0]);
	return <div class="timeline">{data ? <Stack data={data} ceiling={1} losses={losses} scale={1e9} amount={count} unit="events a second" what="Events a second" label="events a second, by kind" /> : <p class="empty">{answer.problem ? answer.problem.message : 'Asking the daemon…'}</p>}</div>;
}

export function Events({ state, tick }) {
	const [isPaused, pause] = useState(false), live = isLive(state), type = state.type ?? 'process', text = state.find || '';
	const kind = type === 'all' ? '' : type;
	const [fresh, waiting, how] = useLive(live, kind, text, isPaused);
	const [past, older] = usePast(!live, { ...rangeOf(state), type: kind }, text);
	// Of a table that moves only what is in sight is laid out; who scrolls gets the rest.
	const [isDeep, setDeep] = useState(false), onScroll = (event) => setDeep(event.currentTarget.scrollTop > 0);
	const rows = live ? fresh.slice(0, isDeep ? MOST_ROWS : Math.max(ROWS_IN_SIGHT, Math.ceil(innerHeight / LEAST_ROW_PX))) : past.rows;
	useEffect(() => {
		const onKey = (event) => {
			if (event.key === 'p' && isForPage(event))
				pause((was) => !was);
		};
		addEventListener('keydown', onKey);
		return () => removeEventListener('keydown', onKey);
	}, []);
	const note = live ? (how === 'live' ? isPaused ? 'paused, ' + count(waiting) + ' new' : 'the newest ' + count(MOST_ROWS) + ', as they come' : 'the stream is being opened…')
		: count(rows.length) + ' shown' + (text ? ' of ' + count(past.all) + ' fetched' : '') + (past.cursor ? ', there are older ones, ' : ', ') + (past.lost === 0 ? 'none lost' : lostOf(past.lost, 'records of this span'));
	return (
		<Panel id="events" title="Events" note={note}
			tools={live && <button type="button" aria-pressed={isPaused} onClick={() => pause(!isPaused)}>{isPaused ? 'go on (p)' : 'pause (p)'}</button>}>
			<div class="filters">
				<Choice label="kind of events" value={type} onChoose={(to) => change({ type: to })} options={TYPES.map(([key, word]) => [key || 'all', word])} />
				<label>find <input value={text} size={20} placeholder="in any field" onInput={(event) => change({ find: event.currentTarget.value }, true)} /></label>
				<Save to={address('/api/v1/records', { ...rangeOf(state), type: kind, format: 'ndjson', limit: 10000 })} as="kymo-events.ndjson">save as ndjson</Save>
			</div>
			<Timeline state={state} kind={kind} tick={tick} />
			{past.problem && !live && <p class="problem" role="alert">{past.problem.message}</p>}
			<div class="scroll events" tabIndex={0} role="region" aria-label="rows of events" onScroll={onScroll}>
				<table class="rows"><thead><tr><th scope="col" class="n">time</th><th scope="col">event</th><th scope="col" class="n">PID</th><th scope="col">thread</th><th scope="col">what</th></tr></thead>
					<tbody>{rows.map(rowOf)}</tbody></table>
				{!rows.length && <p class="empty">{live ? 'Nothing yet: events appear here as they happen.' : past.waits ? 'Asking the daemon…' : past.all ? 'None of the ' + count(past.all) + ' that were fetched has this.' : 'There are none in this span.'}</p>}
			</div>
			{!live && past.cursor && <p><button type="button" onClick={older}>older ones</button></p>}
		</Panel>
	);
}
