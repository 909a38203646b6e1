// SPDX-License-Identifier: MIT
// incidents.jsx - what triggers noticed: listed by time; and one of them, with its values, what the CPUs did
// around it, its flame graph, and the events of that time.
import { useMemo, useState } from 'preact/hooks';
import { Stack } from './chart.jsx';
import { Flame } from './flameview.jsx';
import { makeTree, table } from './flame.js';
import { clock, count, day, duration, lostOf, percent, visible } from './format.js';
import { Go, Panel, Wait } from './parts.jsx';
import { link, nowNs, profileOf, rangeOf } from './state.js';
import { useAnswer } from './use.js';

const MOST = 100, MOST_EVENTS = 200, SECOND = 1000000000n, QUIET_TYPES = 'process.exec,process.exit,memory.oom,signal.sent,disk.io,tcp.reset,incident';
const TRIGGERS = { process_cpu: 'CPU time of a process', host_cpu: 'CPU time of the host', run_queue: 'waits for a CPU', io: 'waits for a disk', oom: 'killed for want of memory', exit: 'a command that ended badly', latency: 'a slow function' };

export const incidentOf = (row) => ({ view: 'incidents', incident: row.seq });
const pictureOf = (row) => profileOf({ of: row.seq });
const valueOf = (value, unit) => value === null || value === undefined ? null : unit === 'ns' ? duration(value) : count(value) + ' ' + unit;
const stateOf = (row) => !row.is_over ? 'is profiled now' : row.state === 'no profile' ? 'no profile' : row.state;

function Row({ row }) {
	return (
		<tr><td class="n">{day(row.at_unix_ns)} {clock(row.at_unix_ns)}</td><td>{TRIGGERS[row.trigger] || visible(row.trigger)}</td>
			<td><Go to={link(incidentOf(row))} some={incidentOf(row)}>{visible(row.what)}</Go>{row.also && <span class="dim"> also: {visible(row.also)}</span>}</td>
			<td>{stateOf(row)}</td><td class="n">{row.samples === null ? '-' : count(row.samples)}</td>
			<td>{row.samples !== null && <Go to={link(pictureOf(row))} some={pictureOf(row)}>flame graph</Go>}</td></tr>
	);
}

function Listed({ state, tick }) {
	const answer = useAnswer('/api/v1/incidents', { ...rangeOf(state), limit: MOST }, tick), data = answer.data;
	return (
		<Panel id="incidents" title="Incidents" note={data && count(data.count) + (data.next_cursor ? ', the newest' : '') + ' in this span'}>
			<Wait answer={answer} empty={data && !data.count && 'Nothing unusual was noticed in this span. The triggers are in the settings: kymo serve --generate-config.'}>
				<div class="scroll all" tabIndex={0} role="region" aria-label="rows of incidents"><table class="rows"><thead><tr><th scope="col" class="n">when</th><th scope="col">trigger</th><th scope="col">what</th><th scope="col">state</th><th scope="col" class="n">samples</th><th scope="col">profile</th></tr></thead>
					<tbody>{data?.data.map((row) => <Row key={row.seq} row={row} />)}</tbody></table></div>
			</Wait>
		</Panel>
	);
}

// Each trigger: whether it can fire, what it measures now, and how often it fired.
function Triggers({ status }) {
	const data = status.data;
	return (
		<Panel id="triggers" title="Triggers">
			<Wait answer={status}>
				{data?.triggers && <div class="scroll all" tabIndex={0} role="region" aria-label="rows of triggers"><table><thead><tr><th scope="col">trigger</th><th scope="col">state</th><th scope="col" class="n">now</th><th scope="col" class="n">fired</th></tr></thead>
					<tbody>{data.triggers.map((one) => (
						<tr key={one.name}><td>{TRIGGERS[one.name] || one.name} <span class="dim">{one.name}</span></td>
							<td class={one.state === 'on' ? '' : 'dim'}>{one.state}{one.why && ': ' + visible(one.why)}{one.quiet_s && ', quiet for ' + duration(one.quiet_s * 1e9)}</td>
							<td class="n">{one.value === undefined ? '-' : valueOf(one.value, one.name === 'latency' ? 'ns' : '%')}</td><td class="n">{count(one.fired)}</td></tr>))}</tbody></table></div>}
			</Wait>
		</Panel>
	);
}

