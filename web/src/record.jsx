// SPDX-License-Identifier: MIT
// record.jsx - one process: what it was, how its life was spent, its connections, disk requests and files.
import { useMemo, useState } from 'preact/hooks';
import { bytes, clock, count, day, duration, lostOf, percent, visible } from './format.js';
import { Go, Panel, Wait } from './parts.jsx';
import { start } from './sessions.jsx';
import { change, link, nowNs, profileOf, read } from './state.js';
import { useAnswer } from './use.js';

const SECOND = 1000000000n, MOST = 50;

export function commandOf(row) {
	if (!row.argv)
		return row.comm;
	return row.argv.join(' ') + (row.argv_cut ? ' … (' + bytes(row.argv_length_bytes) + ' in all)' : '');
}

export function howEnded(row) {
	if (row.exit_signal)
		return 'signal ' + row.exit_signal + (row.core_dumped ? ', core' : '');
	return row.exit_code ? 'status ' + row.exit_code : '0';
}

// The moments that it lived, with a second around them; a life that goes on ends now.
export function spanOf(row) {
	const end = row.ended_unix_ns ? BigInt(row.ended_unix_ns) : nowNs();
	return { start: String(BigInt(row.at_unix_ns) - SECOND), end: String(end + SECOND) };
}

// Where its record stands.
export const whoOf = (row) => ({ view: 'processes', who: String(row.pid), when: String(row.at_unix_ns) });

// The life in which an instant lies, or which begins or ends nearest to it: a PID may come twice.
export function nearest(rows, when) {
	const far = (row) => {
		const at = BigInt(row.at_unix_ns), end = BigInt(row.ended_unix_ns || when), t = BigInt(when);
		return t < at ? at - t : t > end ? t - end : 0n;
	};
	return rows.reduce((best, row) => !best || far(row) < far(best) ? row : best, null);
}

const COLLECTIONS = [
	['tcp', 'Connections', (row) => visible((row.local_addr || '-') + ':' + row.local_port + (row.role === 'server' ? ' from ' : ' to ') + (row.remote_addr || '-') + ':' + row.remote_port), (row) => row.event + (row.errno ? ', error ' + row.errno : '') + (row.tx_bytes !== undefined && row.tx_bytes !== null ? ', sent ' + bytes(row.tx_bytes) + ', received ' + bytes(row.rx_bytes) : ''), (row) => row.duration_ns ?? row.latency_ns],
	['disk', 'Disk', (row) => visible(row.disk || '-'), (row) => (row.operation || row.event) + (row.bytes ? ', ' + bytes(row.bytes) : '') + (row.errno ? ', error ' + row.errno : ''), (row) => row.latency_ns],
	['file', 'Files', (row) => visible(row.path || row.file || '-'), (row) => row.event + (row.errno ? ', error ' + row.errno : ''), (row) => row.latency_ns ?? row.duration_ns],
];

function Collection({ row, status, which }) {
	const [name, title, what, how, long] = which, part = status.data?.collectors.find((one) => one.name === name), on = part && part.state === 'on';
	// Without an end where it runs: one that moved would be another question each time.
	const span = spanOf(row), answer = useAnswer('/api/v1/' + name, { start: span.start, end: row.ended_unix_ns ? span.end : '', pid: row.pid, limit: MOST }), data = answer.data;
	const none = !on && part ? 'Not recorded: the collector ' + name + ' is ' + part.state + '.' : 'None in its life.';
	return (
		<section><h3>{title}{data && data.next_cursor && ', the newest ' + count(MOST)}{data && data.lost !== 0 && ', ' + lostOf(data.lost, 'records of the host')}</h3>
			<Wait answer={answer} empty={data && !data.count && none}>
				<div class="scroll" tabIndex={0} role="region" aria-label={title + ' of the process'}><table class="rows"><tbody>{data?.data.map((one) => (
					<tr key={one.seq}><td class="n">{clock(one.at_unix_ns, true)}</td><td class="fn">{what(one)}</td><td>{how(one)}</td><td class="n">{long(one) === null || long(one) === undefined ? '-' : duration(long(one))}</td></tr>))}</tbody></table></div>
			</Wait>
		</section>
	);
}

