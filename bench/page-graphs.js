// SPDX-License-Identifier: MIT
// page-graphs.js - draws one call tree with the page's code and with d3-flame-graph, in the browser that
// bench/page drives; bundled by esbuild.
import flamegraph from 'd3-flame-graph';
import { select } from 'd3-selection';
import { makeTree } from '../web/src/flame.js';
import { paint } from '../web/src/flameview.jsx';
import { wide } from '../tests/web/trees.mjs';

const WIDTH = 1200;

// A width that a zoomed function has, so that both zoom to the same ones.
function places(tree, count) {
	const list = [];
	for (let i = 1; i < tree.n && list.length < count; i++)
		if (tree.weight[i] < 0.5 * tree.weight[0] && tree.weight[i] > 0.01 * tree.weight[0] && tree.depth[i] > 2)
			list.push(i);
	return list;
}

// Until the pixels are there: reading one back waits for whatever was drawn.
function timed(work, canvas) {
	const start = performance.now();
	work();
	canvas?.getContext('2d').getImageData(0, 0, 1, 1);
	return performance.now() - start;
}

function ours(data, zooms) {
	const canvas = document.createElement('canvas'), layout = performance.now(), tree = makeTree(data), made = performance.now() - layout;
	document.body.append(canvas);
	const view = { width: WIDTH, height: (tree.deepest + 1) * 18 + 4, hit: null, selected: -1, hover: -1, flipped: true };
	let small = 0;
	const draw = (root) => timed(() => { small = paint(canvas, tree, { ...view, root }); }, canvas);
	const first = draw(0), again = [], zoomed = [];
	for (let i = 0; i < 5; i++)
		again.push(draw(0));
	for (const root of places(tree, zooms)) {
		zoomed.push(draw(root));
		zoomed.push(draw(0));
	}
	return { nodes: tree.n, made, first, again, zoomed, tooSmall: small };
}

function nested(data) {
	const nodes = data.nodes.map(([, fn, , value]) => ({ name: data.functions[fn].name, value, children: [] }));
	data.nodes.forEach(([parent], i) => i && nodes[parent].children.push(nodes[i]));
	return nodes[0];
}

// Its own transitions are off; the style it makes is counted, too.
function theirs(data, zooms) {
	const place = document.createElement('div'), tree = makeTree(data), chart = flamegraph().width(WIDTH).transitionDuration(0).minFrameSize(1);
	document.body.append(place);
	const root = nested(data), read = () => place.getBoundingClientRect().height;
	const first = timed(() => { select(place).datum(root).call(chart); read(); });
	const zoomed = [], wanted = new Set(places(tree, zooms).map((i) => data.functions[data.nodes[i][1]].name + '\n' + data.nodes[i][3]));
	const found = [];
	select(place).selectAll('g.frame').each((d) => { if (wanted.has(d.data.name + '\n' + d.data.value)) found.push(d); });
	for (const d of found.slice(0, zooms)) {
		zoomed.push(timed(() => { chart.zoomTo(d); read(); }));
		zoomed.push(timed(() => { chart.resetZoom(); read(); }));
	}
	return { first, zoomed, elements: place.querySelectorAll('*').length };
}

globalThis.graphs = (count, zooms, isOurs) => {
	const data = wide(count, 1e9);
	return isOurs ? ours(data, zooms) : theirs(data, zooms);
};
