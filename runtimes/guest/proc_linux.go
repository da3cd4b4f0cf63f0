package guest

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"time"
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
