# needs: go
export GOCACHE=$PWD/c GOPATH=$PWD/g GO111MODULE=off GOFLAGS=-p=2
cat > a.go <<'EOT'
package main
// #include <stdlib.h>
// #include <string.h>
// typedef struct n { struct n *next; char s[40]; } n;
// static n *push(n *h, int i) { n *p = malloc(sizeof *p); p->next = h; memset(p->s, i & 127, 40); return p; }
// static long sum(n *h) { long t = 0; while (h) { t += h->s[7]; n *q = h->next; free(h); h = q; } return t; }
import "C"
import ("fmt"; "sync"; "runtime"; "unsafe")
func main() {
	var wg sync.WaitGroup; r := make([]int64, 8)
	for g := range r { wg.Add(1); go func(g int) { defer wg.Done()
		for k := 0; k < 20; k++ { var h *C.n; for i := 0; i < 2000; i++ { h = C.push(h, C.int(i * g)); if i % 500 == 0 { runtime.Gosched(); _ = make([]byte, 100000) } }
			r[g] += int64(C.sum(h)) } }(g) }
	wg.Wait(); runtime.GC(); fmt.Println(r)
	keep := make(map[int]unsafe.Pointer)
	for i := 0; i < 50000; i++ { keep[i] = C.malloc(40); *(*int)(keep[i]) = i }
	for i := 0; i < 30; i++ { _ = make([]byte, 1 << 20); runtime.GC() }
	t := 0; for i := 0; i < 50000; i++ { t += *(*int)(keep[i]); C.free(keep[i]) }; fmt.Println(t)
}
EOT
go build -o a a.go 2>&1 | head; ./a; go vet a.go 2>&1 | tail -n 1
