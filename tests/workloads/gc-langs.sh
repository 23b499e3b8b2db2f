# programs: racket csi gsi gforth gprolog poly elixir mono mcs fpc
# Languages with collectors or stacks of their own.
. ${0%/*}/common
has() { command -v "$1" > /dev/null && echo "$1"; }
has racket && racket -e '(define h (make-hash)) (for ([i 100000]) (hash-set! h (modulo (* i 7919) 5003) (list i (number->string i)))) (displayln (hash-count h)) (define t (for/list ([i 4]) (thread (lambda () (for ([j 20000]) (make-vector 10 j)))))) (for-each thread-wait t) (define (f n) (if (< n 2) n (+ (f (- n 1)) (f (- n 2))))) (displayln (f 24)) (displayln (string-length (regexp-replace* #rx"1" (make-string 20000 #\1) "<1>"))) (collect-garbage) (displayln (modulo (expt 3 20000) 1000007))'
has csi && csi -q -n -e '(import (chicken gc)) (define v (make-vector 5003 (list))) (do ((i 0 (+ i 1))) ((= i 100000)) (let ((k (modulo (* i 7919) 5003))) (vector-set! v k (cons (number->string i) (vector-ref v k))))) (print (length (vector-ref v 17))) (gc #t) (define (f n) (if (< n 2) n (+ (f (- n 1)) (f (- n 2))))) (print (f 20))'
has gsi && gsi -e '(define t (make-table)) (do ((i 0 (+ i 1))) ((= i 60000)) (table-set! t (modulo (* i 7919) 5003) (number->string i))) (println (table-length t)) (##gc) (define (f n) (if (< n 2) n (+ (f (- n 1)) (f (- n 2))))) (println (f 20))'
has gforth && gforth -e ': f dup 2 < if drop 1 else dup 1- recurse swap 2 - recurse + then ; 24 f . : g 3000 0 do 100 i + allocate throw dup i swap ! dup @ drop free throw loop ; g 1000 allocate throw 5000 resize throw free throw 7 . bye'; echo
if has gprolog; then echo 'f(0, 0). f(1, 1). f(N, F) :- N > 1, A is N - 1, B is N - 2, f(A, X), f(B, Y), F is X + Y. :- initialization((f(18, F), write(F), nl, findall(X, between(1, 30000, X), L), msort(L, M), length(M, K), write(K), nl, halt)).' > a.pl; gprolog --consult-file a.pl 2>&1 | tail -n 2; fi
if has poly; then printf '%s\n' 'fun f 0 = 0 | f 1 = 1 | f n = f (n - 1) + f (n - 2); print (Int.toString (f 24) ^ "\n"); val l = List.tabulate (100000, fn i => (i, Int.toString (i * 7919 mod 5003))); print (Int.toString (foldl (fn ((a, b), s) => s + size b) 0 l) ^ "\n"); PolyML.fullGC (); print (IntInf.toString (IntInf.pow (3, 200)) ^ "\n"); val ts = List.tabulate (4, fn i => Thread.Thread.fork (fn () => ignore (List.tabulate (50000, fn j => [i, j])), [])); OS.Process.exit OS.Process.success;' > a.sml; poly -q --use a.sml 2>&1 | grep -v '^val\|^fun'; fi
has elixir && elixir -e 'r = 1..20 |> Enum.map(fn n -> Task.async(fn -> Enum.reduce(1..20000, %{}, fn i, m -> Map.put(m, rem(i * 7919, 5003), {i, n}) end) |> map_size() end) end) |> Enum.map(&Task.await(&1, 60000)); IO.inspect(Enum.sum(r)); IO.puts(:erlang.phash2(Enum.map(1..50000, &Integer.to_string/1))); {:ok, a} = Agent.start_link(fn -> [] end); for i <- 1..5000, do: Agent.update(a, &[i | &1]); IO.puts(length(Agent.get(a, & &1)))'
if has mcs; then cat > a.cs <<'EOC'
using System; using System.Collections.Generic; using System.Linq; using System.Threading; using System.Threading.Tasks; using System.Text; using System.Runtime.InteropServices;
class A { ~A() { Interlocked.Increment(ref n); } static int n; static int F(int i) { return i < 2 ? i : F(i - 1) + F(i - 2); }
static void Main() { var d = new Dictionary<string, int[]>(); for (int i = 0; i < 100000; i++) d["k" + i * 7919L % 5003] = new int[i % 50]; Console.WriteLine(d.Count);
var t = new Thread[6]; long s = 0; for (int k = 0; k < 6; k++) { int q = k; t[k] = new Thread(() => { var l = new List<string>(); for (int i = 0; i < 20000; i++) { l.Add("x" + i * q); new A(); } Interlocked.Add(ref s, l.Sum(x => x.Length)); }); t[k].Start(); } foreach (var x in t) x.Join(); Console.WriteLine(s);
var p = Enumerable.Range(0, 2000).Select(i => Marshal.AllocHGlobal(100 + i)).ToArray(); for (int i = 0; i < 2000; i++) Marshal.WriteInt32(p[i], i); GC.Collect(); GC.WaitForPendingFinalizers(); long z = 0; foreach (var x in p) { z += Marshal.ReadInt32(x); Marshal.FreeHGlobal(x); } Console.WriteLine(z);
Console.WriteLine(F(25)); Console.WriteLine(Task.WhenAll(Enumerable.Range(0, 50).Select(i => Task.Run(() => i * i))).Result.Sum()); try { object o = null; o.ToString(); } catch (NullReferenceException) { Console.WriteLine("null"); } } }
EOC
mcs a.cs && mono a.exe && mono --gc-params=nursery-size=1m a.exe; echo $?; fi
if has fpc; then
	cat > a.pas <<'EOC'
program a; uses classes, sysutils; var l: TStringList; i: integer; p: ^integer;
begin l := TStringList.Create; l.Sorted := true; l.Duplicates := dupIgnore; for i := 0 to 50000 do l.Add(IntToStr(i * 7919 mod 5003)); writeln(l.Count);
for i := 0 to 10000 do begin new(p); p^ := i; dispose(p) end; l.Free; writeln(Format('%d', [42])) end.
EOC
	fpc -v0 -O2 a.pas > /dev/null 2>&1; ./a
fi
