// SPDX-License-Identifier: MIT

// many.go - handlers of net/http that all run at once: after a line on standard input so many are called, as
// for requests by HTTP/2, and when the last one runs their number is printed.  They do not return.
//
//	many COUNT [ADDRESS]
package main

import (
	"bufio"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync"
	_ "unsafe"
)

// What net/http calls for each request; the server is all that its receiver has.
//
//go:linkname serve net/http.serverHandler.ServeHTTP
func serve(server *http.Server, w http.ResponseWriter, r *http.Request)

func main() {
	var running sync.WaitGroup
	count, _ := strconv.Atoi(os.Args[1])
	server := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		running.Done()
		select {}
	})}
	if len(os.Args) > 2 { // the rest of the server is part of the program for this
		http.ListenAndServe(os.Args[2], nil)
	}
	bufio.NewReader(os.Stdin).ReadString('\n')
	running.Add(count)
	for i := 0; i < count; i++ {
		go serve(server, nil, &http.Request{Method: "GET", RequestURI: "/many", ProtoMajor: 2, URL: &url.URL{}})
	}
	running.Wait()
	fmt.Println(count)
	bufio.NewReader(os.Stdin).ReadString('\n')
}
