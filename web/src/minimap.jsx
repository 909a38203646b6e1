// SPDX-License-Identifier: MIT
// minimap.jsx - the whole of a call tree, small, and which part of it is shown; a click shows another part.
import { useEffect, useRef } from 'preact/hooks';
import { boxes, nodeAt } from './flame.js';
import { inksOf } from './flameview.jsx';
import { colour, isDark, useScheme } from './use.js';

const HEIGHT = 30;

// Drawn once of a tree, behind its first picture, and kept: zooming only moves the frame over it.
function paintWhole(tree, width, flipped) {
	const made = document.createElement('canvas'), scale = devicePixelRatio || 1, dark = isDark();
	const g = made.getContext('2d'), fill = inksOf(tree, dark), high = HEIGHT / (tree.deepest + 1);
	made.width = Math.max(1, width * scale);
	made.height = HEIGHT * scale;
	g.scale(scale, scale);
	const row = (x, depth, w, ink) => {
		g.fillStyle = ink;
		g.fillRect(x, flipped ? depth * high : HEIGHT - (depth + 1) * high, Math.max(w, 0.5), high);
	};
	boxes(tree, 0, width, null, (node, x, w, depth) => row(x, depth, w, fill(node)), (node, x, w, depth) => row(x, depth, w, dark ? '#4a515c' : '#b9c0c8'));
	return made;
}

export function Minimap({ tree, root, flipped, width, onChoose }) {
	const canvas = useRef(null), whole = useRef(null), scheme = useScheme();
	const draw = () => {
		const to = canvas.current, g = to.getContext('2d'), scale = devicePixelRatio || 1, all = tree.weight[0] || 1;
		const x = tree.left[root] / all * width, w = Math.max(tree.weight[root] / all * width, 2);
		to.width = whole.current.width;
		to.height = whole.current.height;
		g.drawImage(whole.current, 0, 0);
		g.scale(scale, scale);
		if (!root)
			return;
		g.fillStyle = colour('panel');
		g.globalAlpha = 0.65;
		g.fillRect(0, 0, x, HEIGHT);
		g.fillRect(x + w, 0, width - x - w, HEIGHT);
		g.globalAlpha = 1;
		g.strokeStyle = colour('ink');
		g.lineWidth = 2;
		g.strokeRect(x + 1, 1, Math.max(w - 2, 1), HEIGHT - 2);
	};
	useEffect(() => {
		if (!width)
			return undefined;
		whole.current = null;
		const soon = requestAnimationFrame(() => {
			whole.current = paintWhole(tree, width, flipped);
			draw();
		});
		return () => cancelAnimationFrame(soon);
	}, [tree, width, flipped, scheme]);
	useEffect(() => { whole.current && draw(); }, [root]);
	const choose = (event) => {
		const place = canvas.current.getBoundingClientRect(), y = event.clientY - place.top, row = Math.floor(y / HEIGHT * (tree.deepest + 1));
		const node = nodeAt(tree, 0, width, event.clientX - place.left, flipped ? row : tree.deepest - row);
		if (node >= 0)
			onChoose(node);
	};
	return <canvas ref={canvas} class="minimap" aria-hidden="true" data-shown={root} onClick={choose} />;
}
