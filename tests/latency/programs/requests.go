// SPDX-License-Identifier: MIT

// requests.go - an HTTP server, plain or behind TLS and then also by HTTP/2.
//
//	requests ADDRESS [CERTIFICATE]
//
//	/wait/MS/... sleeps
//	/burn/MS/... uses a CPU, as its thread's clock has it
//	/status/N    answers with N
//	/panic       panics
//
// Each handler grows its stack.  With a line on standard input it ends, and prints how long its handlers took
// by its own clock, in nanoseconds, from the shortest to the longest.
package main

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

var (
	lock sync.Mutex
	took []time.Duration
)

//go:noinline
func deep(n int) int {
	var room [512]byte
	room[n%512] = byte(n)
	if n == 0 {
		return 0
	}
	return deep(n-1) + int(room[n%512])
}

func threadTime() time.Duration {
	var now syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, 3, uintptr(unsafe.Pointer(&now)), 0)
	return time.Duration(now.Nano())
}

func burn(least time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for end := threadTime() + least; threadTime() < end; {
	}
}

func answer(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	words := strings.Split(r.URL.Path, "/")
	number := deep(60) - 60*61/2
	if len(words) > 2 {
		more, _ := strconv.Atoi(words[2])
		number += more
	}
	switch words[1] {
	case "wait":
		time.Sleep(time.Duration(number) * time.Millisecond)
		io.WriteString(w, "hello")
	case "burn":
		burn(time.Duration(number) * time.Millisecond)
		io.WriteString(w, "hello")
	case "status":
		w.WriteHeader(number)
	case "panic":
		panic(http.ErrAbortHandler)
	}
	lock.Lock()
	took = append(took, time.Since(began))
	lock.Unlock()
}

func main() {
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err == nil {
			lock.Lock()
			sort.Slice(took, func(i, j int) bool { return took[i] < took[j] })
			for _, one := range took {
				fmt.Print(one.Nanoseconds(), " ")
			}
			fmt.Println()
			os.Exit(0)
		}
	}()
	handler := http.HandlerFunc(answer)
	if len(os.Args) > 2 {
		log.Fatal(http.ServeTLS(listener, handler, os.Args[2], os.Args[2]))
	}
	log.Fatal(http.Serve(listener, handler))
}
