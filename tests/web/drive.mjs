// SPDX-License-Identifier: MIT
// drive.mjs - walks through the page in one Chromium.  A line of standard input is a walk, a line of standard
// output what was seen on it: ["http://127.0.0.1:1234", "find", "WORD"...] and {"errors": [], ...}.
// usage: node drive.mjs MODULES; MODULES: the node_modules with playwright-core and axe-core
//
// A walk waits for what is on the page, never for a time: PATIENCE_MS is when it gives up.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { spawn } from 'node:child_process';

const require = createRequire(process.argv[2] + '/');
const { chromium } = require('playwright-core');
const PATIENCE_MS = 60000;
let url, saw, closers = []; // of the walk

// Ended by a signal it closes its browser, too.
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: process.getuid() ? [] : ['--no-sandbox'] });

async function open(query, options) {
	const context = await browser.newContext({ viewport: { width: 1280, height: 720 }, reducedMotion: 'reduce', ...options });
	context.setDefaultTimeout(PATIENCE_MS);
	const page = await context.newPage();
	page.on('console', (m) => m.type() === 'error' && saw.errors.push(m.text()));
	page.on('pageerror', (e) => saw.errors.push(e.stack));
	page.on('request', (r) => new URL(r.url()).origin === new URL(url).origin || r.url().startsWith('data:') || saw.errors.push('asked ' + r.url()));
	await page.addInitScript(() => document.addEventListener('securitypolicyviolation', (e) => console.error('CSP: ' + e.violatedDirective)));
	await page.goto(url + query);
	return page;
}