// Where the time of its threads went: on a CPU and waiting for one as the kernel counts it, else by what they waited for.
function Balance({ row, status }) {
	const part = status.data?.collectors.find((one) => one.name === 'waits'), on = part && part.state === 'on', span = spanOf(row);
	const answer = useAnswer('/api/v1/timeseries', { start: span.start, end: row.ended_unix_ns ? span.end : '', pid: row.pid, kind: 'off-cpu', by: 'kind', top: 20 }), data = answer.data;
	const counted = [['on a CPU', row.cpu_ns], ['waiting for a CPU', row.runq_ns]].filter(([, ns]) => ns !== null && ns !== undefined);
	const rows = [...counted, ...(data ? data.series : []).map((one) => [visible(one.name), one.total])].map(([word, ns]) => [word, Number(ns)]), most = Math.max(1, ...rows.map(([, ns]) => ns));
	return (
		<section><h3>Time of its threads{data && data.lost !== 0 && ', ' + lostOf(data.lost, 'waits of the host')}</h3>
			<Wait answer={answer} empty={data && !rows.length && 'Nothing of it was measured.'}>
				<div class="scroll" tabIndex={0} role="region" aria-label="time of the threads of the process"><table class="rows"><tbody>{rows.map(([word, ns]) => (
					<tr key={word}><td>{word}</td><td class="n">{duration(ns)}</td><td class="n"><meter aria-label={word} min="0" max={most} value={ns} /></td></tr>))}</tbody></table></div>
			</Wait>
			<p class="reading">{part && !on ? 'What it waited for is not recorded: the collector waits is ' + part.state + '.' : 'Of what it waited for, the waits that were long enough to be kept' + (data?.rolled_up_ns ? ', in steps of ' + duration(data.rolled_up_ns) : '') + '.'}</p>
		</section>
	);
}

// Fields that were not measured are not there.
function Facts({ row }) {
	const known = (value) => value !== null && value !== undefined, lived = Number(row.duration_ns || 0);
	const then = row.is_over ? '' : ' when last read';
	const facts = [
		['parent', known(row.ppid) && row.ppid], ['user', known(row.uid) && row.uid], ['folder', row.cwd && visible(row.cwd)], ['program', row.file && visible(row.file)],
		['group', row.cgroup && visible(row.cgroup)], ['container', row.container && visible(row.container)],
		['began', day(row.at_unix_ns) + ' ' + clock(row.at_unix_ns, true)], ['ended', row.is_over ? clock(row.ended_unix_ns, true) + ', ' + howEnded(row) : 'runs'],
		['lived', known(row.duration_ns) && duration(lived) + then], ['on a CPU', known(row.cpu_ns) && duration(row.cpu_ns) + ', ' + percent(Number(row.cpu_ns), lived) + ' of its life' + then], ['waited for a CPU', known(row.runq_ns) && duration(row.runq_ns)],
		['peak memory', known(row.max_rss_bytes) && bytes(row.max_rss_bytes)], ['page faults', known(row.minor_faults) && count(row.minor_faults) + ' minor, ' + count(row.major_faults) + ' major'],
		['switches', known(row.voluntary_switches) && count(row.voluntary_switches) + ' voluntary, ' + count(row.involuntary_switches) + ' not'],
		['disk', known(row.read_bytes) && bytes(row.read_bytes) + ' read, ' + bytes(row.written_bytes) + ' written'], ['calls', known(row.read_calls_bytes) && bytes(row.read_calls_bytes) + ' read, ' + bytes(row.write_calls_bytes) + ' written'],
	].filter(([, value]) => value !== false && value !== null && value !== '' && value !== undefined);
	return <dl class="facts">{facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}

export function Record({ state, status }) {
	const now = useMemo(() => String(nowNs()), [state.who]), when = /^\d+$/.test(state.when || '') ? state.when : now, [problem, tell] = useState(null);
	const answer = useAnswer('/api/v1/processes', { pid: state.who, start: String(BigInt(when) - SECOND), end: String(BigInt(when) + SECOND), limit: 20 });
	const row = answer.data && nearest(answer.data.data, when);
	// Who has gone elsewhere meanwhile stays there.
	const toSession = async () => {
		if (await start({ pid: row.pid }, tell) && read(location.search).view === 'processes')
			change({ view: 'sessions' });
	};
	const flame = row && profileOf({ pid: String(row.pid), ...spanOf(row) });
	const events = row && { view: 'events', type: 'all', find: String(row.pid), ...spanOf(row) };
	return (
		<Panel id="record" title={'Process ' + visible(state.who)} note={row && visible(row.comm)}
			tools={<>{row && <Go to={link(flame)} some={flame}>its flame graph</Go>}{row && <Go to={link(events)} some={events}>its events</Go>}
				{row && !row.is_over && <button type="button" onClick={toSession}>profile it now</button>}
				<button type="button" onClick={() => change({ who: '', when: '' })}>close</button></>}>
			{problem && <p class="problem" role="alert">{problem.message}</p>}
			<Wait answer={answer} empty={answer.data && !row && 'Nothing is known of such a process at that time.'}>
				{row && <><p class="fn command">{visible(commandOf(row))}</p><Facts row={row} />
					<div class="grid three"><Balance key={'balance' + row.seq} row={row} status={status} />{COLLECTIONS.map((which) => <Collection key={which[0] + row.seq} row={row} status={status} which={which} />)}</div></>}
			</Wait>
		</Panel>
	);
}
