# env: GCM_PTRMASK=0xffffffffffff
# because: the top bits of JavaScriptCore's pointers on the system's malloc (Malloc=1) are tags
cat > a.js <<'EOT'
const P = typeof print !== "undefined" ? print : console.log;
const m = new Map(); for (let i = 0; i < 200000; i++) m.set("k" + i * 7919 % 50021, { i, v: "v" + i, f: i * 0.5 });
P(m.size); let s = 0; for (const [k, v] of m) s += v.v.length + v.f; P(s);
P("x".repeat(100000).replace(/x{7}/g, "y").length); P(JSON.stringify([...m]).length);
const bufs = []; for (let i = 0; i < 2000; i++) { bufs.push(new Uint8Array(i * 5).fill(i)); } P(bufs.reduce((a, b) => a + (b[0] || 0), 0));
class A { constructor(n) { this.n = n; this.kids = []; } } const t = d => { const a = new A(d); if (d) for (let i = 0; i < 3; i++) a.kids.push(t(d - 1)); return a; }; const c = a => a.kids.reduce((x, k) => x + c(k), 1); P(c(t(9)));
function* g() { for (let i = 0; i < 30000; i++) yield "g".repeat(i % 30); } let n = 0; for (const x of g()) n += x.length; P(n);
for (let r = 0; r < 20; r++) { const l = []; for (let i = 0; i < 20000; i++) l.push({ r, i: [i] }); l.sort((a, b) => b.i[0] - a.i[0]); }
P((3n ** 20000n % 1000007n).toString()); P([..."abc def".matchAll(/(\w)(\w)/g)].length); new Function("P", "P('made')")(P);
EOT
J=$(ls /usr/bin/jsc /usr/lib/x86_64-linux-gnu/webkit*/jsc /usr/lib/x86_64-linux-gnu/javascriptcore*/jsc 2>/dev/null | head -1)
if [ -n "$J" ]; then $J a.js; Malloc=1 $J a.js; JSC_useConcurrentGC=0 $J a.js; fi
command -v gjs > /dev/null && gjs a.js
command -v gjs > /dev/null && gjs -c 'const GLib = imports.gi.GLib; let l = []; for (let i = 0; i < 20000; i++) l.push(new GLib.Variant("(si)", ["s" + i, i])); imports.system.gc(); print(l.reduce((a, v) => a + v.deepUnpack()[1], 0)); let loop = GLib.MainLoop.new(null, false); let n = 0; GLib.timeout_add(0, 2, () => { n++; for (let i = 0; i < 1000; i++) new GLib.Bytes(new Uint8Array(100)); if (n == 100) loop.quit(); return true; }); loop.run(); print(n)'
echo 'h = {}; 100000.times { |i| h["k#{i * 7919 % 5003}"] = [i, i.to_s] }; puts h.size; a = nil; 3000.times { a = [a] }; GC.start; puts (0..50000).map { |i| i.to_s }.join.size; f = Fiber.new { 100.times { |i| Fiber.yield i }; nil }; x = 0; while y = f.resume; x += y; end; puts x' > a.rb; command -v mruby > /dev/null && mruby a.rb
