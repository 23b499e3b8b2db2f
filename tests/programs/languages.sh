#!/bin/sh
# languages.sh -- interpreters and virtual machines other than Python
. "$GCMTEST_SRCDIR/tests/programs/compare"

workload perl-hashes short perl <<'END'
PERL_HASH_SEED=0 PERL_PERTURB_KEYS=0 perl -we '
my (%h, @a);
for my $i (0 .. 200000) { $h{"k" . ($i * 7919 % 50021)} .= "$i,"; }
print scalar(keys %h), " ", length(join "", map { $h{$_} } sort keys %h), "\n";
@a = sort { $b <=> $a } map { $_ * 7919 % 100003 } 1 .. 100000;
print "@a[0, 500, 99999]\n";
my $deep; $deep = [$deep, {n => $_}] for 1 .. 50000; undef $deep;
my $s = "x" x 10; $s .= $s for 1 .. 15; print length $s, "\n";
print join(",", (unpack "H*", pack "w*", 1 .. 300) =~ /(..81)/g), "\n";'
END

workload perl-regex short perl <<'END'
perl -we '
my $text = join " ", map { "word$_ " . ("ab" x ($_ % 20)) } 1 .. 20000;
my $n = () = $text =~ /\b(\w+?)(\d+)\s(?:ab){3,7}\b/g; print "$n\n";
(my $t = $text) =~ s/(\d+)/<$1>/g; print length $t, "\n";
print scalar(split /\s+/, $text), "\n";
our $re; $re = qr/\((?:[^()]+|(??{$re}))*\)/; print "(a(b(c)d)e)" =~ /^$re$/ ? "balanced\n" : "no\n";
print eval { my $x = 1 / 0; 1 } ? "" : $@;
open my $f, ">", "f" or die; printf $f "%05d\n", $_ for 1 .. 20000; close $f;
open $f, "<", "f"; my @l = reverse <$f>; print $l[0], scalar @l, "\n";'
END

workload perl-fork short perl <<'END'
perl -we '
$| = 1;
for my $i (1 .. 30) {
	my $pid = fork // die;
	if (!$pid) { my %x = map { $_ => "v$_" } 1 .. 3000; exit $i % 5; }
	waitpid $pid, 0; print $? >> 8;
}
my @out = map { `echo $_` } 1 .. 10; print "\n", @out;
open my $p, "-|", "seq 1 3000" or die; my $s = 0; $s += $_ while <$p>; print "$s\n";
local $SIG{ALRM} = sub { die "alarm\n" }; alarm 1;
eval { my @x; push @x, "y" x 100 for 1 .. 1e9; }; print $@;'
END

workload perl-threads short perl <<'END'
perl -Mthreads -e 1 2>/dev/null || exit 77
perl -Mthreads -Mthreads::shared -we '
my $sum :shared = 0; my %big = map { $_ => [1 .. 5] } 1 .. 2000;
my @t = map { my $n = $_; threads->create(sub { my @x = map { "$_" x $n } 1 .. 3000; lock $sum; $sum += @x + keys %big; }) } 1 .. 8;
$_->join for @t; print "$sum\n";'
END

workload ruby short ruby <<'END'
ruby -e '
h = {}
200000.times { |i| (h["k#{i * 7919 % 30011}"] ||= []) << i }
puts h.size, h["k17"].inspect
puts (1..3000).map { |i| "#{i}:" * (i % 10) }.join.gsub(/\d+/) { |m| m.to_i.to_s(16) }.length
a = nil; 5000.times { a = [a, {x: 1}] }
GC.start; GC.compact rescue puts "no compaction"
q = Queue.new
t = 8.times.map { |n| Thread.new { 2000.times { |i| q << ("s" * (i % 500)) if i % 8 == n } } }
t.each(&:join); puts q.size
pid = fork { x = (1..50000).map(&:to_s); exit! 4 }
Process.wait pid; puts $?.exitstatus
puts 2**5000 % 1000007, `echo from a child`
Fiber.new { 1000.times { |i| "f" * i } ; puts "fiber" }.resume
begin; raise ArgumentError, "known"; rescue => e; puts e.message; end'
END

