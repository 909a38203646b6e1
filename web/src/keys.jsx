// SPDX-License-Identifier: MIT
// keys.jsx - which keys there are, told where somebody asks by one.
import { useEffect, useRef, useState } from 'preact/hooks';

const KEYS = [
	['everywhere', [['?', 'this list'], ['Tab', 'to the next chart, table, or field']]],
	['charts and heat maps', [['← →', 'move by a step; in moments also ↑ ↓'], ['Shift and arrows', 'mark a span'], ['Enter', 'look at it closer'], ['Escape', 'let go']]],
	['flame graphs', [['← → ↑ ↓', 'to siblings, callers and callees'], ['Enter', 'zoom in'], ['Backspace', 'zoom out by one'], ['Escape', 'show all'], ['n, N', 'next and last match'], ['s', 'callers and callees of it']]],
	['profiles', [['/', 'search'], ['t', 'table and back']]],
	['call trees', [['→ ←', 'open, close, to the caller'], ['↑ ↓', 'next and last row'], ['Enter', 'callers and callees']]],
	['events', [['p', 'pause and go on']]],
];

// Whether a key that was pressed is meant for the page, not for a field or the browser.
export const isForPage = (event) => !event.ctrlKey && !event.altKey && !event.metaKey && !/INPUT|SELECT|TEXTAREA/.test(event.target.tagName);

export function Keys() {
	const dialog = useRef(null), [isOpen, setOpen] = useState(false);
	const open = () => {
		setOpen(true);
		if (!dialog.current.open)
			dialog.current.showModal();
	};
	useEffect(() => {
		const onKey = (event) => {
			if (event.key === '?' && isForPage(event))
				open();
		};
		addEventListener('keydown', onKey);
		return () => removeEventListener('keydown', onKey);
	}, []);
	return (
		<>
			<button type="button" aria-label="keys" title="keys (?)" onClick={open}>?</button>
			<dialog ref={dialog} class="keyhelp" aria-label="Keys" onClose={() => setOpen(false)}>{isOpen && <>
				<header><h2>Keys</h2><button type="button" onClick={() => dialog.current.close()}>close</button></header>
				{KEYS.map(([where, list]) => (
					<section key={where}><h3>{where}</h3><dl>{list.map(([key, what]) => <div key={key}><dt><kbd>{key}</kbd></dt><dd>{what}</dd></div>)}</dl></section>))}</>}
			</dialog>
		</>
	);
}
