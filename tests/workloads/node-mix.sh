# needs: node
cat > w.js <<'EOT'
const { Worker, isMainThread, parentPort, workerData } = require("worker_threads");
const zlib = require("zlib"), crypto = require("crypto");
if (isMainThread) {
	const m = new Map();
	for (let i = 0; i < 500000; i++) m.set("k" + i * 7919 % 50021, { i, v: "v" + i });
	console.log(m.size, crypto.createHash("md5").update(JSON.stringify([...m])).digest("hex"));
	const bufs = []; for (let i = 0; i < 6000; i++) bufs.push(Buffer.alloc(i % 5000, "ab"));
	console.log(crypto.createHash("sha1").update(Buffer.concat(bufs)).digest("hex"));
	const z = []; for (let i = 0; i < 40; i++) z.push(new Promise(r => zlib.gzip(Buffer.alloc(200000, "n" + i), (e, b) => zlib.gunzip(b, (e, c) => r(c.length)))));
	Promise.all(z).then(x => console.log(x.reduce((a, b) => a + b)));
	let sum = 0, left = 4;
	for (let n = 0; n < 4; n++) {
		const w = new Worker(__filename, { workerData: n });
		w.on("message", v => { sum += v.length; });
		w.on("exit", c => { if (--left === 0) console.log(sum, c); });
	}
	const net = require("net");
	const s = net.createServer(c => c.pipe(c)).listen("s", () => {
		let done = 0, n = 0;
		for (let i = 0; i < 30; i++) {
			const c = net.connect("s"); c.on("data", d => { n += d.length; if (n === 30 * 50000) { console.log("echoed"); s.close(); } if (c.bytesRead === 50000) c.end(); });
			c.write("x".repeat(50000));
		}
	});
	const wasm = new Uint8Array([0,97,115,109,1,0,0,0,1,7,1,96,2,127,127,1,127,3,2,1,0,7,7,1,3,97,100,100,0,0,10,9,1,7,0,32,0,32,1,106,11]);
	console.log(new WebAssembly.Instance(new WebAssembly.Module(wasm)).exports.add(2, 3));
	const vm = require("vm"); for (let i = 0; i < 20; i++) { const c = vm.createContext({ i }); if (vm.runInContext("i + 1", c) !== i + 1) console.log("bad"); }
	console.log(require("child_process").execSync("echo child").toString());
} else {
	for (let i = 0; i < 200; i++) parentPort.postMessage(new Uint8Array(i * 100 + workerData));
	const a = []; for (let i = 0; i < 100000; i++) a.push({ s: "s" + i });
}
EOT
node --expose-gc -e 'for (let i = 0; i < 10; i++) { const a = []; for (let j = 0; j < 3000; j++) a.push(new ArrayBuffer(3000)); gc(); } console.log("buffers")'
node w.js | sort
