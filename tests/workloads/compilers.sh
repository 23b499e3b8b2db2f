# needs: gcc
# timeout: 90
# programs: ghc rustc gfortran gnatmake cmake ninja
. ${0%/*}/common
has() { command -v "$1" > /dev/null && echo "$1"; }
if has ghc; then printf 'module Main where\nimport qualified Data.Map.Strict as M\nimport Control.Concurrent\nimport Control.Monad\nmain :: IO ()\nmain = do\n  let m = M.fromListWith (+) [(i * 7919 `mod` 5003, i) | i <- [1 .. 100000 :: Int]]\n  print (M.size m, M.foldl (+) 0 m)\n  vs <- forM [1 .. 8 :: Int] (\\n -> do { v <- newEmptyMVar; _ <- forkIO (putMVar v (length (show (product [1 .. toInteger (n * 100)])))); return v })\n  mapM takeMVar vs >>= print . sum\n' > a.hs; ghc -v0 -O -threaded -rtsopts a.hs -o h; ./h; ./h +RTS -N2 -A1m -RTS; ./h +RTS -xn; fi
if has rustc; then cat > a.rs <<'EOC'
use std::collections::{BTreeMap, HashMap}; use std::sync::{mpsc, Arc, Mutex}; use std::thread;
fn main() { let m = Arc::new(Mutex::new(HashMap::new())); let (tx, rx) = mpsc::channel::<Box<Vec<u64>>>();
let hs: Vec<_> = (0..6u64).map(|t| { let (m, tx) = (m.clone(), tx.clone()); thread::spawn(move || for i in 0..5000u64 { m.lock().unwrap().insert(format!("{}", (i * 7919 + t) % 5003), vec![i; (i % 20) as usize]); tx.send(Box::new(vec![i, t])).unwrap(); }) }).collect(); drop(tx);
let s: u64 = rx.iter().map(|b| b[0] + b[1]).sum(); for h in hs { h.join().unwrap(); } println!("{} {}", s, m.lock().unwrap().len());
let b: BTreeMap<u32, String> = (0..50000u32).map(|i| (i * 7919 % 30011, i.to_string())).collect(); println!("{} {}", b.len(), b.values().map(|s| s.len()).sum::<usize>());
let r = std::panic::catch_unwind(|| { let v: Vec<u8> = Vec::new(); v[std::env::args().count()] }); println!("{}", r.is_err()); }
EOC
rustc -O a.rs -o r && ./r 2> /dev/null; rustc --test a.rs -o rt 2> /dev/null; echo $?; fi
if has gfortran; then printf 'program a\n integer, allocatable :: x(:)\n character(len=:), allocatable :: s\n integer :: i, n\n n = 0\n do i = 1, 3000\n  allocate(x(i)); x = i; n = n + mod(sum(x), 97); deallocate(x)\n  s = repeat("ab", i)\n end do\n print *, n, len(s)\nend\n' > a.f90; gfortran -O2 -fopenmp a.f90 -o f && ./f; fi
if has gnatmake; then printf 'with Ada.Text_IO; with Ada.Containers.Ordered_Maps;\nprocedure A is\n package M is new Ada.Containers.Ordered_Maps (Integer, Integer);\n X : M.Map;\n task type T; task body T is type P is access String; S : P; begin for I in 1 .. 2000 loop S := new String (1 .. I); S (1) := '"'x'"'; end loop; end T;\nbegin\n declare Y : array (1 .. 4) of T; begin null; end;\n for I in 1 .. 30000 loop X.Include (I * 7919 mod 5003, I); end loop;\n Ada.Text_IO.Put_Line (X.Length'"'"'Image);\nend A;\n' > a.adb; gnatmake -q -O2 a.adb -o ada && ./ada; fi
if has cmake && has ninja; then mkdir p; for i in $(seq 1 12); do echo "int f$i(int x) { return x * $i; }" > p/f$i.c; done; echo 'int main(void) { return 0; }' > p/m.c; printf 'cmake_minimum_required(VERSION 3.10)\nproject(p C)\nfile(GLOB s f*.c)\nadd_library(l STATIC ${s})\nadd_executable(m m.c)\ntarget_link_libraries(m l)\nenable_testing()\nadd_test(t m)\n' > p/CMakeLists.txt; cmake -S p -B b -G Ninja > /dev/null && ninja -C b -j2 | grep -c . > /dev/null; ls b/m; (cd b && ctest 2>&1 | grep -c 'tests passed'); cmake -S p -B d > /dev/null && make -s -C d -j2 > /dev/null; ls d/m; fi
