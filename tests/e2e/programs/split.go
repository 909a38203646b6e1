// SPDX-License-Identifier: MIT

// split.c in Go.
package main

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
)

func cpuSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}

// The array gives it a frame: Go saves no frame pointer in a function without one.
//
//go:noinline
func work(seed uint64) uint64 {
	var states [8]uint64
	for i := 0; i < 16000; i++ {
		seed = seed*6364136223846793005 + 1442695040888963407
		states[seed>>61] = seed
	}
	return seed + states[seed>>61]
}

//go:noinline
func seventy(seed uint64) uint64 { return work(seed) + 70 }

//go:noinline
func twenty(seed uint64) uint64 { return work(seed) + 20 }

//go:noinline
func ten(seed uint64) uint64 { return work(seed) + 10 }

func main() {
	seconds, err := strconv.ParseFloat(os.Args[1], 64)
	if err != nil {
		panic(err)
	}
	began := cpuSeconds()
	var lot, sum, nSeventy, nTwenty, nTen uint64 = 1, 0, 0, 0, 0
	for i := 0; i%64 != 0 || cpuSeconds() < seconds; i++ {
		lot = lot*6364136223846793005 + 1442695040888963407
		switch drawn := (lot >> 33) % 10; {
		case drawn < 7:
			nSeventy++
			sum += seventy(lot)
		case drawn < 9:
			nTwenty++
			sum += twenty(lot)
		default:
			nTen++
			sum += ten(lot)
		}
	}
	inside := cpuSeconds() - began
	fmt.Printf("{\"seventy\":%d,\"twenty\":%d,\"ten\":%d,\"inside_seconds\":%f,"+
		"\"cpu_seconds\":%f,\"sum\":%d}\n",
		nSeventy, nTwenty, nTen, inside, cpuSeconds(), sum)
}
