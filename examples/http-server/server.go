// SPDX-License-Identifier: MIT

// server.go - an HTTP server whose handler takes a random time, to be timed by `kymo latency`.
//
//	go build -o server server.go && ./server [ADDRESS [MILLISECONDS]]
//
// With a line on standard input it ends, and tells how long its handler took by its own clock: the
// number of calls and the nanoseconds of the median, of p99 and of the longest.
package main

import (
	"bufio"
	"fmt"
	"log"
	"math/rand"
	"net"
	"net/http"
	"os"
	"sort"
	"strconv"
	"sync"
	"time"
)

var (
	most  = 100
	lock  sync.Mutex
	times []time.Duration
)

//go:noinline
func handleRequest(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	time.Sleep(time.Duration(rand.Intn(most*1000)) * time.Microsecond)
	fmt.Fprintln(w, "Hello, World!")
	took := time.Since(began)
	lock.Lock()
	times = append(times, took)
	lock.Unlock()
}

func tell() {
	lock.Lock()
	defer lock.Unlock()
	if len(times) == 0 {
		fmt.Println(0)
		return
	}
	sort.Slice(times, func(i, j int) bool { return times[i] < times[j] })
	fmt.Println(len(times), times[len(times)/2].Nanoseconds(), times[len(times)*99/100].Nanoseconds(),
		times[len(times)-1].Nanoseconds())
}

func main() {
	address := "127.0.0.1:8080"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	if len(os.Args) > 2 {
		most, _ = strconv.Atoi(os.Args[2])
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	log.Println("Starting HTTP server on", listener.Addr())
	http.HandleFunc("/", handleRequest)
	go func() {
		if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err == nil {
			tell()
			os.Exit(0)
		}
	}()
	log.Fatal(http.Serve(listener, nil))
}
