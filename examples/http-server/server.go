// SPDX-License-Identifier: MIT

// server.go - an HTTP server whose handler takes a random time, to be timed by `kymo latency`.
//
//	go build -o server server.go && ./server [ADDRESS [MILLISECONDS]]
//
// With a line on standard input it ends, and tells how long its handler took by its own clock, in
// nanoseconds from the shortest to the longest: in the first line as read inside of it, at its
// beginning and at its end, in the second as read around the call.  What a probe sees lies between.
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
	most           = 100
	inside, around times
)

type times struct {
	lock sync.Mutex
	list []time.Duration
}

func (t *times) add(took time.Duration) {
	t.lock.Lock()
	t.list = append(t.list, took)
	t.lock.Unlock()
}

func (t *times) tell() {
	t.lock.Lock()
	defer t.lock.Unlock()
	sort.Slice(t.list, func(i, j int) bool { return t.list[i] < t.list[j] })
	for _, one := range t.list {
		fmt.Print(one.Nanoseconds(), " ")
	}
	fmt.Println()
}

//go:noinline
func handleRequest(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	time.Sleep(time.Duration(rand.Intn(most*1000)) * time.Microsecond)
	fmt.Fprintln(w, "Hello, World!")
	inside.add(time.Since(began))
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
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		handleRequest(w, r)
		around.add(time.Since(began))
	})
	go func() {
		if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err == nil {
			inside.tell()
			around.tell()
			os.Exit(0)
		}
	}()
	log.Fatal(http.Serve(listener, nil))
}
