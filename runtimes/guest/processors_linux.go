package guest

import (
	"bytes"
	"encoding/binary"
	"os"
	"slices"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// processorSet is a set of processors as sched_setaffinity(2) takes it: bits in
// words of the machine.
type processorSet []byte

// maxProcessors bounds their numbers. The kernel's own bound is 8192.
const maxProcessors = 1 << 13

func (s processorSet) has(n int) bool { return n/8 < len(s) && s[n/8]&(1<<(n%8)) != 0 }

// with adds a processor. It may change s.
func (s processorSet) with(n int) processorSet {
	const word = int(unsafe.Sizeof(uintptr(0)))
	if missing := n/8 + 1 - len(s); missing > 0 {
		s = append(s, make([]byte, (missing+word-1)/word*word)...)
	}
	s[n/8] |= 1 << (n % 8)
	return s
}

// affinity reads on which processors a thread may run; 0 is the calling one.
func affinity(tid int) (processorSet, bool) {
	set := make(processorSet, maxProcessors/8)
	n, _, errno := unix.RawSyscall(unix.SYS_SCHED_GETAFFINITY, uintptr(tid), uintptr(len(set)), uintptr(unsafe.Pointer(&set[0])))
	if errno != 0 {
		return nil, false
	}
	return set[:n], true
}

// place tells on which processors programs run from now on. Those among them
// that this environment has not are made up for by others.
func (a *agent) place(payload []byte) error {
	if len(payload) == 0 || len(payload)%2 != 0 || len(payload) > 2*maxProcessors {
		return errPayload
	}
	own, known := affinity(0)
	if !known {
		return nil
	}
	var set processorSet
	missing := 0
	for at := 0; at < len(payload); at += 2 {
		if n := int(binary.LittleEndian.Uint16(payload[at:])); own.has(n) {
			set = set.with(n)
		} else {
			missing++
		}
	}
	for n := 0; missing > 0 && n < 8*len(own); n++ {
		if own.has(n) && !set.has(n) {
			set, missing = set.with(n), missing-1
		}
	}
	a.table.place(set)
	return nil
}

// place moves the programs to those processors.
func (t *table) place(set processorSet) {
	t.mu.Lock()
	before := t.processors
	t.processors = set
	running := len(t.byID) > 0
	t.mu.Unlock()
	// Only there are all processes but the agent its programs'.
	if running && before != nil && t.agent.pid == 1 && t.agent.ownProc {
		go t.agent.moveAll(before, set)
	}
}

// moves is how often moveAll looks for threads that were born meanwhile on the
// old processors.
const moves = 5

// moveAll moves the threads of all programs. One that has chosen its processors
// itself stays there.
func (a *agent) moveAll(from, to processorSet) {
	for range moves {
		moved := false
		for pid := range processes() {
			if pid == a.pid {
				continue
			}
			threads, _ := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/task")
			for _, thread := range threads {
				if tid, err := strconv.Atoi(thread.Name()); err == nil {
					moved = move(tid, from, to) || moved
				}
			}
		}
		if !moved {
			return
		}
	}
}

// move moves a thread that is on those processors.
func move(tid int, from, to processorSet) bool {
	at, known := affinity(tid)
	if !known || !bytes.Equal(trimmed(at), trimmed(from)) {
		return false
	}
	_, _, errno := unix.RawSyscall(unix.SYS_SCHED_SETAFFINITY, uintptr(tid), uintptr(len(to)), uintptr(unsafe.Pointer(&to[0])))
	return errno == 0
}

// trimmed is the set without zeros at its end.
func trimmed(s processorSet) processorSet {
	end := len(s)
	for end > 0 && s[end-1] == 0 {
		end--
	}
	return slices.Clip(s[:end])
}
