cat > f.tcl <<'EOT'
for {set i 0} {$i < 200000} {incr i} {lappend d(k[expr {$i * 7919 % 5003}]) $i}
puts [array size d]; puts [llength $d(k17)]
puts [regsub -all {c(d)} [string repeat "ab cd " 50000] {<\1>} t]; puts [string length $t]
proc f n {expr {$n < 2 ? 1 : [f [expr {$n - 1}]] + [f [expr {$n - 2}]]}}; puts [f 22]
package require Thread
EOT
sed -i /Thread/d f.tcl
tclsh f.tcl
GUILE_AUTO_COMPILE=0 guile -c '
(define h (make-hash-table))
(do ((i 0 (+ i 1))) ((= i 200000)) (hash-set! h (number->string (modulo (* i 7919) 50021)) (list i (make-string (modulo i 30) #\x))))
(display (hash-count (const #t) h)) (newline)
(use-modules (ice-9 threads) (ice-9 regex))
(display (apply + (par-map (lambda (n) (length (map number->string (iota 30000)))) (iota 8)))) (newline)
(define g (make-guardian)) (do ((i 0 (+ i 1))) ((= i 10000)) (g (list i))) (gc) (display (pair? (g))) (newline)
(display (modulo (expt 3 50000) 1000007)) (newline)
(do ((i 0 (+ i 1))) ((= i 30)) (make-vector 100000 i)) (gc)
(display (string-length (regexp-substitute/global #f "a" (make-string 20000 #\a) (quote pre) "bb" (quote post)))) (newline)'
cat > a.ml <<'EOT'
module M = Map.Make (String)
let rec tree d = if d = 0 then [] else (string_of_int d, List.length (tree (d - 1))) :: tree (d - 1)
let () =
  let m = ref M.empty in
  for i = 0 to 200000 do m := M.add (string_of_int (i * 7919 mod 30011)) (Bytes.make (i mod 50) 'x') !m done;
  Printf.printf "%d %d\n" (M.cardinal !m) (M.fold (fun _ b n -> n + Bytes.length b) !m 0);
  let w = Weak.create 1000 in
  for i = 0 to 999 do Weak.set w i (Some (ref i)) done; Gc.compact ();
  Printf.printf "%d\n" (List.length (tree 14));
  let a = Array.init 300 (fun i -> Bigarray.Array1.create Bigarray.float64 Bigarray.c_layout (i * 100)) in
  Array.iter (fun b -> Bigarray.Array1.fill b 1.0) a; Gc.full_major ();
  Printf.printf "%f\n" (Array.fold_left (fun s b -> if Bigarray.Array1.dim b > 0 then s +. b.{0} else s) 0. a);
  let h = Hashtbl.create 10 in for i = 0 to 300000 do Hashtbl.replace h i (Some i) done; Printf.printf "%d\n" (Hashtbl.length h)
EOT
ocaml a.ml
ocamlopt -o a a.ml 2>&1 | head -3; ./a
