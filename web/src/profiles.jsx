// SPDX-License-Identifier: MIT
// profiles.jsx - where CPU time went: as an icicle, a flame graph, a call tree, a table, or all callers and
// callees of a function; one search for all of them; and what changed since another span or process.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { address, save } from './api.js';
import { CallTree } from './calltree.jsx';
import { makeDiff } from './diff.js';
import { makeTree, matches, search, table } from './flame.js';
import { Flame } from './flameview.jsx';
import { GROUPS, inverted, regrouped, sandwich } from './fold.js';
import { clock, count, day, duration, literal, lostOf, percent, visible } from './format.js';
import { Changes, Functions, csvOf } from './functions.jsx';
import { Map as MomentMap, Moments } from './moments.jsx';
import { isForPage } from './keys.jsx';
import { Choice, Go, Panel, Save, Select, Wait } from './parts.jsx';
import { ROWS, partOf, stepsOf } from './scope.js';
import { change, link, rangeOf } from './state.js';
import { useAnswer } from './use.js';

const FORMATS = [['pprof', 'pprof', 'pb.gz'], ['speedscope', 'speedscope', 'speedscope.json'], ['firefox', 'Firefox Profiler', 'firefox.json'], ['svg', 'SVG', 'svg'], ['folded', 'folded', 'folded.txt'], ['tree', 'text', 'txt'], ['json', 'JSON', 'json']];
const SINGLE = ['speedscope', 'firefox']; // formats of single samples
const ROOTS = [['comm', 'names of threads'], ['thread', 'threads'], ['process', 'processes'], ['container', 'containers'], ['none', 'nothing']];
const AGAINST = [['', 'nothing'], ['before', 'the span before'], ['pid', 'another process'], ['range', 'a span that was kept']];
const SHAPES = [['icicle', 'icicle'], ['flame', 'flame'], ['tree', 'call tree'], ['table', 'table'], ['sandwich', 'callers and callees']];

const TIMES = [['', 'on CPUs'], ['off-cpu', 'waiting'], ['wall', 'both']];

const pickedOf = (state) => /^\d+$/.test(state.from || '') && /^\d+$/.test(state.to || '') ? { from: state.from, to: state.to } : null;

// Of a session, or of the slow calls of a measurement of latencies: "latency/ID".
export const isTiming = (session) => Boolean(session?.startsWith('latency/'));
const routeOf = (session) => '/api/v1/' + (isTiming(session) ? 'latency/' + encodeURIComponent(session.slice(8)) : 'sessions/' + encodeURIComponent(session));

// What is asked, and of which route; to compare, what it is compared with.
export function questionOf(state) {
	if (state.session)
		return { isDiff: false, route: routeOf(state.session) + '/profile', params: { group: state.group === 'none' ? 'none' : '' } };
	if (state.of)
		return { isDiff: false, route: '/api/v1/profiles', params: { incident: state.of, pid: state.pid, comm: state.comm, group: state.group } };
	const picked = pickedOf(state), isDiff = state.vs === 'before' || (state.vs === 'pid' && state.base_pid) || (state.vs === 'range' && state.base_start && state.base_end);
	const params = { ...(picked ? { start: picked.from, end: picked.to } : rangeOf(state)), pid: state.pid, comm: state.comm, container: state.container, group: state.group, kind: state.kind };
	if (isDiff && state.vs !== 'before')
		params.base_pid = state.base_pid;
	if (isDiff && state.vs === 'range')
		Object.assign(params, { base_start: state.base_start, base_end: state.base_end });
	return { isDiff: Boolean(isDiff), route: isDiff ? '/api/v1/profiles/diff' : '/api/v1/profiles', params };
}

function View({ state, box, isDiff }) {
	return (
		<>
			<Select label="show" value={state.as || ''} options={GROUPS} disabled={isDiff} onChoose={(as) => change({ as })} />
			<label class="search">search <input ref={box} value={state.q || ''} placeholder="regular expression" size={22} spellcheck={false}
				onInput={(event) => change({ q: event.currentTarget.value }, true)} /></label>
			<label class="check"><input type="checkbox" checked={state.not === '1'} onChange={(event) => change({ not: event.currentTarget.checked ? '1' : '' }, true)} /> all but these</label>
			<label class="check"><input type="checkbox" checked={state.inv === '1'} disabled={isDiff} onChange={(event) => change({ inv: event.currentTarget.checked ? '1' : '' })} /> callers last</label>
		</>
	);
}

