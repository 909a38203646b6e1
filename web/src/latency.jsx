// SPDX-License-Identifier: MIT
// latency.jsx - how long calls of functions and requests of servers take: what is timed now, how often which time
// was needed, how that went on, and what the slow ones did meanwhile.
import { useEffect, useMemo, useState } from 'preact/hooks';
import { ask, send } from './api.js';
import { makeTree } from './flame.js';
import { Flame } from './flameview.jsx';
import { clock, count, duration, percent, visible } from './format.js';
import { Heat } from './heat.jsx';
import { Histogram } from './histogram.jsx';
import { Go, Panel, Select, Wait } from './parts.jsx';
import { change, link, nowNs, profileOf } from './state.js';
import { useAnswer } from './use.js';

const POLL_MS = 1000;
const isOn = (one) => one.state === 'starting' || one.state === 'running' || one.state === 'naming';
const openOf = (id) => ({ timing: id, row: '' });
const listOf = (text) => text.split(',').map((word) => word.trim()).filter(Boolean);
export const time = (ns) => ns === null || ns === undefined ? '-' : duration(ns);

// Names that fit what was typed, as `kymo latency --list` finds them.
function Found({ found, onChoose }) {
	if (!found)
		return null;
	if (found.problem)
		return <p class="problem" role="alert">{found.problem.message}{found.problem.hint && <> <code>{found.problem.hint}</code></>}</p>;
	const { data, refused, max } = found, more = found.count - data.length;
	return (
		<div class="scroll" tabIndex={0} role="region" aria-label="functions that were found">
			<table class="rows"><thead><tr><th scope="col">function</th><th scope="col">file</th><th scope="col">how its calls are seen</th></tr></thead>
				<tbody>{data.map((f) => (
					<tr key={f.file + f.function}><td class="fn"><button type="button" class="plain" onClick={() => onChoose(f)}>{visible(f.function)}</button></td><td>{visible(f.file)}</td><td>{visible(f.how)}</td></tr>))}</tbody></table>
			{!data.length && <p class="empty">None of these can be timed.</p>}
			{more > 0 && <p class="reading">And {count(more)} more; a measurement takes at most {max}.</p>}
			{refused.length > 0 && <p class="reading">Cannot be probed: {refused.slice(0, 5).map(visible).join('; ')}{refused.length > 5 && ' and ' + (refused.length - 5) + ' more'}.</p>}
		</div>
	);
}

function Start({ state, tell, again }) {
	const [subject, setSubject] = useState('functions'), [names, setNames] = useState(''), [port, setPort] = useState('');
	const [seconds, setSeconds] = useState('30'), [slower, setSlower] = useState(''), [args, setArgs] = useState(''), [found, setFound] = useState(null);
	const isHttp = subject === 'requests', pid = state.who || '';
	const text = (label, value, set, width, more) => (
		<label>{label} <input value={value} size={width} spellcheck={false} onInput={(event) => set(event.currentTarget.value)} {...more} /></label>);
	const onSubmit = async (event) => {
		event.preventDefault();
		const body = { duration_s: Number(seconds), ...(pid && { pid: Number(pid) }), ...(slower && { slower_ms: Number(slower) }) };
		try {
			const one = await send('POST', '/api/v1/latency', isHttp ? { ...body, http: true, ...(port && { port: Number(port) }) } : { ...body, functions: listOf(names), ...(args && { args: listOf(args) }) });
			tell(null);
			setFound(null);
			change(openOf(one.id));
		} catch (problem) {
			tell(problem);
		}
		again();
	};
	const search = async () => {
		try {
			setFound(await ask('/api/v1/latency/functions', { name: listOf(names).at(-1) || '', pid }));
		} catch (problem) {
			setFound({ problem });
		}
	};
	const choose = (f) => {
		setNames([...listOf(names).slice(0, -1), (pid ? '' : f.file + ':') + f.function].join(', '));
		setFound(null);
	};
	return (
		<>
			<form class="filters" onSubmit={onSubmit}>
				<Select label="time" value={subject} options={[['functions', 'functions'], ['requests', 'HTTP requests']]} onChoose={setSubject} />
				<label>PID <input value={pid} size={8} inputMode="numeric" placeholder="any" onInput={(event) => change({ who: event.currentTarget.value.trim() }, true)} /></label>
				{isHttp ? text('port', port, setPort, 6, { inputMode: 'numeric', placeholder: 'any' })
					: <>{text('names', names, setNames, 34, { placeholder: pid ? 'main.*' : 'libc.so.6:getaddrinfo' })}<button type="button" onClick={search} disabled={!listOf(names).length}>search</button></>}
				{text('seconds', seconds, setSeconds, 4, { inputMode: 'decimal' })}
				{text('explain above ms', slower, setSlower, 5, { inputMode: 'decimal', placeholder: 'none' })}
				{!isHttp && text('arguments', args, setArgs, 10, { placeholder: '1:str', disabled: !slower })}
				<button type="submit" disabled={!isHttp && !listOf(names).length}>start</button>
			</form>
			<Found found={found} onChoose={choose} />
		</>
	);
}

