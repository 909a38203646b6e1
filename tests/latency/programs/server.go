// SPDX-License-Identifier: MIT

// server.go - as server.cc, with goroutines whose stacks grow, panics, and garbage collection all the while.
//
// usage: server PORT
package main

import (
	"bufio"
	"fmt"
	"log"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"time"
)

//go:noinline
func add(n int) int {
	var room [64]int
	if n%16 == 8 {
		runtime.Gosched()
	}
	if n == 0 {
		return 0
	}
	room[n%64] = n + add(n-1)
	return room[n%64]
}

//go:noinline
func total(n int) int {
	sum := add(n)
	runtime.Gosched()
	if n%3 == 0 {
		panic("no")
	}
	return sum
}

func handle(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if recover() != nil {
			w.WriteHeader(500)
			fmt.Fprint(w, "no")
		}
	}()
	n, _ := strconv.Atoi(r.URL.Path[1:])
	fmt.Fprint(w, total(n))
}

func main() {
	go func() {
		for {
			time.Sleep(2 * time.Millisecond)
			runtime.GC()
		}
	}()
	http.HandleFunc("/", handle)
	go func() { log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil)) }()
	bufio.NewReader(os.Stdin).ReadString('\n')
}