function Filters({ state, box, isDiff, data }) {
	const field = (key, label, width, more) => (
		<label>{label} <input value={state[key] || ''} size={width} spellcheck={false} onChange={(event) => change({ [key]: event.currentTarget.value.trim() })} {...more} /></label>);
	const keep = () => change({ vs: 'range', base_start: data.start_unix_ns, base_end: data.end_unix_ns, base_pid: state.pid || '' });
	if (state.session)
		return (
			<div class="filters">
				<Select label="below" value={state.group === 'none' ? 'none' : 'comm'} options={[ROOTS[0], ROOTS[4]]} onChoose={(group) => change({ group: group === 'comm' ? '' : group })} />
				<View state={state} box={box} />
				<button type="button" onClick={() => change({ session: '', from: '', to: '' })}>{isTiming(state.session) ? 'leave these calls' : 'leave this session'}</button>
			</div>
		);
	if (state.of)
		return (
			<div class="filters">
				{field('comm', 'process', 14, { placeholder: 'any name' })}
				<Select label="below" value={state.group || 'comm'} options={ROOTS} onChoose={(group) => change({ group: group === 'comm' ? '' : group })} />
				<View state={state} box={box} />
				<button type="button" onClick={() => change({ view: 'incidents', incident: state.of, of: '' })}>back to incident {state.of}</button>
			</div>
		);
	return (
		<div class="filters">
			<Select label="time" value={state.kind || ''} options={TIMES} onChoose={(kind) => change({ kind })} />
			{field('comm', 'process', 14, { placeholder: 'any name' })}
			{field('pid', 'PID', 7, { placeholder: 'any', inputMode: 'numeric' })}
			<Select label="below" value={state.group || 'comm'} options={ROOTS} onChoose={(group) => change({ group: group === 'comm' ? '' : group })} />
			<View state={state} box={box} isDiff={isDiff} />
			<Select label="compare with" value={state.vs || ''} options={AGAINST} onChoose={(vs) => change({ vs })} />
			{state.vs === 'pid' && field('base_pid', 'PID before', 7, { inputMode: 'numeric' })}
			{state.vs === 'range' && state.base_start && <span class="dim">{day(state.base_start)} {clock(state.base_start)} to {clock(state.base_end)}</span>}
			{data && !isDiff && <button type="button" onClick={keep}>keep this span to compare</button>}
		</div>
	);
}

export function Exports({ route, params, data, tree, hit, isDiff, isSession, isAddedUp }) {
	const fixed = isSession ? {} : params.incident ? params : data ? { ...params, start: (data.after || data).start_unix_ns, end: (data.after || data).end_unix_ns } : params;
	if (isDiff && data)
		Object.assign(fixed, { base_start: data.before.start_unix_ns, base_end: data.before.end_unix_ns });
	const links = isDiff ? [['', 'JSON', 'diff.json']] : isAddedUp ? FORMATS.filter(([key]) => !SINGLE.includes(key)) : FORMATS;
	const picture = () => document.querySelector('canvas.flame')?.toBlob((blob) => save('kymo-profile.png', blob));
	return (
		<p class="exports"><span class="dim">save as</span> {links.map(([key, word, ending]) => (
			<Save key={key} to={address(route, isDiff ? fixed : { ...fixed, format: key })} as={'kymo-profile.' + ending}>{word}</Save>))}
			{tree && <button type="button" onClick={() => save('kymo-functions.csv', new Blob([csvOf(tree, hit)], { type: 'text/csv' }))}>CSV of the table</button>}
			{tree && <button type="button" onClick={picture}>PNG of the picture</button>}</p>
	);
}

function Sandwich({ tree, state, label, hit }) {
	const wanted = state.fn ?? tree.functions[table(tree, 0).sort((a, b) => b.self - a.self)[0]?.fn]?.name;
	const fn = tree.functions.findIndex((f) => f.name === wanted);
	const both = useMemo(() => {
		const made = fn < 0 ? null : sandwich(tree, fn);
		if (made)
			made.callers.rootName = made.callees.rootName = visible(wanted);
		return made;
	}, [tree, fn]);
	const [up, setUp] = useState(0), [down, setDown] = useState(0);
	const [above, below] = useMemo(() => both ? [matches(both.callers, hit), matches(both.callees, hit)] : [], [both, hit]);
	useEffect(() => { setUp(0); setDown(0); }, [both]);
	if (!both)
		return <p class="empty">There is no “{visible(wanted || '')}” in what was sampled: choose one in the table.</p>;
	const choose = (name) => change({ fn: name });
	return (
		<>
			<p class="matched">{visible(wanted)}: {percent(both.callees.weight[0], tree.weight[0])} of all. Below, who called it, the nearest last; under it what it called.</p>
			<h3>Callers</h3>
			<Flame tree={both.callers} hit={hit} found={above} flipped={false} root={Math.min(up, both.callers.n - 1)} setRoot={setUp} label={'callers of ' + visible(wanted) + ', ' + label} onChoose={choose} />
			<h3>Callees</h3>
			<Flame tree={both.callees} hit={hit} found={below} flipped root={Math.min(down, both.callees.n - 1)} setRoot={setDown} label={'callees of ' + visible(wanted) + ', ' + label} onChoose={choose} />
		</>
	);
}

