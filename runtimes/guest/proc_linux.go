package guest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// process is one line of /proc.
type process struct {
	pid, parent int
	name        string
	dead        bool // and not reaped
	threads     int
	used        time.Duration // by it and by the children it has reaped
	usedBelow   time.Duration // by the children it has reaped
}

// tick is the unit of times in stat; USER_HZ is 100 on every architecture.
const tick = 10 * time.Millisecond

// processes reads all processes of the namespace. Those that end meanwhile are
// left out.
func processes() map[int]process {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	all := make(map[int]process, len(names))
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if p, err := readProcess(pid); err == nil {
			all[pid] = p
		}
	}
	return all
}

func readProcess(pid int) (process, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return process{}, err
	}
	p, ok := parseStat(text)
	if !ok {
		return process{}, errors.New("another format of stat than proc_pid_stat(5)")
	}
	p.pid = pid
	return p, nil
}

// parseStat reads proc_pid_stat(5). The name in the middle may hold anything,
// so counting begins after its last parenthesis.
func parseStat(text []byte) (p process, ok bool) {
	end := bytes.LastIndexByte(text, ')')
	if end < 0 {
		return process{}, false
	}
	fields := bytes.Fields(text[end+1:]) // the first is number 3, state
	start := bytes.IndexByte(text, '(')
	if len(fields) < 18 || start < 0 || start > end {
		return process{}, false
	}
	p.name = string(text[start+1 : end])
	p.dead = fields[0][0] == 'Z' || fields[0][0] == 'X'
	number := func(field int) int64 {
		n, err := strconv.ParseInt(string(fields[field-3]), 10, 64)
		ok = ok && err == nil
		return n
	}
	ok = true
	p.parent = int(number(4))
	p.usedBelow = time.Duration(number(16)+number(17)) * tick
	p.used = time.Duration(number(14)+number(15))*tick + p.usedBelow
	p.threads = int(number(20))
	return p, ok
}

// tasks counts the threads of all processes.
func tasks() int {
	n := 0
	for _, p := range processes() {
		n += p.threads
	}
	return n
}

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
	a.table.place(own, set)
	return nil
}

// place moves the programs to those processors, from all of them the first time.
func (t *table) place(all, set processorSet) {
	t.mu.Lock()
	before := t.processors
	if before == nil {
		before = all
	}
	t.processors = set
	running := len(t.byID) > 0
	t.mu.Unlock()
	// Only there are all processes but the agent its programs'.
	if running && t.agent.pid == 1 && t.agent.ownProc {
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