const subjectOf = (one) => one.subject === 'requests' ? 'HTTP requests' + (one.port ? ' at port ' + one.port : '') : visible(one.functions);
const toldOf = (one) => one.state === 'done' ? 'done' + (one.ended_by === 'duration' ? '' : ': ' + one.ended_by) : one.state === 'failed' ? 'failed: ' + visible(one.why || '') : one.state;

function List({ data, state, again, tell }) {
	const end = async (one) => {
		try {
			await (isOn(one) ? send('POST', one.href + '/stop') : send('DELETE', one.href));
			if (!isOn(one) && state.timing === one.id)
				change({ timing: '', row: '' }, true);
		} catch (problem) {
			tell(problem);
		}
		again();
	};
	const whole = (one) => one.duration_s * 1e9, since = (one) => Number(nowNs() - BigInt(one.began_unix_ns));
	return (
		<div class="scroll" tabIndex={0} role="region" aria-label="rows of measurements"><table class="rows">
			<thead><tr><th scope="col" class="n">asked</th><th scope="col">what</th><th scope="col" class="n">PID</th><th scope="col" class="n">for</th><th scope="col">state</th><th scope="col" class="n">slow</th><th scope="col"><span class="dim">do</span></th></tr></thead>
			<tbody>{data.map((one) => (
				<tr key={one.id} class={one.id === state.timing ? 'hit' : ''}><td class="n">{clock(one.asked_unix_ns)}</td>
					<td class="fn"><Go to={link(openOf(one.id))} some={openOf(one.id)}>{subjectOf(one)}</Go></td><td class="n">{one.pid ?? 'any'}</td><td class="n">{duration(whole(one))}</td>
					<td><span class={one.state === 'failed' ? 'bad' : ''}>{toldOf(one)}</span> {one.state === 'running' && <progress aria-label={'measurement of ' + subjectOf(one)} max={whole(one)} value={Math.max(0, Math.min(since(one), whole(one)))} />}</td>
					<td class="n">{one.slower_ms ? count(one.slow_count) : '-'}</td>
					<td><button type="button" class="plain" onClick={() => end(one)}>{isOn(one) ? 'stop' : 'forget'}</button></td></tr>))}</tbody></table></div>
	);
}

function Figures({ one, number }) {
	const isHttp = one.subject === 'requests';
	const head = [isHttp ? 'route' : 'function', isHttp ? 'port' : 'file', '#count', '#per second', isHttp ? '#errors' : '#cut off', '#half within', '#90 %', '#99 %', '#99.9 %', '#longest', ...(isHttp ? ['#queue, half', '#service, half'] : ['#probes add'])];
	return (
		<div class="scroll tall" tabIndex={0} role="region" aria-label="rows of figures"><table class="rows">
			<thead><tr>{head.map((word) => <th key={word} scope="col" class={word.startsWith('#') ? 'n' : ''}>{word.replace('#', '')}</th>)}</tr></thead>
			<tbody>{one.rows.map((row, i) => (
				<tr key={i} class={i === number ? 'hit' : ''}><td class="fn"><button type="button" class="plain" aria-pressed={i === number} onClick={() => change({ row: String(i) }, true)}>{visible(row.route ?? row.function)}</button></td>
					<td>{visible(isHttp ? row.port ?? '-' : row.file)}</td><td class="n">{count(row.count)}</td><td class="n">{row.rate_per_s.toFixed(row.rate_per_s < 10 ? 2 : 0)}</td><td class={row.errors ? 'n bad' : 'n'}>{count(row.errors)}</td>
					{[row.p50_ns, row.p90_ns, row.p99_ns, row.p999_ns, row.max_ns, ...(isHttp ? [row.queue.p50_ns, row.service.p50_ns] : [row.probe_ns])].map((ns, k) => <td key={k} class="n">{time(ns)}</td>)}</tr>))}</tbody></table>
			{!one.rows.length && <p class="empty">{isOn(one) ? 'Nothing yet: routes appear here as they are asked for.' : 'None was asked for.'}</p>}</div>
	);
}

