# needs: php
for malloc in 1 0; do
USE_ZEND_ALLOC=$malloc php -r '
$a = []; for ($i = 0; $i < 300000; $i++) $a["k" . ($i * 7919 % 20011)][] = (string)$i;
$s = json_encode($a); echo md5($s), "\n"; $b = json_decode($s, true); ksort($b); echo md5(serialize($b)), "\n";
class N { public $x; public $p; public $k = []; }
for ($j = 0; $j < 20; $j++) { $r = new N; for ($i = 0; $i < 10000; $i++) { $m = new N; $m->x = $r; $m->p = str_repeat("y", $i % 90); $r->k[] = $m; } }
echo count($r->k), strlen($r->k[777]->p), "\n"; gc_collect_cycles();
echo strlen(preg_replace_callback("/\d+/", fn($m) => dechex((int)$m[0]), $s)), "\n";
function g($n) { for ($i = 0; $i < $n; $i++) yield str_repeat("z", $i % 50); } $t = 0; foreach (g(200000) as $v) $t += strlen($v); echo "$t\n";
$w = new WeakMap; foreach ($r->k as $o) $w[$o] = strlen($o->p); echo count($w), "\n";
$f = new Fiber(function() { for ($i = 0; $i < 1000; $i++) Fiber::suspend(str_repeat("f", $i)); }); $n = strlen($f->start()); while (!$f->isTerminated()) $n += strlen((string)$f->resume()); echo "$n\n";
$h = new SplObjectStorage; for ($i = 0; $i < 20000; $i++) $h[new N] = $i; echo count($h), "\n";
$q = new SplPriorityQueue; for ($i = 0; $i < 50000; $i++) $q->insert("v$i", $i * 7919 % 65537); echo $q->extract(), "\n";'
done
