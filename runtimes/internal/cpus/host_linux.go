package cpus

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Host is this machine: the processors that this process may use.
var Host = sync.OnceValue(func() *Machine {
	var own unix.CPUSet
	if err := unix.SchedGetaffinity(0, &own); err != nil {
		return New(0) // more processors than the set can name, or an odd kernel
	}
	m := &Machine{load: make([]float64, own.Count()), times: readTimes}
	m.turn = rand.IntN(own.Count()) // another server may give them away too
	for number := 0; len(m.numbers) < own.Count(); number++ {
		if own.IsSet(number) {
			m.numbers = append(m.numbers, number)
		}
	}
	return m
})

// readTimes reads proc_stat(5).
func readTimes() map[int]times {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return nil
	}
	return parseTimes(text)
}

func parseTimes(text []byte) map[int]times {
	all := make(map[int]times)
	for line := range bytes.Lines(text) {
		var number int
		var user, nice, system, idle, iowait, irq, softirq, steal int64
		n, _ := fmt.Sscanf(string(line), "cpu%d %d %d %d %d %d %d %d %d", &number, &user, &nice, &system, &idle, &iowait, &irq, &softirq, &steal)
		if n == 9 {
			busy := user + nice + system + irq + softirq + steal
			all[number] = times{busy: busy, all: busy + idle + iowait}
		}
	}
	return all
}
