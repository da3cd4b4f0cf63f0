package rpc

import (
	"runtime"
)

// inUse is the memory in use once the pools are empty and the stacks shrunk.
func inUse() (m runtime.MemStats) {
	for range 4 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m
}

// bytesInUse is what is in use of heap and stacks, without garbage.
func bytesInUse() int64 {
	m := inUse()
	return int64(m.HeapAlloc + m.StackInuse)
}
