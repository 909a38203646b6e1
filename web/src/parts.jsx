// SPDX-License-Identifier: MIT
// parts.jsx - small pieces that every view is made of.
import { useState } from 'preact/hooks';
import { download, hasToken } from './api.js';
import { change } from './state.js';

export function Panel({ title, note, children, tools, id }) {
	return (
		<section class="panel" aria-labelledby={id}>
			<header><h2 id={id}>{title}</h2>{note && <span class="note">{note}</span>}<span class="tools">{tools}</span></header>
			{children}
		</section>
	);
}

// What was there before a problem stays in sight, below what is said of it.
export function Wait({ answer, children, empty }) {
	const { problem, data } = answer;
	if (!problem && !data)
		return <p class="empty">Asking the daemon…</p>;
	if (!problem && empty)
		return <p class="empty">{empty}</p>;
	return (
		<>
			{problem && <p class="problem" role="alert">{problem.message}{problem.hint && <> <code>{problem.hint}</code></>}</p>}
			{data && !empty && children}
		</>
	);
}

// A link inside the page: the address changes, nothing is loaded.
export function Go({ to, some, children, ...rest }) {
	return (
		<a href={to} {...rest} onClick={(event) => {
			if (event.ctrlKey || event.metaKey || event.shiftKey || event.button)
				return;
			event.preventDefault();
			change(some);
		}}>{children}</a>
	);
}

// The same numbers for who cannot see a picture; made only when it is opened.
export function AsTable({ label, head, rows }) {
	const [open, set] = useState(false);
	return (
		<details class="astable" onToggle={(event) => set(event.currentTarget.open)}>
			<summary>{label}</summary>
			{open && <div class="scroll" tabIndex={0} role="region" aria-label={label}><Rows head={head} rows={rows()} /></div>}
		</details>
	);
}

function Rows({ head, rows }) {
	return (
		<table>
			<thead><tr>{head.map((word) => <th key={word} scope="col" class={word.startsWith('#') ? 'n' : ''}>{word.replace('#', '')}</th>)}</tr></thead>
			<tbody>{rows.map((row, i) => (
				<tr key={i}>{row.map((cell, k) => <td key={k} class={head[k].startsWith('#') ? 'n' : ''}>{cell}</td>)}</tr>))}</tbody>
		</table>
	);
}

export function Select({ label, value, options, onChoose, disabled }) {
	return (
		<label>{label} <select value={value} disabled={disabled} onChange={(event) => onChoose(event.currentTarget.value)}>
			{options.map(([key, word]) => <option key={key} value={key}>{word}</option>)}
		</select></label>
	);
}

export function Choice({ label, value, options, onChoose }) {
	return (
		<span class="choice" role="group" aria-label={label}>
			{options.map(([key, word]) => (
				<button key={key} type="button" aria-pressed={key === value} onClick={() => onChoose(key)}>{word}</button>))}
		</span>
	);
}

// A link that saves what the daemon answers.
export function Save({ to, as, children }) {
	const onClick = (event) => {
		if (!hasToken())
			return;
		event.preventDefault();
		download(to, as).catch((problem) => alert(problem.message));
	};
	return <a href={to} download={as} onClick={onClick}>{children}</a>;
}
