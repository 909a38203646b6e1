// SPDX-License-Identifier: MIT
// page-drive.mjs - measures the page in Chromium for bench/page; prints JSON.
// usage: node page-drive.mjs MODULES URL BUNDLE TREE_NODES
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';

const [modules, url, bundle, nodes] = process.argv.slice(2);
const { chromium } = createRequire(modules + '/')('playwright-core');
const LOADS = 9, ZOOMS = 10, LIVE_MS = 20000;
const server = await chromium.launchServer({ executablePath: '/usr/bin/chromium', args: process.getuid() ? [] : ['--no-sandbox'] });
const browser = await chromium.connect(server.wsEndpoint());

// Milliseconds of CPU time of the browser, all its processes.
function cpuMs() {
	const all = new Map();
	for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
		try {
			const fields = readFileSync('/proc/' + pid + '/stat', 'utf8').replace(/^.*\) /s, '').split(' ');
			all.set(Number(pid), { parent: Number(fields[1]), ms: 10 * (Number(fields[11]) + Number(fields[12])) });
		} catch {
			// gone meanwhile
		}
	}
	const isOurs = (pid) => pid === server.process().pid || (all.has(pid) && all.get(pid).parent > 1 && isOurs(all.get(pid).parent));
	return [...all].reduce((sum, [pid, one]) => sum + (isOurs(pid) ? one.ms : 0), 0);
}

async function load() {
	const page = await (await browser.newContext({ viewport: { width: 1280, height: 720 } })).newPage();
	await page.goto(url + '/?start=-5m');
	await page.locator('.u-over').first().waitFor();
	const times = await page.evaluate(() => ({
		paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime,
		html: performance.getEntriesByType('navigation')[0].responseEnd,
		shift: performance.getEntriesByType('layout-shift').length,
	}));
	times.chart = await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => done(performance.now()))));
	await page.context().close();
	return times;
}

// What a page of three letters takes of the same daemon in the same browser.
async function empty() {
	const page = await (await browser.newContext({ viewport: { width: 1280, height: 720 } })).newPage();
	await page.goto(url + '/healthz');
	const paint = await page.evaluate(() => new Promise((done) => new PerformanceObserver((list) => {
		const entry = list.getEntriesByName('first-contentful-paint')[0];
		if (entry)
			done(entry.startTime);
	}).observe({ type: 'paint', buffered: true })));
	await page.context().close();
	return { paint };
}

async function graph(isOurs) {
	const page = await (await browser.newContext({ viewport: { width: 1280, height: 720 } })).newPage();
	await page.setContent('<style>:root { --ink: #1b1f24 }</style>');
	await page.addScriptTag({ path: bundle });
	const told = await page.evaluate(([count, zooms, ours]) => globalThis.graphs(count, zooms, ours), [Number(nodes), ZOOMS, isOurs]);
	await page.context().close();
	return told;
}

// A page whose chart and table change as fast as the daemon may tell it: ten times a second.
async function live(path) {
	const page = await (await browser.newContext({ viewport: { width: 1280, height: 720 } })).newPage();
	await page.goto(url + path);
	if (path !== '/healthz')
		await page.locator('#main tbody tr').first().waitFor();
	const start = cpuMs(), from = performance.now();
	await new Promise((done) => setTimeout(done, LIVE_MS));
	const used = cpuMs() - start, passed = performance.now() - from;
	const rows = await page.locator('#main tbody tr').count();
	await page.context().close();
	return { percent: 100 * used / passed, rows };
}

const loads = [], empties = [];
for (let i = 0; i < LOADS; i++) {
	loads.push(await load());
	empties.push(await empty());
}
const told = { loads, empties, live: await live('/?view=events&type=process'), idle: await live('/healthz'), ours: await graph(true), theirs: await graph(false) };
await browser.close();
await server.close();
console.log(JSON.stringify(told));
