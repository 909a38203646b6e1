// SPDX-License-Identifier: MIT
// node server.js PORT: /wait/MS... answers after so long; at the first line of input it prints the
// microseconds that each took by its own clock.
const http = require("http"), took = [];
http.createServer((request, response) => {
	const began = process.hrtime.bigint(), words = request.url.split("/");
	setTimeout(() => {
		took.push(Number((process.hrtime.bigint() - began) / 1000n));
		response.end("hello");
	}, Number(words[2]));
}).listen(Number(process.argv[2]), "127.0.0.1");
process.stdin.once("data", () => {
	console.log(took.sort((a, b) => a - b).join(" "));
	process.exit();
});
