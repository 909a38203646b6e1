// SPDX-License-Identifier: MIT
// sessions.jsx - profiles on demand: started here, watched as they fill, opened, kept and shared.
import { useEffect, useState } from 'preact/hooks';
import { address, send } from './api.js';
import { clock, count, duration, visible } from './format.js';
import { Go, Panel, Save, Select, Wait } from './parts.jsx';
import { change, link, nowNs } from './state.js';
import { useAnswer } from './use.js';

const POLL_MS = 1000;
export const WHAT = { cpu: 'on a CPU', 'off-cpu': 'waiting', wall: 'on a CPU and waiting' };
const isOn = (one) => one.state === 'starting' || one.state === 'running' || one.state === 'naming';
const openOf = (id) => ({ view: 'profiles', session: id, of: '', kind: '', pid: '', comm: '', from: '', to: '', vs: '', fn: '', shape: '', q: '' });

// Starts one; what is wrong is told to @tell.  Return: whether it was started.
export async function start(body, tell) {
	try {
		await send('POST', '/api/v1/sessions', body);
		tell(null);
		return true;
	} catch (problem) {
		tell(problem);
		return false;
	}
}

function Start({ state, tell, again }) {
	const [kind, setKind] = useState('cpu'), [seconds, setSeconds] = useState('30'), [rate, setRate] = useState('99');
	const onSubmit = async (event) => {
		event.preventDefault();
		const body = { kind, duration_s: Number(seconds), rate_hz: Number(rate) };
		await start(state.who ? { ...body, pid: Number(state.who) } : body, tell);
		again();
	};
	return (
		<form class="filters" onSubmit={onSubmit}>
			<label>PID <input value={state.who || ''} size={8} inputMode="numeric" placeholder="whole host" onInput={(event) => change({ who: event.currentTarget.value.trim() }, true)} /></label>
			<Select label="what" value={kind} options={Object.entries(WHAT)} onChoose={setKind} />
			<label>seconds <input value={seconds} size={4} inputMode="decimal" onInput={(event) => setSeconds(event.currentTarget.value)} /></label>
			<label>samples per second <input value={rate} size={5} inputMode="numeric" onInput={(event) => setRate(event.currentTarget.value)} /></label>
			<button type="submit">start</button>
		</form>
	);
}

// How far it is, by the clock of the daemon as its answer came.
function Progress({ one }) {
	const whole = one.duration_s * 1e9, since = Number(nowNs() - BigInt(one.asked_unix_ns)) - Number(one.setup_ns || 0);
	if (one.state === 'running')
		return <progress aria-label={'session of ' + (one.pid ?? 'the host')} max={whole} value={Math.max(0, Math.min(since, whole))} />;
	return null;
}

const toldOf = (one) => one.state === 'done' ? 'done' + (one.ended_by === 'duration' ? '' : ': ' + one.ended_by) : one.state === 'failed' ? 'failed: ' + visible(one.why || '') : one.state;

function Row({ one, again, tell }) {
	const end = async () => {
		try {
			await send('DELETE', one.href);
		} catch (problem) {
			tell(problem);
		}
		again();
	};
	return (
		<tr><td class="n">{clock(one.asked_unix_ns)}</td><td class="n">{one.pid ?? 'whole host'}</td><td>{WHAT[one.kind] || one.kind}</td><td class="n">{duration(one.duration_s * 1e9)}</td><td class="n">{one.rate_hz} Hz</td>
			<td><span class={one.state === 'failed' ? 'bad' : ''}>{toldOf(one)}</span> <Progress one={one} /></td><td class="n">{count(one.samples)}</td><td class={one.lost ? 'n bad' : 'n'}>{count(one.lost)}</td>
			<td>{one.profile && <><Go to={link(openOf(one.id))} some={openOf(one.id)}>flame graph</Go> <Save to={address(one.profile, { format: 'pprof' })} as="kymo-session.pb.gz">keep as pprof</Save> </>}
				<button type="button" class="plain" onClick={end}>{isOn(one) ? 'cancel' : 'forget'}</button></td>
			<td class="n">{one.expires_unix_ns ? clock(one.expires_unix_ns) : '-'}</td></tr>
	);
}

export function Sessions({ state, tick }) {
	const [again, setAgain] = useState(0), [problem, tell] = useState(null);
	const answer = useAnswer('/api/v1/sessions', {}, tick + ':' + again), data = answer.data, ask = () => setAgain((n) => n + 1);
	const some = Boolean(data?.data.some(isOn));
	useEffect(() => {
		if (!some)
			return undefined;
		const timer = setInterval(() => document.hidden || ask(), POLL_MS);
		return () => clearInterval(timer);
	}, [some]);
	return (
		<Panel id="sessions" title="Sessions" note={data && count(data.data.filter(isOn).length) + ' of at most ' + data.max_concurrent + ' run'}>
			<Start state={state} tell={tell} again={ask} />
			{problem && <p class="problem" role="alert">{problem.message}{problem.hint && <> <code>{problem.hint}</code></>}</p>}
			<Wait answer={answer} empty={data && !data.count && 'None yet. A session samples one process or the whole host, faster than the profile that is always recorded, and keeps the moment of every sample.'}>
				<div class="scroll tall" tabIndex={0} role="region" aria-label="rows of sessions"><table class="rows">
					<thead><tr><th scope="col" class="n">asked</th><th scope="col" class="n">PID</th><th scope="col">what</th><th scope="col" class="n">for</th><th scope="col" class="n">rate</th><th scope="col">state</th><th scope="col" class="n">samples</th><th scope="col" class="n">lost</th><th scope="col">result</th><th scope="col" class="n">kept until</th></tr></thead>
					<tbody>{data?.data.map((one) => <Row key={one.id} one={one} again={ask} tell={tell} />)}</tbody></table></div>
			</Wait>
			<p class="reading">A flame graph's address is its link: who opens it sees the same, until the session is forgotten.</p>
		</Panel>
	);
}