# Red without gcm_mark_distances: Berkeley DB's blocks are gone.
workload db-file short perl <<'END'
GCM_MINHEAP=0 GCM_INTERVAL=5ms GCM_GRACE=0 GCM_DEBUG=poison=1 perl -MDB_File -e '
my (%h, $n); tie %h, "DB_File", "x.db", O_RDWR | O_CREAT, 0644, $DB_BTREE or die;
for my $r (1..3) {
	$h{$_ * 7919 % 50021} = "v$_" x 3 for 1..20000;
	delete $h{$_ * 13 % 50021} for 1..2000;
	$n += length($h{$_ * 31 % 50021} // "") for 1..20000; }
print "$n ", scalar(keys %h), "\n"; untie %h;'
END

workload ruby-objects long ruby <<'END'
ruby -rset -rjson -rdigest -rzlib -e '
x = JSON.parse(JSON.generate((0..50000).map { |i| {"id" => i, "s" => i.to_s * 3} }))
puts x.size, Digest::MD5.hexdigest(JSON.generate(x))
puts Zlib::Inflate.inflate(Zlib::Deflate.deflate("abc" * 1000000)).size
s = Set.new; 100000.times { |i| s << [i % 977, i % 3] }; puts s.size
C = Struct.new(:a, :b); puts (0..100000).map { |i| C.new(i, i.to_s) }.sum { |c| c.b.size }
100.times { Array.new(100000) { Object.new }; GC.start if rand < 0.1 }
require "ripper"; puts Ripper.sexp("def a; 1; end" * 500).flatten.size'
END

workload php short php <<'END'
for malloc in 1 0; do
USE_ZEND_ALLOC=$malloc php -n -r '
$a = [];
for ($i = 0; $i < 100000; $i++) $a["k" . ($i * 7919 % 20011)][] = $i;
echo count($a), " ", count($a["k17"]), "\n";
$s = json_encode($a); echo strlen($s), " ", md5($s), "\n";
$b = json_decode($s, true); ksort($b); echo array_key_last($b), "\n";
echo strlen(preg_replace_callback("/\d+/", fn($m) => dechex((int)$m[0]), $s)), "\n";
class N { public $x; public $p; } $n = null;
for ($i = 0; $i < 30000; $i++) { $m = new N; $m->x = $m; $m->p = str_repeat("y", $i % 90); }
gc_collect_cycles(); echo strlen(serialize($b)), "\n";
function g() { for ($i = 0; $i < 20000; $i++) yield str_repeat("z", $i % 50); }
$t = 0; foreach (g() as $v) $t += strlen($v); echo $t, "\n";
try { intdiv(1, 0); } catch (Error $e) { echo $e->getMessage(), "\n"; }
usort($a, fn($x, $y) => count($y) <=> count($x) ?: $x[0] <=> $y[0]); echo $a[0][0], "\n";'
done
END

workload node short node <<'END'
node -e '
const m = new Map();
for (let i = 0; i < 300000; i++) m.set("k" + i * 7919 % 50021, [i, "v" + i]);
console.log(m.size, JSON.stringify([...m]).length);
const bufs = []; for (let i = 0; i < 3000; i++) bufs.push(Buffer.alloc(i * 10, "ab"));
console.log(require("crypto").createHash("sha1").update(Buffer.concat(bufs)).digest("hex"));
const z = require("zlib"); console.log(z.gunzipSync(z.gzipSync(Buffer.alloc(3000000, "node"))).length);
console.log("x".repeat(100000).replace(/x{7}/g, "y").length);
setTimeout(() => console.log("later"), 10); setImmediate(() => console.log("soon"));
require("fs").promises.writeFile("f", "text").then(() => console.log("written"));
console.log(require("child_process").execSync("echo child").toString());'
END

workload node-workers short node <<'END'
cat > w.js <<'EOT'
const { Worker, isMainThread, parentPort, workerData } = require("worker_threads");
if (isMainThread) {
	let sum = 0, left = 4;
	for (let n = 0; n < 4; n++) {
		const w = new Worker(__filename, { workerData: n });
		w.on("message", v => { sum += v.length; });
		w.on("exit", c => { if (--left === 0) console.log(sum, c); });
	}
} else {
	for (let i = 0; i < 50; i++)
		parentPort.postMessage(new Uint8Array(i * 1000 + workerData));
}
EOT
node w.js
node -e 'process.exit(5)'; echo $?
node -e 'undefined.x' 2>&1 | grep TypeError
END

workload java short "java javac" <<'END'
cat > Main.java <<'EOT'
import java.util.*;
import java.util.concurrent.*;
import java.util.zip.*;
import java.nio.ByteBuffer;
public class Main {
	public static void main(String[] args) throws Exception {
		ExecutorService pool = Executors.newFixedThreadPool(6);
		List<Future<Integer>> parts = new ArrayList<>();
		for (int t = 0; t < 24; t++) {
			final int n = t;
			parts.add(pool.submit(() -> {
				Map<String, int[]> m = new HashMap<>();
				for (int i = 0; i < 5000; i++) m.put("k" + i * n, new int[i % 100]);
				Deflater d = new Deflater();
				d.setInput(new byte[100000 + n]); d.finish();
				byte[] out = new byte[1000]; int len = d.deflate(out); d.end();
				ByteBuffer b = ByteBuffer.allocateDirect(100000 * (n + 1));
				b.putInt(0, n);
				return m.size() + b.getInt(0) + len;
			}));
		}
		int sum = 0;
		for (Future<Integer> f : parts) sum += f.get();
		pool.shutdown();
		System.out.println(sum);
		System.gc();
		System.out.println(new String("a b c").chars().sum());
		System.exit(sum > 0 ? 3 : 1);
	}
}
EOT
javac -J-Xshare:auto Main.java && java -Xmx256m Main; echo $?
java -version 2>&1 | wc -l
END

workload tcl short tclsh <<'END'
cat > f.tcl <<'EOT'
for {set i 0} {$i < 60000} {incr i} {lappend d(k[expr {$i * 7919 % 5003}]) $i}
puts [array size d]; puts [llength $d(k17)]
set s [string repeat "ab cd " 50000]
puts [regsub -all {c(d)} $s {<\1>} t]; puts [string length $t]
puts [lindex [lsort -integer -decreasing [concat {*}[array names d]]] 0]
EOT
sed -i 's/-integer //' f.tcl
tclsh f.tcl
echo 'proc f n {expr {$n < 2 ? 1 : [f [expr {$n - 1}]] + [f [expr {$n - 2}]]}}; puts [f 20]; error known' | tclsh
END

workload lua short lua <<'END'
lua -e 'local t = {} for i = 1, 300000 do t["k" .. i * 7919 % 50021] = {i, tostring(i)} end
local n = 0 for _ in pairs(t) do n = n + 1 end print(n)
print(#(("ab"):rep(100000):gsub("b", "cd"))) collectgarbage() print(select("#", table.unpack({1, 2, 3})))'
END

finish
