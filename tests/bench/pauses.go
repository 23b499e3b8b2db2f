// pauses.go -- pauses.c for Go's collector: MIB THREADS MILLISECONDS
package main

import (
	"fmt"
	"math"
	"os"
	"runtime/metrics"
	"sort"
	"strconv"
	"sync"
	"time"
)

const (
	gapFloor   = 20 * time.Microsecond
	slots      = 4
	largeSlots = 1 << 17
	meanNode   = 160
)

// Go has no blocks of a size chosen at run time with pointers in them, so the
// tail is one of four types.
type node struct {
	slots [slots]*node
	words [4]uint64
	tail  interface{}
}

var nodes []*node
var larges [][]*node

type rng uint64

func (r *rng) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (r *rng) below(n int) int {
	return int((r.next() >> 32) * uint64(n) >> 32)
}

func makeNode(r *rng) *node {
	n := &node{}
	switch r.below(4) {
	case 1:
		n.tail = new([4]uint64)
	case 2:
		n.tail = new([8]uint64)
	case 3:
		n.tail = new([24]uint64)
	}
	return n
}

func lower(r *rng) *node {
	return nodes[r.below(len(nodes)/2)]
}

func buildHeap(bytes int) {
	r := rng(1)
	nodes = make([]*node, bytes/8*7/meanNode)
	larges = make([][]*node, bytes/8/(largeSlots*8))
	for i := range nodes {
		nodes[i] = makeNode(&r)
	}
	for _, n := range nodes {
		for at := range n.slots {
			n.slots[at] = lower(&r)
		}
	}
	for i := range larges {
		larges[i] = make([]*node, largeSlots)
		for at := range larges[i] {
			larges[i][at] = lower(&r)
		}
	}
}

type worker struct {
	rng            rng
	index, threads int
	steps          int
	gaps           []time.Duration
}

func (w *worker) own(count int) int {
	slice := count / w.threads
	return w.index*slice + w.rng.below(slice)
}

func (w *worker) step() {
	target := lower(&w.rng)
	kind := w.rng.below(8)
	if kind == 0 {
		half := len(nodes) / 2
		index := half + w.own(half)
		n := makeNode(&w.rng)
		n.slots = nodes[index].slots
		nodes[index] = n
	} else if kind == 1 && len(larges) >= w.threads {
		larges[w.own(len(larges))][w.rng.below(largeSlots)] = target
	} else {
		nodes[w.own(len(nodes)/2)].slots[kind%slots] = target
	}
}

func (w *worker) work(length time.Duration) {
	start := time.Now()
	var last time.Duration
	for last < length {
		w.step()
		w.steps++
		seen := time.Since(start)
		if seen-last >= gapFloor {
			w.gaps = append(w.gaps, seen-last)
		}
		last = seen
	}
}

func argument(index, dflt int) int {
	if index >= len(os.Args) {
		return dflt
	}
	value, err := strconv.Atoi(os.Args[index])
	if err != nil {
		os.Exit(2)
	}
	return value
}

// stops is how many stops the runtime has counted, by length.
func stops() *metrics.Float64Histogram {
	sample := []metrics.Sample{{Name: "/gc/pauses:seconds"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindFloat64Histogram {
		return nil
	}
	return sample[0].Value.Float64Histogram()
}

// tellStops prints those of the second histogram that are not in the first.
// A bucket's upper end stands for what is in it.
func tellStops(before, after *metrics.Float64Histogram) {
	if before == nil || after == nil {
		return
	}
	var total uint64
	counts := make([]uint64, len(after.Counts))
	for i := range counts {
		counts[i] = after.Counts[i] - before.Counts[i]
		total += counts[i]
	}
	metric("stops", int(total))
	for _, p := range []struct {
		name     string
		permille uint64
	}{{"p50", 500}, {"p99", 990}, {"p999", 999}, {"max", 1000}} {
		rank := (total*p.permille + 999) / 1000
		for i, count := range counts {
			if count < rank {
				rank -= count
				continue
			}
			top := after.Buckets[i+1]
			if math.IsInf(top, 1) {
				top = after.Buckets[i]
			}
			if rank > 0 {
				metric("stop_"+p.name+"_ns", int(top*1e9))
			}
			break
		}
	}
}

func metric(name string, value int) {
	fmt.Println("metric", name, value)
}

func main() {
	start := time.Now()
	mib, threads := argument(1, 1024), argument(2, 2)
	length := time.Duration(argument(3, 5000)) * time.Millisecond
	buildHeap(mib << 20)
	metric("ready_ms", int(time.Since(start).Milliseconds()))
	before := stops()
	workers := make([]*worker, threads)
	var wait sync.WaitGroup
	for i := range workers {
		w := &worker{rng: rng(i + 2), index: i, threads: threads,
			gaps: make([]time.Duration, 0, 1<<16)}
		workers[i] = w
		wait.Add(1)
		go func() {
			defer wait.Done()
			w.work(length)
		}()
	}
	wait.Wait()
	tellStops(before, stops())
	var gaps []time.Duration
	var sum time.Duration
	steps := 0
	for _, w := range workers {
		gaps = append(gaps, w.gaps...)
		steps += w.steps
	}
	sort.Slice(gaps, func(i, j int) bool { return gaps[i] < gaps[j] })
	for _, gap := range gaps {
		sum += gap
	}
	at := func(permille int) int {
		if len(gaps) == 0 {
			return 0
		}
		return int(gaps[(len(gaps)-1)*permille/1000].Microseconds())
	}
	metric("steps", steps)
	metric("gaps", len(gaps))
	metric("gap_sum_us", int(sum.Microseconds()))
	metric("gap_p50_us", at(500))
	metric("gap_p99_us", at(990))
	metric("gap_p999_us", at(999))
	metric("gap_max_us", at(1000))
	fmt.Printf("checksum %016x\n", 0)
}
