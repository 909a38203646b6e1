// SPDX-License-Identifier: MIT
// page.jsx - the page of kymo serve: its frame, the range of time, and which view is shown.
import { render } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { follow, hasToken, onLocked, setToken } from './api.js';
import { clock, count, day, duration, visible } from './format.js';
import { Keys } from './keys.jsx';
import { Choice, Go } from './parts.jsx';
import { Overview } from './overview.jsx';
import { Profiles } from './profiles.jsx';
import { Processes } from './processes.jsx';
import { Events } from './events.jsx';
import { Incidents } from './incidents.jsx';
import { Latency } from './latency.jsx';
import { Sessions } from './sessions.jsx';
import { PRESETS, change, isLive, lengthNs, link, nowNs, setClock, usePage } from './state.js';
import { chooseTheme, isDark, startTheme, useAnswer, useScheme } from './use.js';
import './page.css';

const VIEWS = { overview: ['Overview', Overview], profiles: ['Profiles', Profiles], processes: ['Processes', Processes], events: ['Events', Events], latency: ['Latency', Latency], incidents: ['Incidents', Incidents], sessions: ['Sessions', Sessions] };
const REFRESH_MS = 2000;
const QUIET_MS = 10000; // samples and counts come where no process does; a slice has as long

// Rises when the daemon has committed something new: at most every two seconds, of processes, and now and then anyway.
function useTick(state) {
	const [tick, set] = useState(0), [link_, setLink] = useState('waits');
	const live = isLive(state), follows = state.view !== 'events'; // which has a stream of its own
	useEffect(() => {
		if (!live)
			return undefined;
		let isNew = false, asked = Date.now();
		const pause = Math.max(REFRESH_MS, lengthNs(state) / 1e6 / 300);
		// A stream that breaks is a reason to ask, too: is the daemon still there?
		const stop = follows ? follow('process.exec,process.exit', () => { isNew = true; }, (how) => { isNew ||= how === 'broken'; setLink(how); }) : () => {};
		const timer = setInterval(() => {
			if (document.hidden || !(isNew || Date.now() - asked >= QUIET_MS))
				return;
			set((n) => n + 1);
			isNew = false;
			asked = Date.now();
		}, pause);
		return () => { stop(); clearInterval(timer); };
	}, [live, follows, state.start]);
	return [tick, link_];
}

function Range({ state }) {
	const live = isLive(state);
	return (
		<div class="range">
			<Choice label="span of time" value={live ? state.start : ''} onChoose={(start) => change({ start, end: '', from: '', to: '' })} options={PRESETS} />
			{!live && <span class="fixed">{day(state.start)} {clock(state.start)} to {clock(state.end || state.start)}</span>}
			{!live && <button type="button" onClick={() => change({ start: '-15m', end: '', from: '', to: '' })}>back to live</button>}
			{live && <button type="button" onClick={() => change({ start: String(nowNs() - BigInt(lengthNs(state))), end: String(nowNs()) })}>pause</button>}
		</div>
	);
}

function Theme() {
	useScheme();
	const dark = isDark();
	return <button type="button" onClick={() => chooseTheme(dark ? 'light' : 'dark')}>{dark ? 'light' : 'dark'}</button>;
}

// A daemon with tokens tells nothing without one.
function Locked() {
	const [text, set] = useState('');
	const onSubmit = (event) => {
		event.preventDefault();
		setToken(text.trim());
		location.reload();
	};
	return (
		<section class="panel locked" aria-labelledby="locked">
			<h2 id="locked">This daemon wants a token</h2>
			{hasToken() && <p class="problem" role="alert">It does not know the one that it was shown.</p>}
			<form class="filters" onSubmit={onSubmit}>
				<label>token <input type="password" autocomplete="off" size={32} value={text} onInput={(event) => set(event.currentTarget.value)} /></label>
				<button type="submit" disabled={!text.trim()}>use it</button>
			</form>
			<p class="reading">One of those in the file that [auth] token_file names. It is kept until this tab is closed, and sent to this daemon alone.</p>
		</section>
	);
}

const SKEW_MS = 5000;

function Losses({ status, link_, live, ahead }) {
	const data = status.data;
	if (status.problem)
		return <p class="banner problem" role="alert">{status.problem.message}; what you see is from before.</p>;
	const failed = data ? data.collectors.filter((one) => one.state === 'failed') : [];
	return (
		<>
			{Math.abs(ahead) > SKEW_MS && <p class="banner" role="status">The clock of this browser is {duration(Math.abs(ahead) * 1e6)} {ahead < 0 ? 'ahead of' : 'behind'} that of the host: all times here are the host's.</p>}
			{live && link_ === 'broken' && <p class="banner problem" role="status">The stream of events broke; trying again.</p>}
			{data && !data.store.writable && <p class="banner problem" role="alert">The store cannot be written: {visible(data.store.why || 'unknown why')}.</p>}
			{failed.length > 0 && <p class="banner problem" role="status">Not recorded: {failed.map((one) => one.name).join(', ')}.</p>}
			{data && Number(data.store.lost) > 0 && <p class="banner" role="status">{count(data.store.lost)} records were lost; each view says where.</p>}
		</>
	);
}

function Page() {
	const state = usePage(), [tick, link_] = useTick(state), main = useRef(null);
	const status = useAnswer('/api/v1/status', {}, tick), live = isLive(state);
	const [word, View] = Object.hasOwn(VIEWS, state.view) ? VIEWS[state.view] : VIEWS.overview;
	const isAsked = live && state.view !== 'events'; // which has a stream of its own
	const ahead = useMemo(() => status.data ? setClock(status.data.now_unix_ns) : 0, [status.data]);
	const [locked, lock] = useState(false);
	useEffect(() => { onLocked(() => lock(true)); }, []);
	useEffect(() => { document.title = word + ' - kymo'; }, [word]);
	return (
		<>
			<a class="skip" href="#main" onClick={(event) => { event.preventDefault(); main.current.focus(); }}>to the content</a>
			<header class="top">
				<h1>kymo</h1>
				<nav aria-label="views">{Object.entries(VIEWS).map(([key, [name]]) => (
					<Go key={key} to={link({ view: key, incident: '' })} some={{ view: key, incident: '' }} aria-current={name === word ? 'page' : undefined}>{name}</Go>))}</nav>
				<span class={'state ' + (isAsked ? link_ : '')}>{!live ? 'history' : link_ === 'live' || !isAsked ? 'live' : '…'}</span>
				<Theme />
				<Keys />
				<Range state={state} />
			</header>
			<main id="main" ref={main} tabIndex={-1}>
				{locked ? <Locked /> : <>
					<View state={state} tick={tick} status={status} />
					<div class="notes"><Losses status={status} link_={link_} live={isAsked} ahead={ahead} /></div></>}
			</main>
		</>
	);
}

startTheme();
render(<Page />, document.getElementById('page'));