// "running 3 ms (10 %), lock 60 ms (90 %)"
function partsOf(call) {
	if (call.not_divided)
		return 'not divided, as ' + visible(call.not_divided);
	if (call.running_ns === undefined)
		return 'is told in a moment';
	const parts = [['running', call.running_ns], ['waiting for a CPU', call.runq_ns], ...Object.entries(call.blocked_ns).map(([reason, ns]) => [reason, ns])];
	return parts.filter(([, ns]) => ns > 0).sort((a, b) => b[1] - a[1]).map(([word, ns]) => word + ' ' + duration(ns) + ' (' + percent(ns, call.divided_ns) + ')').join(', ');
}

function Call({ call }) {
	const from = String(BigInt(call.ended_unix_ns) - BigInt(call.took_ns)), then = profileOf({ pid: String(call.pid), start: from, end: call.ended_unix_ns, kind: 'wall' });
	return (
		<tr><td class="n">{clock(call.ended_unix_ns, true)}</td><td class="n">{duration(call.took_ns)}</td><td class="fn">{visible(call.request ?? call.slow)}</td>
			<td class="n"><Go to={link(then)} some={then}>{call.pid}</Go></td>
			<td class="fn">{call.args?.map((arg) => <span class="pair" key={arg.arg}><i>{arg.arg}</i> {arg.value === null ? '-' : visible(arg.value) + (arg.cut ? '…' : '')} </span>)}</td>
			<td>{call.queue_ns > 0 && 'queue ' + duration(call.queue_ns) + '; service: '}{partsOf(call)}
				{call.stacks?.length > 0 && <details><summary>on {count(call.stacks.length)} stacks</summary><ol class="stacks">{call.stacks.map((stack, i) => (
					<li key={i}>{duration(stack.ns)} {stack.reason}: <span class="fn">{stack.frames.slice(0, 12).map(visible).join(' < ')}</span></li>))}</ol></details>}</td></tr>
	);
}

function Slow({ one, tick }) {
	const answer = useAnswer(one.slower_ms && one.href + '/slow', {}, tick), data = answer.data;
	if (!one.slower_ms)
		return null;
	return (
		<Panel id="slow" title={'Calls above ' + duration(one.slower_ms * 1e6)} note={data && count(data.total) + (data.explained ? data.kept < data.total ? ', of which the slowest ' + count(data.kept) + ' are explained' : '' : ' so far, the latest first; their stacks are named when it is over')}>
			<Wait answer={answer} empty={data && !data.data.length && (isOn(one) ? 'None yet.' : 'There were none.')}>
				<div class="scroll tall" tabIndex={0} role="region" aria-label="rows of slow calls"><table class="rows">
					<thead><tr><th scope="col" class="n">ended</th><th scope="col" class="n">took</th><th scope="col">what</th><th scope="col" class="n">PID</th><th scope="col">arguments</th><th scope="col">what its thread did</th></tr></thead>
					<tbody>{data?.data.map((call, i) => <Call key={i} call={call} />)}</tbody></table></div>
			</Wait>
		</Panel>
	);
}

