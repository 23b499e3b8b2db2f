# needs: node
cat > a.js <<'EOC'
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads'), http = require('http'), zlib = require('zlib'), crypto = require('crypto'), fs = require('fs');
if (!isMainThread) { let m = new Map(); for (let i = 0; i < 30000; i++) m.set('k' + (i * 7919 % 5003), Buffer.alloc(i % 300, workerData)); let s = 0; for (const b of m.values()) s += b.length; parentPort.postMessage([workerData, m.size, s, zlib.gzipSync(Buffer.alloc(100000, 'ab')).length]); return; }
(async () => {
	for (let r = 0; r < 3; r++) console.log(JSON.stringify((await Promise.all([1, 2, 3, 4].map(n => new Promise((ok, no) => new Worker(__filename, { workerData: n }).on('message', ok).on('error', no))))).sort()));
	const server = http.createServer((q, a) => { let n = 0; q.on('data', d => n += d.length).on('end', () => zlib.gzip('x'.repeat(1000) + q.url + n, (e, z) => a.end(z))); }); await new Promise(ok => server.listen(18301, '127.0.0.1', ok));
	const agent = new http.Agent({ keepAlive: true, maxSockets: 12 }); const get = i => new Promise((ok, no) => { const q = http.request({ port: 18301, host: '127.0.0.1', path: '/' + i, method: 'POST', agent }, a => { const l = []; a.on('data', d => l.push(d)).on('end', () => zlib.gunzip(Buffer.concat(l), (e, t) => e ? no(e) : ok(t.toString()))); }); q.on('error', no); q.end('y'.repeat(i % 500)); });
	const all = await Promise.all([...Array(800).keys()].map(get)); console.log(crypto.createHash('md5').update(all.join()).digest('hex')); agent.destroy(); server.close();
	await Promise.all([...Array(60).keys()].map(i => fs.promises.writeFile('f' + i, 'z'.repeat(i * 100)))); console.log((await Promise.all([...Array(60).keys()].map(i => fs.promises.readFile('f' + i)))).reduce((a, b) => a + b.length, 0));
	console.log((await Promise.all([1, 2, 3, 4].map(i => new Promise(ok => crypto.pbkdf2('p', 's' + i, 5000, 32, 'sha256', (e, k) => ok(k.toString('hex').slice(0, 8))))))).join()); const { execFile } = require('child_process'); console.log((await Promise.all([...Array(20).keys()].map(i => new Promise(ok => execFile('echo', ['c' + i], (e, o) => ok(o.trim())))))).join());
})();
EOC
node a.js; node --max-semi-space-size=1 --expose-gc -e 'for (let i = 0; i < 20; i++) { new Array(10000).fill().map((_, j) => Buffer.from("b" + j)); gc(); } console.log("gc")'
