// SPDX-License-Identifier: MIT

// work.go - goroutines that sleep, grow their stacks and panic inside of functions that are timed.
//
// usage: work GOROUTINES CALLS      after a line on standard input
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"
)

//go:noinline
func sleeps(n int) int {
	time.Sleep(time.Millisecond)
	return n + 1
}

// The stack of a fresh goroutine is too small for this, and is moved while it runs.
//
//go:noinline
func grows(n int) int {
	var room [512]int
	if n == 0 {
		return 0
	}
	room[n%512] = grows(n-1) + 1
	return room[n%512]
}

//go:noinline
func panics(n int) int {
	if n%2 == 1 {
		panic("odd")
	}
	return n
}

//go:noinline
func recovers(n int) (answer int) {
	defer func() {
		if recover() != nil {
			answer = 1000
		}
	}()
	return panics(n)
}

func work(calls int) int {
	sum := 0
	for i := 0; i < calls; i++ {
		sum += sleeps(i) + grows(20) + recovers(i)
	}
	return sum
}

func main() {
	goroutines, _ := strconv.Atoi(os.Args[1])
	calls, _ := strconv.Atoi(os.Args[2])
	bufio.NewReader(os.Stdin).ReadString('\n')
	var group sync.WaitGroup
	sums := make([]int, goroutines)
	for i := range sums {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			sums[i] = work(calls)
		}(i)
	}
	done := make(chan bool)
	go func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(3 * time.Millisecond):
				runtime.GC()
			}
		}
	}()
	group.Wait()
	close(done)
	total := 0
	for _, sum := range sums {
		total += sum
	}
	fmt.Println(total)
}