// What an event changes is drawn by the second frame behind it.
const settle = (page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
// Rows of the picture.
const depth = async (page) => Math.round(((await page.locator('canvas.flame').boundingBox()).height - 4) / 18);
const DRAWN = 'canvas.flame, .u-over, table.functions, .rows, form';

// What is closed to who cannot see it, in both schemes; and what is wider than a phone.  The page is open()ed with bypassCSP.
async function axe(page, view) {
	await page.addScriptTag({ content: readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8') });
	saw.passes = 0;
	saw.wider = [];
	for (const colorScheme of ['light', 'dark']) {
		await page.emulateMedia({ colorScheme });
		const found = await page.evaluate(() => globalThis.axe.run());
		saw.violations.push(...found.violations.map((v) => colorScheme + ' ' + view + ': ' + v.id + ' ' + v.nodes[0].html.slice(0, 200) + ' ' + v.nodes[0].failureSummary));
		saw.passes += found.passes.length;
	}
	for (const width of [1280, 390, 320]) {
		await page.setViewportSize({ width, height: 720 });
		const fits = () => document.documentElement.scrollWidth <= innerWidth;
		await page.waitForFunction(fits, null, { timeout: PATIENCE_MS / 4 }).catch(() => saw.wider.push(width));
	}
	await page.setViewportSize({ width: 1280, height: 720 });
}

// What stands between the page and its daemon, and cuts: answers to paths that fit `half`, and once `cut` is set the
// stream in the middle of what comes next.  From here on walks go there.
async function between() {
	const upstream = url, made = { half: null, cut: false, cuts: 0, asked: [] };
	const server = http.createServer((request, response) => {
		const isStream = request.url.startsWith('/api/v1/events');
		if (isStream)
			made.asked.push(request.url);
		http.get(upstream + request.url, { headers: { ...request.headers, host: new URL(upstream).host } }, (answer) => {
			response.writeHead(answer.statusCode, answer.headers);
			if (made.half?.test(request.url)) {
				const parts = [];
				answer.on('data', (part) => parts.push(part)).on('end', () => {
					const body = Buffer.concat(parts);
					made.cuts++;
					response.write(body.subarray(0, body.length / 2), () => response.destroy());
				});
				return;
			}
			answer.on('data', (part) => {
				if (!(isStream && made.cut))
					return response.write(part);
				made.cut = false;
				made.cuts++;
				answer.destroy();
				return response.write(part.subarray(0, part.length / 2), () => response.destroy());
			}).on('end', () => response.end()).on('error', () => response.destroy());
			response.on('close', () => answer.destroy());
		}).on('error', () => response.destroy());
	});
	await new Promise((done) => server.listen(0, '127.0.0.1', done));
	url = 'http://127.0.0.1:' + server.address().port;
	closers.push(() => { server.closeAllConnections(); server.close(); });
	return made;
}

// What a hostile text could have done: made an element, or changed what stands beside it.
const harm = (page) => page.evaluate(() => {
	const marks = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/, told = [document.title, document.body.innerText];
	for (const element of document.querySelectorAll('[aria-label], [title], input'))
		told.push(element.ariaLabel || '', element.title || '', element.value || '');
	return [...document.querySelectorAll('main u, main img, main script, main i:not(.pair i)')].map((one) => one.outerHTML).concat(told.filter((text) => marks.test(text)).map((text) => JSON.stringify(text.slice(Math.max(0, text.search(marks) - 40), text.search(marks) + 40))));
});

const walks = {
	// From the first page to the function in which a process spends its time, by clicks alone.
	async find(pid, name) {
		const page = await open('/?start=-1h');
		await page.locator('#cpu').waitFor();
		await page.locator('.u-over').first().waitFor();
		await page.getByRole('link', { name: 'Processes' }).click();
		await page.getByLabel('find').fill(pid);
		const busy = page.locator('section', { has: page.locator('#busy') });
		await busy.locator('tbody tr', { hasText: pid }).locator('a').first().click();
		const canvas = page.locator('canvas.flame'), details = page.locator('.details b');
		await canvas.waitFor();
		saw.query = new URL(page.url()).search;
		saw.label = await canvas.getAttribute('aria-label');
		const box = await canvas.boundingBox();
		saw.path = [];
		for (let y = 9; y < box.height; y += 18) {
			await page.mouse.move(box.x + box.width / 2, box.y + y);
			await settle(page);
			saw.path.push(await details.textContent());
			if (saw.path.at(-1) === name) {
				await page.mouse.click(box.x + box.width / 2, box.y + y);
				break;
			}
		}
		await settle(page);
		saw.clicked = await page.locator('.details').textContent();
		await page.keyboard.press('t');
		saw.table = await page.locator('table.functions tbody').textContent();
		saw.exports = await page.locator('.exports a').evaluateAll((list) => list.map((a) => a.getAttribute('href')));
		// Opened elsewhere, the address shows the same.
		const again = await open(new URL(page.url()).pathname + new URL(page.url()).search);
		await again.locator('table.functions').waitFor();
		saw.again = await again.locator('table.functions tbody').textContent();
		saw.elements = await page.locator('main u, main img, main script').count();
	},
	async keys(pid, name) {
		const page = await open('/?view=profiles&start=-1h&pid=' + pid);
		await page.locator('canvas.flame').waitFor();
		await page.keyboard.press('/');
		await page.keyboard.type(name);
		await page.getByText(/matched/).waitFor();
		await page.locator('canvas.flame').focus();
		await page.keyboard.press('n');
		await settle(page);
		saw.selected = await page.locator('.details b').textContent();
		await page.keyboard.press('Enter');
		await settle(page);
		saw.zoomed = await page.getByRole('button', { name: 'show all' }).count();
		saw.framed = await page.locator('canvas.minimap').getAttribute('data-shown');
		saw.mapped = await page.locator('canvas.minimap').evaluate((c) => new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size);
		await page.keyboard.press('Escape');
		await settle(page);
		saw.back = await page.getByRole('button', { name: 'show all' }).count();
		// In the map, the second row is the name of the thread.
		await page.locator('canvas.minimap').click({ position: { x: 400, y: 45 / (await depth(page)) } });
		await settle(page);
		saw.chosen = await page.locator('.details b').textContent();
		await page.getByRole('button', { name: 'flame', exact: true }).click();
		saw.query = new URL(page.url()).search;
		await page.goBack();
		saw.before = new URL(page.url()).search;
	},
	// The same samples in every shape: what was called by whom, in rows, by file, of one moment, and beside others.
	async shapes(pid, name) {
		const page = await open('/?view=profiles&start=-1h&pid=' + pid), shape = (word) => page.getByRole('button', { name: word, exact: true }).click();
		await page.locator('canvas.flame').waitFor();
		await shape('callers and callees');
		await page.getByRole('heading', { name: 'Callees' }).waitFor();
		saw.sandwich = await page.locator('canvas.flame').evaluateAll((list) => list.map((one) => one.getAttribute('aria-label').split(',')[0]));
		await shape('call tree');
		const rows = page.locator('[role=treegrid] tbody tr');
		await rows.first().focus();
		saw.opened = await rows.count();
		await page.keyboard.press('ArrowLeft');
		await page.waitForFunction(() => document.querySelectorAll('[role=treegrid] tbody tr').length === 1);
		await page.keyboard.press('ArrowRight');
		await rows.nth(1).waitFor();
		await shape('table');
		await page.getByRole('combobox', { name: /^show/ }).selectOption('file');
		await page.waitForFunction((text) => !document.querySelector('table.functions').textContent.includes(text), name);
		saw.files = await page.locator('table.functions tbody').textContent();
		await page.getByRole('combobox', { name: /^show/ }).selectOption('');
		await page.getByLabel('callers last').check();
		await shape('icicle');
		await page.getByRole('button', { name: 'callers and callees', exact: true }).waitFor();
		saw.inverted = await page.locator('canvas.flame').getAttribute('aria-label');
		// A moment, by keys alone: the newest step that has samples.
		const reading = page.getByRole('region', { name: 'Moments' }).locator('.reading');
		await page.locator('canvas.moment').focus();
		await page.keyboard.press('ArrowUp');
		for (let i = 0; i < 120 && !(parseFloat((await reading.textContent()).match(/([\d.]+) CPUs/)?.[1]) > 0); i++)
			await page.keyboard.press('ArrowUp');
		await page.keyboard.press('Enter');
		await page.getByRole('button', { name: 'whole span' }).waitFor();
		saw.moment = new URL(page.url()).search;
		await page.getByRole('button', { name: 'whole span' }).click();
		// Beside all others of the same span.
		await page.goto(url + '/?view=profiles&start=-1h&vs=pid&shape=table&base_pid=' + pid);
		await page.getByText('What changed').waitFor();
		await page.getByRole('region', { name: 'rows of changes' }).waitFor();
		saw.changed = await page.locator('table.functions tbody tr', { hasText: name }).first().textContent();
		await shape('icicle');
		await page.locator('canvas.flame').waitFor();
		saw.diff = await page.locator('canvas.flame').getAttribute('aria-label');
	},
	// From a process in the tree to its record, and from there to a session of it that is watched and opened.
	async session(pid, name) {
		const page = await open('/?view=processes&start=-1h&find=' + pid);
		const tree = page.getByRole('region', { name: 'rows of the tree' });
		await tree.locator('tr', { hasText: pid }).locator('a').first().click();
		await page.getByRole('heading', { name: 'Process ' + pid }).waitFor();
		await page.getByText('None in its life.').first().waitFor();
		saw.record = await page.locator('.facts').textContent();
		saw.elements = await page.locator('main u, main img, main script').count();
		saw.flame = await page.getByRole('link', { name: 'its flame graph' }).getAttribute('href');
		await page.goto(url + '/?view=sessions&who=' + pid);
		await page.getByLabel('seconds').fill('3');
		await page.getByRole('button', { name: 'start' }).click();
		await page.getByRole('button', { name: 'cancel' }).waitFor();
		await page.getByRole('link', { name: 'flame graph' }).first().click();
		await page.locator('canvas.flame').waitFor();
		saw.link = new URL(page.url()).search;
		saw.label = await page.locator('canvas.flame').getAttribute('aria-label');
		// A fiftieth of a second of it, by keys: the newest with samples.
		const map = page.locator('canvas.moment'), reading = page.getByRole('region', { name: 'Moments' }).locator('.reading');
		await map.focus();
		await page.keyboard.press('ArrowUp');
		for (let i = 0; i < 300 && !(parseFloat((await reading.textContent()).match(/([\d.]+) CPUs/)?.[1]) > 0); i++)
			await page.keyboard.press('ArrowUp');
		await page.keyboard.press('Enter');
		await page.getByRole('button', { name: 'whole span' }).waitFor();
		await settle(page);
		saw.moment = await page.locator('canvas.flame').getAttribute('aria-label');
		await page.goto(url + '/?view=sessions');
		await page.getByRole('button', { name: 'forget' }).first().click();
		await page.getByText('None yet.').waitFor();
	},
	// From what the overview says was unusual to the incident, its flame graph, and back; by keys where that is how one goes.
	async incident(seq, what, start, end) {
		const page = await open('/?start=' + start + '&end=' + end), lately = page.getByRole('region', { name: 'what was unusual' });
		await lately.waitFor();
		saw.lately = await lately.textContent();
		await page.getByRole('link', { name: 'Incidents' }).click();
		await page.getByRole('region', { name: 'rows of incidents' }).locator('tr', { hasText: what }).first().locator('a').first().focus();
		await page.keyboard.press('Enter');
		await page.getByRole('heading', { name: 'Incident ' + seq }).waitFor();
		saw.what = await page.locator('p.what').textContent();
		saw.facts = await page.locator('.facts').textContent();
		const canvas = page.locator('canvas.flame');
		await canvas.waitFor();
		saw.label = await canvas.getAttribute('aria-label');
		await canvas.focus();
		await page.keyboard.press('ArrowDown');
		await page.locator('.u-over').waitFor();
		saw.around = await page.locator('.plot').getAttribute('aria-label');
		saw.happened = await page.getByRole('region', { name: 'events of that time' }).locator('tbody tr').count();
		// Opened elsewhere, the address shows the same.
		const again = await open(new URL(page.url()).pathname + new URL(page.url()).search);
		await again.locator('canvas.flame').waitFor();
		saw.again = await again.locator('canvas.flame').getAttribute('aria-label');
		await page.getByRole('link', { name: 'all of it' }).click();
		await page.getByRole('button', { name: 'back to incident ' + seq }).waitFor();
		await canvas.waitFor();
		saw.query = new URL(page.url()).search;
		await page.keyboard.press('t');
		saw.table = await page.locator('table.functions tbody').textContent();
		saw.exports = await page.locator('.exports a').evaluateAll((list) => list.map((a) => a.getAttribute('href')));
		await page.getByRole('button', { name: 'back to incident ' + seq }).click();
		await page.getByRole('heading', { name: 'Incident ' + seq }).waitFor();
		saw.back = new URL(page.url()).search;
		await page.getByRole('link', { name: 'Overview' }).click();
		await lately.getByRole('link', { name: what }).first().click();
		await page.getByRole('heading', { name: 'Incident ' + seq }).waitFor();
	},
	async no_incident(seq) {
		const page = await open('/?view=incidents&incident=' + seq);
		await page.locator('.problem').first().waitFor();
		saw.told = await page.locator('.problem').first().textContent();
		await page.goto(url + '/?view=incidents&start=1000000000000000000&end=1000000600000000000');
		await page.locator('.empty').first().waitFor();
		await page.waitForFunction(() => !document.querySelector('main').textContent.includes('Asking the daemon'));
		saw.empty = await page.locator('.empty').first().textContent();
		saw.errors = saw.errors.filter((text) => !/404/.test(text));
	},
	// What was lost stands where it was lost: hatched, and in words.
	async lost() {
		saw.told = [];
		for (const view of ['/?start=-1h', '/?view=events&type=process&start=-1h']) {
			const page = await open(view), red = () => page.evaluate(() => {
				const c = document.querySelector('.plot canvas'), all = c.getContext('2d').getImageData(0, 0, c.width, c.height).data, [r, g, b] = [168, 41, 15];
				let n = 0;
				for (let i = 0; i < all.length; i += 4)
					n += all[i] === r && all[i + 1] === g && all[i + 2] === b;
				return n;
			});
			await page.getByRole('list', { name: 'what was lost' }).first().waitFor();
			const until = Date.now() + PATIENCE_MS;
			while (!await red() && Date.now() < until)
				await settle(page);
			saw.told.push(await page.getByRole('list', { name: 'what was lost' }).first().textContent(), await red());
		}
	},
	// Of a session whose samples were added up no moment is drawn, and not the whole in its place.
	async added(id, from, to) {
		const page = await open('/?view=profiles&session=' + id + '&from=' + from + '&to=' + to);
		await page.getByText('no moment of it can be drawn').waitFor();
		await settle(page);
		saw.drawn = await page.locator('canvas.flame').count();
		await page.getByRole('button', { name: 'whole span' }).click();
		await page.locator('canvas.flame').waitFor();
	},
	// A function is found by its name and timed, with a click from there to why its slow calls were slow.
	async latency(pid, name, half) {
		const page = await open('/?view=latency&who=' + pid, { bypassCSP: true });
		await page.getByLabel('names').fill(half);
		await page.getByRole('button', { name: 'search' }).click();
		await page.getByRole('region', { name: 'functions that were found' }).getByRole('button', { name }).click();
		saw.names = await page.getByLabel('names').inputValue();
		await page.getByLabel('explain above ms').fill('20');
		await page.getByLabel('arguments').fill('1:int, 2:str');
		await page.getByRole('button', { name: 'start' }).click();
		const figures = page.getByRole('region', { name: 'rows of figures' });
		await figures.locator('tbody tr', { hasText: name }).waitFor();
		saw.link = new URL(page.url()).search;
		await page.waitForFunction(() => Number(document.querySelector('[aria-label="rows of figures"] tbody td:nth-child(3)')?.textContent.replace(',', '')) > 40);
		// While it runs, slow calls are told with what they waited for.
		saw.live = await page.getByRole('region', { name: 'rows of slow calls' }).locator('tbody tr', { hasText: 'sleep' }).first().textContent();
		await page.getByRole('button', { name: 'stop' }).click();
		await page.locator('#slowflame').waitFor();
		await page.locator('canvas.flame').waitFor();
		saw.row = await figures.locator('tbody tr', { hasText: name }).first().textContent();
		saw.histogram = await page.locator('svg.histogram').getAttribute('aria-label');
		saw.heat = await page.locator('canvas.heat').getAttribute('aria-label');
		await page.getByText('calls by time, as a table').click();
		await page.getByRole('region', { name: 'calls by time, as a table' }).locator('tbody tr').first().waitFor();
		saw.table = await page.getByRole('region', { name: 'calls by time, as a table' }).locator('tbody tr').count();
		await page.getByText('the latest first').waitFor({ state: 'detached' });
		// A busy host makes others slow, too, and may not tell of each wait.
		const call = page.getByRole('region', { name: 'rows of slow calls' }).locator('tbody tr', { hasText: 'why' }).filter({ hasText: 'sleep' }).first();
		saw.call = await call.textContent();
		await call.locator('summary').click();
		saw.stack = await call.locator('.stacks li').first().textContent();
		saw.flame = await page.locator('canvas.flame').getAttribute('aria-label');
		await axe(page, 'latency');
		await page.getByRole('link', { name: 'in every shape' }).click();
		await page.getByRole('button', { name: 'leave these calls' }).waitFor();
		await page.locator('canvas.flame').waitFor();
		await page.keyboard.press('t');
		saw.functions = await page.locator('table.functions tbody').textContent();
		await page.goBack();
		saw.elements = await page.locator('main u, main img, main script').count();
		await page.goto(url + '/?view=latency');
		await page.getByRole('button', { name: 'forget' }).first().click();
		await page.getByText('None yet.').waitFor();
	},
	// A daemon with tokens asks for one, and then shows and streams; one that it does not know is told.
	async token(right) {
		const page = await open('/?view=events&type=process', { bypassCSP: true });
		await page.getByText('wants a token').waitFor();
		await axe(page, 'token');
		await page.getByRole('textbox', { name: 'token' }).fill('not-the-right-token-at-all');
		await page.getByRole('button', { name: 'use it' }).click();
		await page.getByText('does not know').waitFor();
		await page.getByRole('textbox', { name: 'token' }).fill(right);
		await page.getByRole('button', { name: 'use it' }).click();
		await page.getByText('as they come').waitFor();
		const run = () => new Promise((done) => spawn('/bin/true').on('exit', done));
		await run();
		await page.locator('#main tbody tr').first().waitFor();
		const saved = page.waitForEvent('download');
		await page.getByText('save as ndjson').click();
		saw.saved = (await saved).suggestedFilename();
		saw.address = page.url();
		saw.errors = saw.errors.filter((text) => !/401/.test(text));
	},
	// Nothing was recorded then; each view says so.
	async empty(...views) {
		saw.told = [];
		for (const view of views) {
			const page = await open(view);
			await page.locator('.empty').first().waitFor();
			await page.waitForFunction(() => !document.querySelector('main').textContent.includes('Asking the daemon'));
			saw.told.push(await page.locator('.empty').allTextContents());
			saw.problems = (saw.problems || 0) + await page.locator('.problem').count();
		}
	},
	// A browser with another clock.
	async odd() {
		const page = await open('/?start=-5m');
		await page.locator('.u-over').first().waitFor();
		await page.clock.setFixedTime(Date.now() - 7200e3);
		await page.reload();
		await page.getByText('behind that of the host').waitFor();
		await page.getByRole('button', { name: 'pause' }).click();
		saw.end = new URL(page.url()).searchParams.get('end');
	},
	// A process whose name, arguments and function are hostile, in every view that tells of it.
	async hostile(pid, begin, began) {
		saw.harm = [];
		saw.told = {};
		const see = async (view, page, text) => {
			await text.first().waitFor();
			await settle(page);
			saw.told[view] = await page.locator('main').textContent();
			saw.harm.push(...(await harm(page)).map((what) => view + ': ' + what));
		};
		const page = await open('/?view=profiles&start=-1h&pid=' + pid);
		page.on('dialog', (dialog) => { saw.harm.push('a dialog'); dialog.dismiss(); });
		const canvas = page.locator('canvas.flame');
		await canvas.waitFor();
		const box = await canvas.boundingBox();
		saw.path = [];
		for (let y = 9; y < box.height; y += 18) {
			await page.mouse.move(box.x + box.width / 2, box.y + y);
			await settle(page);
			saw.path.push(await page.locator('.details b').textContent());
			if (saw.path.at(-1).includes(begin))
				break;
		}
		saw.label = await canvas.getAttribute('aria-label');
		await see('icicle', page, page.locator('.details'));
		for (const [word, what] of [['table', 'table.functions'], ['call tree', '[role=treegrid]'], ['callers and callees', 'main h3']]) {
			await page.getByRole('button', { name: word, exact: true }).click();
			await see(word, page, page.locator(what));
		}
		for (const [view, query] of [['processes', 'find=' + pid + '&who=' + pid], ['events', 'type=process.exec&find=script%3Ealert&end=' + (Number(began) + 5) + '000000000'], ['overview', '']]) {
			await page.goto(url + '/?view=' + view + '&start=' + (view === 'events' ? (Number(began) - 3600) + '000000000' : '-1h') + '&' + query);
			await see(view, page, view === 'overview' ? page.locator('table.bars td') : page.locator('main tr', { hasText: 'script' }));
		}
	},
	// The stream ends in the middle of an event: what was in it and what follows is told, each once.
	async cut(word) {
		const proxy = await between();
		const page = await open('/?view=events&type=process.exec&find=' + word), rows = page.locator('#main tbody tr');
		await page.getByText('as they come').waitFor();
		const run = (i) => new Promise((done) => spawn('/bin/sh', ['-c', ': ' + word + i + '.']).on('exit', done));
		for (let i = 0; i < 9; i++) {
			proxy.cut = i === 3;
			await run(i);
			if (i % 3 !== 1)
				await rows.filter({ hasText: word + i + '.' }).first().waitFor();
		}
		saw.cuts = proxy.cuts;
		saw.asked = proxy.asked;
		saw.rows = await rows.allTextContents();
		saw.errors = saw.errors.filter((text) => !/ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONTENT_LENGTH_MISMATCH/.test(text));
	},
	// An answer that is shorter than it says: its view says so, the others go on, and so does it with the next answer.
	async partly() {
		const proxy = await between();
		proxy.half = /api.v1.functions.*limit=14/;
		const page = await open('/?start=-1h'), told = page.getByRole('region', { name: 'Busiest functions' }).getByText('ended in its middle');
		await told.waitFor();
		await page.locator('.u-over').first().waitFor();
		proxy.half = null;
		await page.getByRole('button', { name: '6 h', exact: true }).click();
		await told.waitFor({ state: 'detached' });
		saw.rows = await page.locator('table.bars tbody tr').count();
		saw.cuts = proxy.cuts;
		saw.errors = saw.errors.filter((text) => !/ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONTENT_LENGTH_MISMATCH/.test(text));
	},
	// What happens while the page looks on appears in it; during a pause it waits.
	async live(word) {
		const page = await open('/?view=events&type=process&find=' + word);
		await page.getByText('as they come').waitFor();
		const run = () => new Promise((done) => spawn('/bin/sh', ['-c', ': ' + word]).on('exit', done));
		await run();
		const rows = page.locator('#main tbody tr');
		await rows.filter({ hasText: 'exec' }).first().waitFor();
		await page.locator('h2').first().click();
		await page.keyboard.press('p');
		await page.getByText('paused').waitFor();
		saw.before = await rows.count();
		await run();
		await page.getByText(/paused, [1-9]\d* new/).waitFor();
		saw.paused = await rows.count();
		await page.keyboard.press('p');
		await page.waitForFunction((n) => document.querySelectorAll('#main tbody tr').length > n, saw.paused);
		saw.after = await rows.count();
	},
	// In both schemes nothing is closed to who cannot see it; nothing is wider than a phone.
	async looks(view) {
		const page = await open(view, { bypassCSP: true });
		await page.locator(DRAWN).first().waitFor();
		await axe(page, view);
	},
	// The daemon goes away: the page says so and keeps what it had; and goes on when it is back.
	async gone(pid, ...again) {
		const page = await open('/?start=-1h');
		await page.locator('.u-over').first().waitFor();
		process.kill(Number(pid));
		await page.getByText('does not answer').first().waitFor();
		saw.kept = await page.locator('.u-over').count();
		const back = spawn(again[0], again.slice(1), { stdio: 'ignore' }), ended = new Promise((done) => back.on('exit', done));
		try {
			await page.getByText('does not answer').first().waitFor({ state: 'detached' });
			await page.locator('.state.live').waitFor();
		} finally {
			back.kill();
			await ended;
		}
		saw.errors = saw.errors.filter((text) => !/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE|ERR_CONNECTION_RESET|ERR_EMPTY/.test(text));
	},
};

for await (const line of createInterface({ input: process.stdin })) {
	const [to, walk, ...words] = JSON.parse(line);
	url = to;
	saw = { errors: [], violations: [] };
	try {
		await walks[walk](...words);
	} catch (error) {
		saw.errors.push(error.stack);
	}
	await Promise.all(browser.contexts().map((context) => context.close()));
	closers.splice(0).forEach((close) => close());
	console.log(JSON.stringify(saw));
}
await browser.close();
