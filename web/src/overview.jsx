// SPDX-License-Identifier: MIT
// overview.jsx - what this host does now, and whether it can be believed.
import { useState } from 'preact/hooks';
import { Stack } from './chart.jsx';
import { bytes, clock, count, day, literal, lostOf, percent, visible } from './format.js';
import { Heat } from './heat.jsx';
import { useLosses } from './losses.jsx';
import { Lately } from './incidents.jsx';
import { Choice, Go, Panel, Wait } from './parts.jsx';
import { change, link, rangeOf, stepOf, profileOf } from './state.js';
import { useAnswer } from './use.js';

const HEATS = {
	'disk.latency': ['Disk', 'requests to disks'],
	'tcp.connect': ['TCP connect', 'TCP handshakes'],
	'runq.host': ['Run queue', 'waits for a CPU'],
};

function Functions({ state, tick }) {
	const answer = useAnswer('/api/v1/functions', { ...rangeOf(state), limit: 14 }, tick), data = answer.data;
	return (
		<Panel id="functions" title="Busiest functions" note={data && count(data.samples) + ' samples at ' + data.rate_hz + ' Hz'}
			tools={<Go to={link(profileOf({}))} some={profileOf({})}>flame graph</Go>}>
			<Wait answer={answer} empty={data && !data.count && 'No samples in this span.'}>
				<table class="bars"><thead><tr><th scope="col">function</th><th scope="col" class="n">self</th></tr></thead>
					<tbody>{data?.data.map((f, i) => (
						<tr key={i}><td><Go to={link(profileOf({ q: literal(f.function) }))} some={profileOf({ q: literal(f.function) })}><span class="fn">{visible(f.function)}</span></Go> <span class="dim">{visible(f.module)}</span></td>
							<td class="n"><meter aria-label={'share of ' + visible(f.function)} min="0" max={Number(data.data[0].self_ns)} value={Number(f.self_ns)} /> <span class="share">{percent(Number(f.self_ns), Number(data.total_ns))}</span></td></tr>))}</tbody></table>
			</Wait>
		</Panel>
	);
}

// What threads do with their time: on a CPU, waiting for one, waiting for something else.
const CURVES = {
	comm: { word: 'process', of: 'process', title: 'CPU', params: { by: 'comm' }, unit: 'CPUs', what: 'CPUs in use', isOfCpus: true },
	kind: { word: 'user / kernel', of: 'kind', title: 'CPU', params: { by: 'kind' }, unit: 'CPUs', what: 'CPUs in use', isOfCpus: true },
	runq: { word: 'waiting for a CPU', of: 'process', title: 'Waiting for a CPU', params: { metric: 'runq', by: 'comm' }, unit: 'threads', what: 'Threads that wait for a CPU' },
	waits: { word: 'blocked', of: 'reason', title: 'Blocked', params: { kind: 'off-cpu', by: 'kind' }, unit: 'threads', what: 'Threads that are blocked' },
};

function Cpu({ state, tick }) {
	const [by, setBy] = useState('comm');
	const { title, params, unit, what, isOfCpus } = CURVES[by];
	const answer = useAnswer('/api/v1/timeseries', { ...rangeOf(state), ...params, top: 9 }, tick);
	const cpus = useAnswer('/api/v1/functions', { ...rangeOf(state), limit: 1 }).data?.cpus || 1;
	const data = answer.data, isEmpty = data && !data.series.length;
	const busiest = data?.series[0], losses = useLosses(state, tick, by === 'runq' ? 'runq' : 'profile');
	return (
		<Panel id="cpu" title={title} note={data && lostOf(data.lost, 'samples')}
			tools={<Choice label="time by" value={by} onChoose={setBy} options={Object.entries(CURVES).map(([key, one]) => [key, one.word])} />}>
			<Wait answer={answer} empty={isEmpty && (answer.waits ? 'Asking the daemon…' : isOfCpus ? 'No CPU time was measured in this span.' : 'No waits were measured in this span: the collector that tells them may be off.')}>
				{data && <Stack data={data} key={by} losses={losses} ceiling={isOfCpus ? cpus : 0} unit={unit} what={what} label={what + ' by ' + CURVES[by].of + (busiest ? ', most: ' + visible(busiest.name) : '')}
					onName={by === 'comm' ? (line) => change(profileOf({ comm: line.raw })) : by === 'waits' ? () => change(profileOf({ kind: 'off-cpu' })) : null} />}
			</Wait>
		</Panel>
	);
}

function Latency({ state, tick }) {
	const [type, setType] = useState('disk.latency'), [title, what] = HEATS[type];
	const losses = useLosses(state, tick, type.split('.')[0]);
	const answer = useAnswer('/api/v1/heatmap', { ...rangeOf(state), type, column: type === 'disk.latency' ? 'service' : '', step: stepOf(state) + 's' }, tick), data = answer.data;
	return (
		<Panel id="latency" title="Latency" note={data && lostOf(data.lost, 'records')}
			tools={<Choice label="latency of" value={type} onChoose={setType} options={Object.entries(HEATS).map(([key, [word]]) => [key, word])} />}>
			<Wait answer={answer} empty={data && (!data.total || data.type !== type) && (answer.waits ? 'Asking the daemon…' : 'There were no ' + what + ' in this span.')}>
				{data && <Heat data={data} what={what} key={title} losses={losses} />}
			</Wait>
		</Panel>
	);
}

// An empty store has no oldest row.
const isTime = (ns) => Number(ns) > 0 && Number(ns) < 2 ** 63;

function Trust({ status }) {
	const data = status.data;
	return (
		<Panel id="trust" title="What is recorded" tools={<a href="/plain">plain page</a>}>
			<Wait answer={status}>
				{data && <>
					<div class="scroll" tabIndex={0} role="region" aria-label="collectors"><table><thead><tr><th scope="col">collector</th><th scope="col">state</th><th scope="col" class="n">records</th><th scope="col" class="n">lost</th></tr></thead>
						<tbody>{data.collectors.map((one) => (
							<tr key={one.name}><td>{one.name}{one.why && <span class="dim"> {visible(one.why)}</span>}{one.not_measured && <span class="dim"> not measured: {visible(one.not_measured)}</span>}</td>
								<td class={one.state === 'failed' ? 'bad' : one.state === 'off' ? 'dim' : ''}>{one.state}</td><td class="n">{one.state === 'off' ? '-' : count(one.records)}</td>
								<td class={one.lost ? 'n bad' : 'n'}>{one.state === 'off' ? '-' : count(one.lost)}</td></tr>))}</tbody></table></div>
					<p class="reading">{bytes(data.store.bytes)} of {bytes(data.store.max_bytes)} kept
						{isTime(data.store.oldest_unix_ns) && <> since {day(data.store.oldest_unix_ns)} {clock(data.store.oldest_unix_ns)}</>}; recording takes {data.cost.recording_cpu_percent.toFixed(2)} % of a CPU and had {bytes(data.cost.peak_rss_bytes)} of memory at most.
						{data.cost.lowered && <strong> {visible(data.cost.lowered)}.</strong>}</p>
				</>}
			</Wait>
		</Panel>
	);
}

export function Overview({ state, tick, status }) {
	return (
		<div class="grid">
			<div class="wide"><Lately state={state} tick={tick} /><Cpu state={state} tick={tick} /></div>
			<Functions state={state} tick={tick} />
			<div class="column">
				<Latency state={state} tick={tick} />
				<Trust status={status} />
			</div>
		</div>
	);
}
