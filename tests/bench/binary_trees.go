// binary_trees.go -- binary_trees.c for Go's collector: DEPTH THREADS
package main

import (
	"fmt"
	"os"
	"strconv"
	"sync"
)

const minDepth = 4

type node struct {
	left, right *node
}

func build(depth int) *node {
	if depth == 0 {
		return &node{}
	}
	return &node{build(depth - 1), build(depth - 1)}
}

func (n *node) count() uint64 {
	if n.left == nil {
		return 1
	}
	return 1 + n.left.count() + n.right.count()
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

func share(depth, first, step int) uint64 {
	var count uint64
	for d := minDepth; d <= depth; d += 2 {
		for i := first; i < 1<<(depth-d+minDepth); i += step {
			count += build(d).count()
		}
	}
	return count
}

func main() {
	depth := argument(1, 18)
	threads := argument(2, 1)
	counts := make([]uint64, threads)
	total := build(depth + 1).count()
	lasting := build(depth)
	var wait sync.WaitGroup
	for t := 0; t < threads; t++ {
		wait.Add(1)
		go func(t int) {
			defer wait.Done()
			counts[t] = share(depth, t, threads)
		}(t)
	}
	wait.Wait()
	for _, count := range counts {
		total += count
	}
	total += lasting.count()
	fmt.Printf("checksum %016x\n", total)
}