// The tree as it is asked for, and how its search went.
function useShown(data, state) {
	const whole = useMemo(() => data && (data.before ? makeDiff(data) : makeTree(data)), [data]);
	const plain = useMemo(() => whole && !whole.diff && state.as ? regrouped(whole, state.as) : whole, [whole, state.as]);
	const tree = useMemo(() => plain && !plain.diff && state.inv === '1' ? inverted(plain) : plain, [plain, state.inv]);
	const { hit, wrong } = useMemo(() => {
		try {
			return { hit: tree ? search(tree.functions, state.q, state.not === '1') : null, wrong: '' };
		} catch {
			return { hit: null, wrong: 'not a regular expression' };
		}
	}, [tree, state.q, state.not]);
	const found = useMemo(() => tree ? matches(tree, hit) : { nodes: [], weight: 0 }, [tree, hit]);
	return { plain, tree, hit, wrong, found };
}

function noteOf(data, isDiff) {
	const lost = (n) => ', ' + (lostOf(n, 'samples') || 'none lost');
	if (isDiff)
		return count(data.before.samples) + ' samples before' + lost(data.before.lost) + '; ' + count(data.after.samples) + ' after' + lost(data.after.lost);
	return count(data.samples) + ' samples at ' + data.rate_hz + ' Hz, ' + duration(data.total_ns) + (data.kind === 'off-cpu' ? ' of waits' : data.kind === 'wall' ? ' of time' : ' of CPU time') + lost(data.lost) +
		(Number(data.covered_to_unix_ns) ? ', ' + day(data.covered_from_unix_ns) + ' ' + clock(data.covered_from_unix_ns) + ' to ' + clock(data.covered_to_unix_ns) : '');
}

function useKeys(box, shape) {
	useEffect(() => {
		const onKey = (event) => {
			if (!isForPage(event))
				return;
			if (event.key === '/') {
				box.current.focus();
				event.preventDefault();
			} else if (event.key === 't') {
				change({ shape: shape === 'table' ? '' : 'table' }, true);
			}
		};
		addEventListener('keydown', onKey);
		return () => removeEventListener('keydown', onKey);
	}, [shape]);
}

const CHANCE = 'Width is the mean of the shares before and after. Orange has more than before, blue less; grey is what taking samples alone may change (under 3.3 standard deviations, each sample taken by itself).';

function Shape({ shape, shown, state, label, root, setRoot }) {
	const { plain, tree, hit, found } = shown, toSandwich = (fn) => change({ shape: 'sandwich', fn });
	if (shape === 'table' && tree.diff)
		return <Changes tree={tree} hit={hit} onChoose={(name) => change({ q: literal(name), shape: '' })} />;
	if (shape === 'table')
		return <Functions tree={plain} root={plain === tree ? Math.min(root, tree.n - 1) : 0} hit={hit} onChoose={(name) => change({ q: literal(name), shape: '' })} onSandwich={toSandwich} />;
	if (shape === 'tree' && !tree.diff)
		return <CallTree tree={tree} hit={hit} onChoose={toSandwich} />;
	if (shape === 'sandwich' && !tree.diff)
		return <Sandwich tree={plain} state={state} label={label} hit={hit} />;
	return <Flame tree={tree} hit={hit} found={found} flipped={shape !== 'flame'} root={Math.min(root, tree.n - 1)} setRoot={setRoot} label={label} onChoose={tree.diff ? null : toSandwich} />;
}

const TITLES = { cpu: 'Where CPU time goes', 'off-cpu': 'Where threads wait', wall: 'Where time goes, on a CPU and waiting' };

// Of a session every sample has its time, unless they were added up.
function Bursts({ whole, scope, isAddedUp, picked, onPick }) {
	const steps = useMemo(() => whole && scope && stepsOf(scope, whole.start_unix_ns, whole.end_unix_ns), [whole, scope]);
	if (!steps)
		return <div class="moments"><p class="empty">{isAddedUp ? 'The samples of this session were added up as they came: when each was taken is not known.' : 'Asking the daemon…'}</p></div>;
	return <div class="moments"><MomentMap data={steps} rows={ROWS} slice={0} picked={picked} onPick={onPick} /></div>;
}

