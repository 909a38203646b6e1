// SPDX-License-Identifier: MIT
// processes.jsx - who used the CPUs in a span of time, the tree of who was there, and who ended in it with
// all that it used.
import { useMemo, useState } from 'preact/hooks';
import { bytes, clock, count, duration, lostOf, percent, visible } from './format.js';
import { Go, Panel, Wait } from './parts.jsx';
import { change, link, rangeOf, profileOf } from './state.js';
import { barOf, treeOf } from './lives.js';
import { Record, commandOf, howEnded, whoOf } from './record.jsx';
import { useAnswer } from './use.js';

const MOST = 500, MOST_LIVES = 300;

const COLUMNS = [
	['at_unix_ns', 'ended', (row) => clock(row.at_unix_ns)],
	['pid', 'PID', (row) => row.pid],
	['', 'command', null],
	['exit_code', 'with', howEnded],
	['duration_ns', 'lived', (row) => duration(row.duration_ns)],
	['cpu_ns', 'CPU', (row) => duration(row.cpu_ns)],
	['runq_ns', 'waited for a CPU', (row) => duration(row.runq_ns)],
	['max_rss_bytes', 'peak memory', (row) => bytes(row.max_rss_bytes)],
	['read_bytes', 'read', (row) => bytes(row.read_bytes)],
	['written_bytes', 'written', (row) => bytes(row.written_bytes)],
];

// A number is asked of the daemon, so that it is found however old it is.
const pidOf = (text) => /^\d+$/.test(text) ? text : '';

// A dash where the field is null: not measured is not nothing.
const shown = (row, key, text) => key && row[key] === null ? '-' : text(row);

function Ended({ state, tick, text }) {
	const answer = useAnswer('/api/v1/process', { ...rangeOf(state), event: 'exit', pid: pidOf(text), limit: MOST }, tick), data = answer.data;
	const [sort, setSort] = useState('at_unix_ns');
	const rows = useMemo(() => (data ? data.data : []).filter((row) => !text || (row.comm + ' ' + commandOf(row) + ' ' + row.pid).toLowerCase().includes(text.toLowerCase()))
		.sort((a, b) => Number(b[sort]) - Number(a[sort])), [data, text, sort]);
	return (
		<Panel id="ended" title="Processes that ended" note={data && count(rows.length) + (data.next_cursor ? ' of the newest ' + count(data.count) + '; there are older ones' : '') + (data.lost === 0 ? '' : ', ' + lostOf(data.lost, 'records'))}>
			<Wait answer={answer} empty={data && !rows.length && (data.count ? 'None of those that ended has this.' : 'None ended in this span.')}>
				<div class="scroll tall" tabIndex={0} role="region" aria-label="rows of processes that ended">
					<table class="rows"><thead><tr>{COLUMNS.map(([key, word], i) => (
						<th key={word} scope="col" class={i === 2 ? '' : 'n'} aria-sort={key === sort ? 'descending' : undefined}>{key ? <button type="button" class="plain" onClick={() => setSort(key)}>{word}</button> : word}</th>))}</tr></thead>
						<tbody>{rows.map((row) => (
							<tr key={row.seq}>{COLUMNS.map(([key, word, cell], i) => i === 2
								? <td key={word} class="command"><Go to={link(whoOf(row))} some={whoOf(row)} title="its record"><span class="fn">{visible(commandOf(row))}</span></Go></td>
								: <td key={word} class={key === 'exit_code' && (row.exit_code || row.exit_signal) ? 'n bad' : 'n'}>{shown(row, key, cell)}</td>)}</tr>))}</tbody></table>
				</div>
			</Wait>
		</Panel>
	);
}

function Busy({ state, tick, text }) {
	const answer = useAnswer('/api/v1/timeseries', { ...rangeOf(state), by: 'pid', top: 50 }, tick), data = answer.data;
	const covered = data ? data.covered_ns.reduce((a, b) => a + b, 0) : 0;
	const rows = data ? data.series.filter((one) => !text || (one.name + ' ' + one.pid).toLowerCase().includes(text.toLowerCase())) : [];
	return (
		<Panel id="busy" title="Who used the CPUs" note={data && (data.others.lines ? count(data.others.lines) + ' more used ' + duration(data.others.total) : 'all of them')}>
			<Wait answer={answer} empty={data && !rows.length && (data.series.length ? 'None of them has this.' : 'No CPU time was measured in this span.')}>
				<div class="scroll tall" tabIndex={0} role="region" aria-label="rows of processes by CPU time">
					<table class="rows"><thead><tr><th scope="col">process</th><th scope="col" class="n">PID</th><th scope="col" class="n">CPU time</th><th scope="col" class="n">of one CPU</th><th scope="col">over time</th></tr></thead>
						<tbody>{rows.map((one) => {
							const some = profileOf({ pid: String(one.pid) });
							return (
								<tr key={one.pid}><td><Go to={link(some)} some={some}><span class="fn">{visible(one.name)}</span></Go></td><td class="n">{one.pid}</td><td class="n">{duration(one.total)}</td>
									<td class="n">{percent(Number(one.total), covered)}</td><td><Spark values={one.values} covered={data.covered_ns} /></td></tr>
							);
						})}</tbody></table>
				</div>
			</Wait>
		</Panel>
	);
}

