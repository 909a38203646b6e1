// SPDX-License-Identifier: MIT
// node server.js PORT [CERTIFICATE], with which it speaks TLS: /wait/MS... answers after so long; at the first line of input it prints the
// microseconds that each took by its own clock.
const http = require("http"), https = require("https"), fs = require("fs"), took = [];
const serve = (request, response) => {
	const began = process.hrtime.bigint(), words = request.url.split("/");
	setTimeout(() => {
		took.push(Number((process.hrtime.bigint() - began) / 1000n));
		response.end("hello");
	}, Number(words[2]));
};
const pem = process.argv[3] && fs.readFileSync(process.argv[3]);
(pem ? https.createServer({ key: pem, cert: pem }, serve) : http.createServer(serve))
	.listen(Number(process.argv[2]), "127.0.0.1");
process.stdin.once("data", () => {
	console.log(took.sort((a, b) => a - b).join(" "));
	process.exit();
});
