// SPDX-License-Identifier: MIT
// work.js - native code, JavaScript and what lies between, until it is killed.
const zlib = require('zlib'), crypto = require('crypto');

function work() {
	const object = {};
	for (let i = 0; i < 300; i++)
		object['k' + i] = [i, i + 1];
	const text = JSON.stringify(object);
	JSON.parse(text);
	zlib.deflateSync(text);
	crypto.createHash('sha256').update(text).digest('hex');
	return text.replace(/k(\d)/g, '$1').length;
}

for (;;)
	work();