// CPU time of one process by steps, beside the number that says it.
function Spark({ values, covered }) {
	const wide = 120 / values.length;
	return (
		<svg class="spark" width="120" height="16" aria-hidden="true">{values.map((v, i) => {
			const high = covered[i] ? Math.min(16 * v / covered[i], 16) : 0;
			return high > 0.2 ? <rect key={i} x={i * wide} y={16 - high} width={Math.max(wide, 1)} height={high} /> : null;
		})}</svg>
	);
}

function Bar({ row, start, end }) {
	const { left, width, isOlder, isOver } = barOf(row, start, end), wide = 160;
	return (
		<svg class="life" width={wide} height="12" role="img" aria-label={(isOlder ? 'older than the span, ' : '') + (isOver ? 'ended' : 'runs')}>
			<rect x={left * wide} y="1" width={Math.max(width * wide, 1.5)} height="10" />
			{!isOver && <path d={'M' + (wide - 5) + ' 1 l5 5 l-5 5z'} />}
		</svg>
	);
}

// Who began whom, through time.
function Tree({ state, tick, text }) {
	const answer = useAnswer('/api/v1/processes', { ...rangeOf(state), pid: pidOf(text), limit: 1000 }, tick), data = answer.data;
	const rows = useMemo(() => treeOf(data ? data.data : [], text && ((row) => (row.comm + ' ' + commandOf(row) + ' ' + row.pid).toLowerCase().includes(text.toLowerCase()))), [data, text]);
	const start = data && BigInt(data.start_unix_ns), end = data && BigInt(data.end_unix_ns);
	const hidden = Math.max(0, rows.length - MOST_LIVES);
	return (
		<Panel id="tree" title="Tree" note={data && count(Math.min(rows.length, MOST_LIVES)) + ' shown' + (hidden ? ', ' + count(hidden) + ' more: find some' : '') + (data.next_cursor ? '; of the newest ' + count(data.count) + ', there are older ones' : '') + (data.lost === 0 ? '' : ', ' + lostOf(data.lost, 'records'))}>
			<Wait answer={answer} empty={data && !rows.length && (data.count ? 'None of them has this.' : 'No process was there in this span.')}>
				<div class="scroll tall" tabIndex={0} role="region" aria-label="rows of the tree of processes"><table class="rows">
					<thead><tr><th scope="col">process</th><th scope="col" class="n">PID</th><th scope="col">through time</th><th scope="col" class="n">began</th><th scope="col" class="n">lived</th><th scope="col" class="n">CPU</th><th scope="col" class="n">with</th></tr></thead>
					<tbody>{rows.slice(0, MOST_LIVES).map(({ row, depth, isWanted }) => (
						<tr key={row.seq} class={isWanted ? '' : 'dim'}><td class="command" style={{ paddingLeft: Math.min(depth, 20) * 14 + 'px' }}><Go to={link(whoOf(row))} some={whoOf(row)} title="its record"><span class="fn one">{visible(commandOf(row))}</span></Go></td>
							<td class="n">{row.pid}</td><td><Bar row={row} start={start} end={end} /></td><td class="n">{clock(row.at_unix_ns)}</td>
							<td class="n">{row.duration_ns === null ? '-' : duration(row.duration_ns)}</td><td class="n">{row.cpu_ns === null ? '-' : duration(row.cpu_ns)}</td><td class={row.exit_code || row.exit_signal ? 'n bad' : 'n'}>{row.is_over ? howEnded(row) : 'runs'}</td></tr>))}</tbody></table></div>
			</Wait>
		</Panel>
	);
}

export function Processes({ state, tick, status }) {
	const text = state.find || '';
	return (
		<div class="stack">
			<div class="filters"><label>find <input value={text} size={24} placeholder="name, argument or PID" onInput={(event) => change({ find: event.currentTarget.value }, true)} /></label></div>
			{state.who && <Record state={state} status={status} />}
			<Busy state={state} tick={tick} text={text} />
			<Tree state={state} tick={tick} text={text} />
			<Ended state={state} tick={tick} text={text} />
		</div>
	);
}