export function Profiles({ state, tick, status }) {
	const { isDiff, route, params } = questionOf(state), picked = pickedOf(state);
	// A picture that moves while it is read is none: it is drawn anew by a button, or when what is asked changes.
	const [again, setAgain] = useState(0), box = useRef(null), shape = state.shape || 'icicle';
	const answer = useAnswer(route, isDiff ? params : { ...params, format: 'json' }, again);
	// Behind a change of route the old answer stands until the new one has come.
	const whole = answer.data && Boolean(answer.data.before) === isDiff ? answer.data : null;
	const isSession = state.session && !isTiming(state.session), about = useAnswer(isSession && routeOf(state.session), {}).data, isAddedUp = about?.keeps_samples === false;
	const scope = useAnswer(isSession && about?.keeps_samples && route, { format: 'speedscope' }).data;
	// A moment is drawn, or said to be unknown: never the whole in its place.
	const data = useMemo(() => !isSession || !picked ? whole : whole && scope ? partOf(whole, scope, picked.from, picked.to) : null, [whole, scope, state.session, state.from, state.to]);
	const isUnknown = isSession && picked && isAddedUp;
	const shown = useShown(data, state), { plain, tree, hit, wrong, found } = shown;
	const [root, setRoot] = useState(0), onPick = (span) => change(span || { from: '', to: '' });
	useEffect(() => { setRoot(0); }, [tree]);
	useKeys(box, shape);
	const samples = data && (isDiff ? data.before.samples + data.after.samples : data.samples);
	const top = plain && !isDiff && table(plain, 0).sort((a, b) => b.self - a.self)[0];
	const label = !data ? '' : isDiff ? 'flame graph of what changed, ' + noteOf(data, true) : top ? 'flame graph, ' + count(data.samples) + ' samples, most: ' + visible(plain.functions[top.fn].name) + ' ' + percent(top.self, plain.weight[0]) : 'flame graph';
	const shapes = isDiff ? SHAPES.filter(([key]) => key !== 'tree' && key !== 'sandwich') : SHAPES;
	return (
		<div class="stack">
			{!state.of && <Panel id="moments" title="Moments" note={state.session ? 'a column is a second' : 'CPU time' + (state.pid || state.comm ? ' of this process' : '') + ', as fine as the store keeps it'}>
				{isTiming(state.session) ? <p class="empty">What slow calls did, added up: <Go to={link({ view: 'latency', timing: state.session.slice(8), session: '' })} some={{ view: 'latency', timing: state.session.slice(8), session: '' }}>the calls themselves</Go> are told one by one.</p> : state.session ? <Bursts whole={whole} scope={scope} isAddedUp={isAddedUp} picked={picked} onPick={onPick} /> : <Moments state={state} status={status} tick={tick} picked={picked} onPick={onPick} />}
			</Panel>}
			<Panel id="profile" title={isDiff ? 'What changed' : TITLES[data?.kind] || TITLES.cpu} note={data && noteOf(data, isDiff)}
				tools={<>
					<button type="button" onClick={() => setAgain(again + 1)} disabled={answer.waits}>draw again</button>
					<Choice label="shape" value={shapes.some(([key]) => key === shape) ? shape : 'icicle'} onChoose={(to) => change({ shape: to === 'icicle' ? '' : to })} options={shapes} /></>}>
				<Filters state={state} box={box} isDiff={isDiff} data={data} />
				<p class="matched" role="status">{wrong ? <span class="problem">{wrong}</span> : hit ? percent(found.weight, tree.weight[0]) + ' matched, in ' + count(found.nodes.length) + ' places' : isDiff && data && !(data.before.samples && data.after.samples) ? 'One side has no samples, so nothing can be compared.' : isDiff ? CHANCE : ''}</p>
				{isUnknown && <p class="problem" role="status">When each sample of this session was taken is not known, so no moment of it can be drawn. <button type="button" onClick={() => onPick(null)}>whole span</button></p>}
				<Wait answer={{ ...answer, data: isUnknown ? {} : data }} empty={isUnknown ? 'Nothing is drawn.' : data && !samples && 'No samples in this ' + (state.of ? 'incident' : 'span') + (state.pid || state.comm ? ' of this process.' : '.')}>
					{tree && <Shape shape={shape} shown={shown} state={state} label={label} root={root} setRoot={setRoot} />}
				</Wait>
				{data?.min_share > 0 && <p class="reading">What has less than {data.min_share} % of the whole was left out by the daemon, and counts in its callers.</p>}
				{data?.not_measured?.length > 0 && <p class="reading">Not measured: {data.not_measured.map(visible).join('; ')}.</p>}
				<Exports route={route} isSession={Boolean(state.session)} isAddedUp={isTiming(state.session) || isAddedUp} params={params} data={data} tree={plain} hit={hit} isDiff={isDiff} />
			</Panel>
		</div>
	);
}