function SlowFlame({ one }) {
	const answer = useAnswer(one.profile, {}), data = answer.data, tree = useMemo(() => data && makeTree(data), [data]), [root, setRoot] = useState(0);
	const whole = { ...profileOf({ session: 'latency/' + one.id }), shape: '', q: '', fn: '' };
	if (!one.profile)
		return null;
	return (
		<Panel id="slowflame" title="Where slow calls ran and waited" note={data && duration(data.total_ns) + ' of time, ' + count(data.samples) + ' samples and waits'} tools={<Go to={link(whole)} some={whole}>in every shape</Go>}>
			<Wait answer={answer} empty={data && !data.samples && 'Neither a sample nor a wait was in a slow call.'}>
				{tree && <Flame tree={tree} hit={null} found={{ nodes: [], weight: 0 }} flipped root={Math.min(root, tree.n - 1)} setRoot={setRoot} label={'flame graph of slow calls, ' + count(data.samples) + ' samples and waits'} />}
			</Wait>
		</Panel>
	);
}

// What is known of how well it was measured.
function Trust({ one }) {
	const lost = one.lost?.filter((loss) => loss.count > 0) || [];
	return (
		<p class="reading">A percentile is at most {one.rows[0]?.error_pct ?? 3.125} % off, and is told where ten calls exceed it.
			{one.cost_pct > 0 && <> The probes cost about {one.cost_pct.toFixed(2)} % of a CPU.</>}
			{lost.length > 0 && <> Lost: {lost.map((loss) => count(loss.count) + ' ' + visible(loss.kind)).join('; ')}.</>}
			{one.not_measured?.length > 0 && <> Not measured: {one.not_measured.map(visible).join('; ')}.</>}
			{one.refused.length > 0 && <> Not probed: {one.refused.map(visible).join('; ')}.</>}
			{one.beyond > 0 && <> {count(one.beyond)} calls had no row of their own.</>}</p>
	);
}

function Measured({ state, tick }) {
	const answer = useAnswer('/api/v1/latency/' + encodeURIComponent(state.timing), { row: state.row }, tick), one = answer.data, row = one?.rows[one.row];
	const what = one?.subject === 'requests' ? 'requests' : 'calls';
	return (
		<>
			<Panel id="figures" title={one ? 'How long ' + subjectOf(one) + ' took' : 'Figures'} note={one && toldOf(one)}>
				<Wait answer={answer}>{one && <><Figures one={one} number={one.row} /><Trust one={one} /></>}</Wait>
			</Panel>
			{row && <div class="grid">
				<Panel id="histogram" title="How often" note={visible(row.route ?? row.function)}><Histogram buckets={one.histogram} row={row} what={what} /></Panel>
				<Panel id="heat" title="Over time" note={visible(row.route ?? row.function)}>{one.heat?.total > 0 ? <Heat data={one.heat} what={what} /> : <p class="empty">No {what} yet.</p>}</Panel>
			</div>}
			{one && <Slow one={one} tick={tick} />}
			{one && <SlowFlame key={one.id} one={one} />}
		</>
	);
}

export function Latency({ state, tick }) {
	const [again, setAgain] = useState(0), [problem, tell] = useState(null);
	const turn = tick + ':' + again, answer = useAnswer('/api/v1/latency', {}, turn), data = answer.data, next = () => setAgain((n) => n + 1);
	const some = Boolean(data?.data.some(isOn));
	useEffect(() => {
		if (!some)
			return undefined;
		const timer = setInterval(() => document.hidden || next(), POLL_MS);
		return () => clearInterval(timer);
	}, [some]);
	return (
		<div class="stack">
			<Panel id="timings" title="Latency" note={data && count(data.data.filter(isOn).length) + ' of at most ' + data.max_concurrent + ' run'}>
				<Start state={state} tell={tell} again={next} />
				{problem && <p class="problem" role="alert">{problem.message}{problem.hint && <> <code>{problem.hint}</code></>}</p>}
				<Wait answer={answer} empty={data && !data.data.length && 'None yet. Functions are timed by probes at their entry and their ways out, requests of HTTP servers by their sockets; both cost nothing when nothing is timed.'}>
					{data && <List data={data.data} state={state} again={next} tell={tell} />}
				</Wait>
			</Panel>
			{state.timing && <Measured key={state.timing} state={state} tick={turn} />}
		</div>
	);
}
