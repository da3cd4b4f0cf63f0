package cpus

import (
	"bytes"
	"fmt"
)

// Stat is proc_stat(5) of a machine with the first n of its processors, without
// what it tells of interrupts. It counts as long as the original is read anew.
func Stat(text []byte, n int) []byte {
	var shown, rest []byte
	var sum [10]int64
	seen := 0
	for line := range bytes.Lines(text) {
		name, values, _ := bytes.Cut(bytes.TrimSpace(line), []byte(" "))
		switch {
		case bytes.Equal(name, []byte("cpu")):
		case bytes.HasPrefix(name, []byte("cpu")):
			if seen < n {
				shown = fmt.Appendf(shown, "cpu%d %s\n", seen, values)
				for i, field := range bytes.Fields(values) {
					var value int64
					if _, err := fmt.Sscan(string(field), &value); err == nil && i < len(sum) {
						sum[i] += value
					}
				}
			}
			seen++
		case bytes.Equal(name, []byte("intr")), bytes.Equal(name, []byte("softirq")):
			rest = fmt.Appendf(rest, "%s 0\n", name)
		default:
			rest = append(rest, line...)
		}
	}
	all := []byte("cpu ")
	for _, value := range sum {
		all = fmt.Appendf(all, " %d", value)
	}
	return append(append(append(all, '\n'), shown...), rest...)
}

// Info is proc_cpuinfo(5) of the first n processors.
func Info(text []byte, n int) []byte {
	var shown []byte
	seen := 0
	for block := range bytes.SplitAfterSeq(text, []byte("\n\n")) {
		if bytes.HasPrefix(block, []byte("processor")) {
			if seen++; seen > n {
				continue
			}
		}
		shown = append(shown, block...)
	}
	return shown
}

// Count is how many processors a text of proc_stat(5) tells of.
func Count(stat []byte) int { return bytes.Count(stat, []byte("\ncpu")) }

// Online is the list of the first n processors, as in
// /sys/devices/system/cpu/online.
func Online(n int) []byte {
	if n == 1 {
		return []byte("0\n")
	}
	return fmt.Appendf(nil, "0-%d\n", n-1)
}
