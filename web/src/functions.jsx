// SPDX-License-Identifier: MIT
// functions.jsx - the functions of a call tree as a table: their own time and with what they call, or what
// changed between two trees; and either as CSV.
import { useMemo, useState } from 'preact/hooks';
import { BEYOND, changes } from './diff.js';
import { table } from './flame.js';
import { KINDS } from './flameview.jsx';
import { count, duration, percent, points, visible } from './format.js';

const MOST_ROWS = 400;

function Head({ sort, setSort, name, word }) {
	return <th scope="col" class="n" aria-sort={sort === name ? 'descending' : 'none'}><button type="button" class="plain" onClick={() => setSort(name)}>{word}</button></th>;
}

function Name({ f, onChoose, onSandwich }) {
	return (
		<td><button type="button" class="plain fn" onClick={() => onChoose(f.name)}>{visible(f.name)}</button>{onSandwich && <> <button type="button" class="plain dim" aria-label={'calls to and from ' + visible(f.name)} onClick={() => onSandwich(f.name)}>calls</button></>}</td>
	);
}

const left = (rows) => rows.length > MOST_ROWS ? count(rows.length - MOST_ROWS) + ' more functions: search for them.' : count(rows.length) + ' functions.';

export function Functions({ tree, root, hit, onChoose, onSandwich }) {
	const [sort, setSort] = useState('self');
	const rows = useMemo(() => table(tree, root).filter((row) => !hit || hit[row.fn]).sort((a, b) => b[sort] - a[sort] || a.fn - b.fn), [tree, root, hit, sort]);
	const all = tree.weight[0], amount = (w) => tree.hasTime ? duration(w) : count(w);
	return (
		<>
			<div class="scroll all" tabIndex={0} role="region" aria-label="rows of functions"><table class="functions"><thead><tr><Head sort={sort} setSort={setSort} name="self" word="self" /><th scope="col" class="n">time</th><Head sort={sort} setSort={setSort} name="total" word="total" /><th scope="col" class="n">time</th><th scope="col">function</th><th scope="col">kind</th><th scope="col">module</th></tr></thead>
				<tbody>{rows.slice(0, MOST_ROWS).map((row) => {
					const f = tree.functions[row.fn];
					return (
						<tr key={row.fn}><td class="n">{percent(row.self, all)}</td><td class="n">{amount(row.self)}</td><td class="n">{percent(row.total, all)}</td><td class="n">{amount(row.total)}</td>
							<Name f={f} onChoose={onChoose} onSandwich={onSandwich} /><td>{KINDS[f.kind] || f.kind}</td><td>{visible(f.module || '')}</td></tr>
					);
				})}</tbody></table></div>
			<p class="reading">{left(rows)}</p>
		</>
	);
}

// What appeared has nothing before, what vanished nothing after.
function how(row) {
	if (Math.abs(row.sigma) < BEYOND && Math.abs(row.selfSigma) < BEYOND)
		return 'may be chance';
	return !row.before ? 'appeared' : !row.after ? 'vanished' : row.after > row.before ? 'more' : 'less';
}

const ORDERS = { self: (row) => Math.abs(row.selfAfter - row.selfBefore), total: (row) => Math.abs(row.after - row.before) };

export function Changes({ tree, hit, onChoose }) {
	const [sort, setSort] = useState('self');
	const rows = useMemo(() => changes(tree).filter((row) => !hit || hit[row.fn]).sort((a, b) => ORDERS[sort](b) - ORDERS[sort](a) || a.fn - b.fn), [tree, hit, sort]);
	return (
		<>
			<div class="scroll all" tabIndex={0} role="region" aria-label="rows of changes"><table class="functions"><thead><tr><Head sort={sort} setSort={setSort} name="self" word="change of self" /><th scope="col" class="n">before</th><th scope="col" class="n">after</th><Head sort={sort} setSort={setSort} name="total" word="change of total" /><th scope="col" class="n">before</th><th scope="col" class="n">after</th><th scope="col">what</th><th scope="col">function</th></tr></thead>
				<tbody>{rows.slice(0, MOST_ROWS).map((row) => (
					<tr key={row.fn}><td class="n">{points(row.selfAfter - row.selfBefore)}</td><td class="n">{percent(row.selfBefore, 1)}</td><td class="n">{percent(row.selfAfter, 1)}</td>
						<td class="n">{points(row.after - row.before)}</td><td class="n">{percent(row.before, 1)}</td><td class="n">{percent(row.after, 1)}</td><td>{how(row)}</td><Name f={tree.functions[row.fn]} onChoose={onChoose} /></tr>))}</tbody></table></div>
			<p class="reading">{left(rows)}</p>
		</>
	);
}

// A text that a spreadsheet would compute stays a text.
const field = (value) => {
	const text = (typeof value === 'string' && /^[=+@\t-]/.test(value) ? "'" : '') + value;
	return /[",\n\r]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
};

// What the table shows, all of its rows.
export function csvOf(tree, hit) {
	const of = (f) => [visible(tree.functions[f].name), tree.functions[f].kind, visible(tree.functions[f].module || '')];
	const fits = (row) => !hit || hit[row.fn];
	const lines = tree.diff
		? [['self_before', 'self_after', 'before', 'after', 'sigma', 'function', 'kind', 'module'], ...changes(tree).filter(fits).map((row) => [row.selfBefore, row.selfAfter, row.before, row.after, row.sigma, ...of(row.fn)])]
		: [[tree.hasTime ? 'self_ns' : 'self_samples', tree.hasTime ? 'total_ns' : 'total_samples', 'function', 'kind', 'module'], ...table(tree, 0).filter(fits).map((row) => [row.self, row.total, ...of(row.fn)])];
	return lines.map((line) => line.map(field).join(',') + '\n').join('');
}
