// SPDX-License-Identifier: MIT

// args.go - `args CALLS` calls a method with known arguments on a stack that must grow, after a line on
// standard input.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

type shop struct{ name string }

//go:noinline
func (s *shop) told(n int, text string, flag bool, last int32) int {
	var room [2048]byte
	copy(room[:], text)
	return n + int(room[n%4]) + int(last) + len(s.name)
}

func main() {
	calls, _ := strconv.Atoi(os.Args[1])
	bufio.NewReader(os.Stdin).ReadString('\n')
	done := make(chan int)
	for i := 0; i < calls; i++ {
		go func(i int) {
			done <- (&shop{"x"}).told(i, strings.Repeat("ab", i), true, int32(-i))
		}(i)
		<-done
	}
	fmt.Println("done")
}