function Facts({ row }) {
	const facts = [
		['trigger', TRIGGERS[row.trigger] || visible(row.trigger)], ['measured', valueOf(row.value, row.unit)], ['from', valueOf(row.threshold, row.unit) && valueOf(row.threshold, row.unit) + ' on it fires'],
		['mean of', row.held_ns !== null && duration(row.held_ns)], ['at most', valueOf(row.peak, row.unit)], ['process', row.pid !== null && row.pid + ' ' + visible(row.comm || '')],
		['noticed', day(row.at_unix_ns) + ' ' + clock(row.at_unix_ns, true)], ['over', row.is_over ? clock(row.ended_unix_ns, true) : 'not yet'], ['state', stateOf(row) + (row.why ? ': ' + visible(row.why) : '')],
		['profile', row.rate_hz !== null && row.samples !== null && count(row.samples) + ' samples at ' + row.rate_hz + ' Hz' + (row.lost ? ', ' + lostOf(row.lost, 'samples') : '')], ['also', row.also && visible(row.also)],
	].filter(([, value]) => value);
	return <dl class="facts">{facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}

function Picture({ row }) {
	const answer = useAnswer(row.samples !== null && '/api/v1/profiles', { incident: row.seq, format: 'json' }), data = answer.data, [root, setRoot] = useState(0);
	const tree = useMemo(() => data && makeTree(data), [data]), top = tree && table(tree, 0).sort((a, b) => b.self - a.self)[0];
	const label = top ? 'flame graph of the incident, ' + count(data.samples) + ' samples, most: ' + visible(tree.functions[top.fn].name) + ' ' + percent(top.self, tree.weight[0]) : 'flame graph of the incident';
	if (row.samples === null)
		return null;
	return (
		<Panel id="picture" title="What was profiled then" note={data && count(data.samples) + ' samples in ' + duration(String(BigInt(data.end_unix_ns) - BigInt(data.start_unix_ns)))} tools={<Go to={link(pictureOf(row))} some={pictureOf(row)}>all of it: search, table, save</Go>}>
			<Wait answer={answer} empty={data && !data.samples && 'Nothing ran in its time.'}>
				{tree && <Flame tree={tree} hit={null} found={{ nodes: [], weight: 0 }} flipped root={Math.min(root, tree.n - 1)} setRoot={setRoot} label={label} />}
			</Wait>
		</Panel>
	);
}

function Around({ row, start, end }) {
	const answer = useAnswer('/api/v1/timeseries', { start, end, by: 'comm', top: 9 }), data = answer.data;
	return (
		<Panel id="around" title="CPU time around it" note={data && lostOf(data.lost, 'samples')}>
			<Wait answer={answer} empty={data && !data.series.length && 'No CPU time was measured then.'}>
				{data && <Stack data={data} ceiling={0} label={'CPUs in use around the incident of ' + clock(row.at_unix_ns) + ', by process'} />}
			</Wait>
		</Panel>
	);
}

function Happened({ start, end }) {
	const answer = useAnswer('/api/v1/records', { type: QUIET_TYPES, start, end, limit: MOST_EVENTS }), data = answer.data;
	const told = (one) => one.argv ? one.argv.join(' ') : [one.what, one.file, one.disk, one.remote_addr].filter(Boolean).join(' ');
	return (
		<Panel id="happened" title="What happened then" note={data && (data.next_cursor ? 'the newest ' : '') + count(data.count) + (data.lost === 0 ? '' : ', ' + lostOf(data.lost, 'records'))}>
			<Wait answer={answer} empty={data && !data.count && 'Nothing was recorded then.'}>
				<div class="scroll" tabIndex={0} role="region" aria-label="events of that time"><table class="rows"><thead><tr><th scope="col" class="n">when</th><th scope="col">kind</th><th scope="col" class="n">PID</th><th scope="col">name</th><th scope="col">what</th></tr></thead>
					<tbody>{data?.data.map((one) => (
						<tr key={one.seq}><td class="n">{clock(one.at_unix_ns, true)}</td><td class="kind">{one.collector} {one.event}</td><td class="n">{one.pid ?? '-'}</td><td class="fn">{visible(one.comm || '-')}</td><td class="fn"><span class="one">{visible(told(one))}</span></td></tr>))}</tbody></table></div>
			</Wait>
		</Panel>
	);
}

// What moves with the clock would be another question each time: what goes on is shown up to when it was opened.
function One({ state, tick }) {
	const answer = useAnswer('/api/v1/incidents/' + encodeURIComponent(state.incident), {}, tick), row = answer.data?.seq === state.incident ? answer.data : null;
	const opened = useMemo(() => nowNs(), [state.incident]);
	const start = row && row.from_unix_ns, until = row && (row.is_over ? BigInt(row.ended_unix_ns) : opened > BigInt(row.at_unix_ns) ? opened : BigInt(row.at_unix_ns)), end = row && String(until + SECOND);
	const before = row && profileOf({ start: row.from_unix_ns, end: row.at_unix_ns, pid: row.trigger === 'process_cpu' ? String(row.pid) : '' });
	const events = row && { view: 'events', type: 'all', find: '', start, end }, back = { view: 'incidents', incident: '' };
	return (
		<>
			<Panel id="incident" title={'Incident ' + visible(state.incident)} note={row && clock(row.at_unix_ns)}
				tools={<>{row && <Go to={link(before)} some={before}>flame graph of before</Go>}{row && <Go to={link(events)} some={events}>all events</Go>}<Go to={link(back)} some={back}>all incidents</Go></>}>
				<Wait answer={{ ...answer, data: row }}>
					{row && <><p class="what">{visible(row.what)}</p><Facts row={row} /><p class="reading">The address of this page is its link: who opens it sees the same, as long as the incident is kept.</p></>}
				</Wait>
			</Panel>
			{row && <Picture key={row.seq + row.is_over} row={row} />}
			{row && <Around row={row} start={start} end={end} />}
			{row && <Happened start={start} end={end} />}
		</>
	);
}

export function Incidents({ state, tick, status }) {
	return <div class="stack">{/^\d+$/.test(state.incident || '') ? <One key={state.incident} state={state} tick={tick} /> : <><Listed state={state} tick={tick} /><Triggers status={status} /></>}</div>;
}

// What was unusual lately: nothing is shown where nothing was.
export function Lately({ state, tick }) {
	const data = useAnswer('/api/v1/incidents', { ...rangeOf(state), limit: 3 }, tick).data, all = { view: 'incidents', incident: '' };
	if (!data?.count)
		return null;
	return (
		<section class="banner lately" aria-label="what was unusual"><b>Unusual in this span:</b> {data.data.map((row) => (
			<span key={row.seq}>{clock(row.at_unix_ns)} <Go to={link(incidentOf(row))} some={incidentOf(row)}>{visible(row.what)}</Go></span>))}
			{data.next_cursor && <Go to={link(all)} some={all}>and others</Go>}</section>
	);
}
