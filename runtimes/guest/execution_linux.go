package guest

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
)

// The bounds and streams of package runtimes, which the agent does not import.
const (
	outputWindow   = 256 << 10
	inputBuffer    = 64 << 10
	streamStdout   = 1
	streamStderr   = 2
	streamTerminal = 3
)

// execution is one program and everything it starts.
type execution struct {
	agent *agent
	id    uint32
	spec  frame.Start
	env   []string   // of every program, when it was asked for
	group []*os.File // descriptors of its control group, kept by the agent

	// Process ids are guarded by table.mu. pid is the program's, of its session
	// and its process group; keeper is zero where programs have none.
	pid, keeper int
	keeperGone  chan struct{}         // closed when the keeper has been reaped
	followed    chan struct{}         // closed after the keeper's last report
	crowded     chan struct{}         // closed when the program has left others
	used        atomic.Pointer[int64] // what the keeper reported; nil as long as it has not
	peak        atomic.Int64          // what the keeper reported

	running chan struct{} // closed when the program runs or is known not to
	failed  bool          // readable once running is closed
	gone    chan struct{} // closed when the program has ended

	credit   *credit
	input    *input   // nil: the program reads end of file
	channel  *channel // nil: it has none
	outputs  []*output
	terminal *os.File       // guarded by table.mu
	pumps    sync.WaitGroup // one for each output
}

func newExecution(a *agent, id uint32, spec frame.Start, group []*os.File) (*execution, error) {
	if id == 0 || len(spec.Args) == 0 {
		return nil, errors.New("a start needs a number and a program")
	}
	x := &execution{
		agent: a, id: id, spec: spec, env: a.env, group: group, credit: newCredit(outputWindow),
		keeperGone: make(chan struct{}), followed: make(chan struct{}), crowded: make(chan struct{}), running: make(chan struct{}), gone: make(chan struct{}),
	}
	if spec.Input {
		x.input = newInput(x, 0)
	}
	if spec.Channel {
		x.channel = &channel{input: newInput(x, frame.StreamChannel), credit: newCredit(outputWindow)}
	}
	if !a.table.add(x) {
		return nil, errors.New("the number is taken")
	}
	return x, nil
}

var errPayload = errors.New("the payload has another shape")

// handle acts on a frame about this execution.
func (x *execution) handle(h frame.Header, payload []byte) error {
	in, credit := x.input, x.credit
	if x.channel != nil && h.Detail == frame.StreamChannel {
		in, credit = x.channel.input, x.channel.credit
	}
	switch h.Kind {
	case frame.KindInput:
		if in == nil || !in.write(payload) {
			return errors.New("more input than there is credit for")
		}
	case frame.KindCloseInput:
		if in != nil {
			in.end()
		}
	case frame.KindGrant:
		if len(payload) != 4 {
			return errPayload
		}
		credit.grant(int(binary.LittleEndian.Uint32(payload)))
	case frame.KindSignal:
		return x.signal(unix.Signal(h.Detail), payload)
	case frame.KindResize:
		return x.resize(payload)
	default:
		return errors.New("the kind is not for the agent")
	}
	return nil
}

func (x *execution) signal(sig unix.Signal, payload []byte) error {
	if len(payload) != 1 {
		return errPayload
	}
	delivered := byte(0)
	if payload[0]&frame.SignalTree != 0 {
		go x.signalTree(sig)
		delivered = 1
	} else if x.agent.table.signalGroup(x, sig) {
		delivered = 1
	}
	if payload[0]&frame.SignalReply != 0 {
		x.send(frame.KindSignalled, 0, []byte{delivered})
	}
	return nil
}

func (x *execution) send(kind frame.Kind, detail uint8, payload []byte) {
	x.agent.conn.send(frame.Header{Kind: kind, Detail: detail, Execution: x.id}, payload)
}

// run starts the traffic of a program that runs.
func (x *execution) run() {
	x.send(frame.KindStarted, 0, nil)
	for _, in := range x.inputs() {
		go in.run()
	}
	x.pumps.Add(len(x.outputs))
	for _, o := range x.outputs {
		go o.pump()
	}
	if limit := time.Duration(x.spec.Limits.CPU); limit > 0 && x.agent.ownProc {
		go x.watchCPU(limit)
	}
	close(x.running)
}

// release makes the traffic come to its end.
func (x *execution) release() {
	close(x.gone)
	for _, o := range x.outputs {
		o.credit.release()
		o.end()
	}
	for _, in := range x.inputs() {
		in.stop()
	}
}

// inputs are those that the program has.
func (x *execution) inputs() []*input {
	var all []*input
	if x.input != nil {
		all = append(all, x.input)
	}
	if x.channel != nil {
		all = append(all, x.channel.input)
	}
	return all
}

// ended is called once, when the program itself has been reaped. It waits until
// everything the program wrote is on its way, ends its tree where no control
// group does, and says the last word. A nil status is not known.
func (x *execution) ended(status *unix.WaitStatus) {
	<-x.running
	if x.failed {
		return
	}
	x.release()
	x.pumps.Wait()
	x.closeFiles()
	var exit frame.Exit
	exit.CPU, exit.Left = x.endTree()
	exit.Peak = x.peakMemory()
	x.agent.table.remove(x)
	switch {
	case status == nil:
	case status.Exited():
		code := status.ExitStatus()
		exit.Code = &code
	case status.Signaled():
		exit.Signal = int(status.Signal())
	}
	payload, _ := json.Marshal(exit) // plain numbers always encode
	x.send(frame.KindExited, 0, payload)
}

// fail ends an execution whose program could not be started.
func (x *execution) fail(reason string) {
	x.closeFiles()
	for _, in := range x.inputs() {
		in.close()
	}
	x.agent.table.remove(x)
	x.send(frame.KindNotStarted, 0, []byte(reason))
	x.failed = true
	close(x.running)
}

func (x *execution) closeFiles() {
	for _, o := range x.outputs {
		o.file.Close()
	}
}

// resources are the names of frame.ResourceLimit.
var resources = map[string]int{
	"data": unix.RLIMIT_DATA, "nofile": unix.RLIMIT_NOFILE, "nproc": unix.RLIMIT_NPROC, "fsize": unix.RLIMIT_FSIZE,
	"core": unix.RLIMIT_CORE, "memlock": unix.RLIMIT_MEMLOCK, "stack": unix.RLIMIT_STACK, "msgqueue": unix.RLIMIT_MSGQUEUE,
}

// minOpenFiles is what the agent itself needs for a handful of executions.
const minOpenFiles = 64

// setLimits sets limits for the agent and so for all programs. A hard limit
// that is lower already stays.
func setLimits(limits []frame.ResourceLimit) error {
	for _, limit := range limits {
		resource, known := resources[limit.Name]
		if !known {
			return fmt.Errorf("there is no resource limit %q", limit.Name)
		}
		var have syscall.Rlimit
		if err := syscall.Getrlimit(resource, &have); err != nil {
			return fmt.Errorf("read limit %s: %w", limit.Name, err)
		}
		value := limit.Value
		if resource == unix.RLIMIT_NOFILE {
			value = max(value, minOpenFiles)
		}
		value = min(value, have.Max)
		// syscall's, not unix': programs would get back the limit of open
		// files with which the agent began.
		if err := syscall.Setrlimit(resource, &syscall.Rlimit{Cur: value, Max: value}); err != nil {
			return fmt.Errorf("set limit %s: %w", limit.Name, err)
		}
	}
	return nil
}

// programLimits are a command's own. RLIMIT_NPROC counts all tasks of the uid,
// so those that are there already come on top, and a keeper.
func (a *agent) programLimits(l frame.Limits) ([]rlimit, error) {
	processes := l.Processes
	if processes > 0 {
		processes += int64(tasks())
		if a.keeps {
			processes++
		}
	}
	var limits []rlimit
	for resource, value := range map[int]int64{unix.RLIMIT_NPROC: processes, unix.RLIMIT_DATA: l.Data} {
		if value == 0 {
			continue
		}
		var have syscall.Rlimit
		if err := syscall.Getrlimit(resource, &have); err != nil {
			return nil, err
		}
		bound := min(uint64(value), have.Max)
		limits = append(limits, rlimit{uintptr(resource), syscall.Rlimit{Cur: bound, Max: bound}})
	}
	return a.addStack(limits, l.Stack)
}

// addStack adds the soft limit of a stack. It does not bound what a program may
// use, but how far its stack may grow; the hard one is as the agent found it.
func (a *agent) addStack(limits []rlimit, bytes int64) ([]rlimit, error) {
	if bytes == 0 {
		return limits, nil
	}
	var have syscall.Rlimit
	if err := syscall.Getrlimit(unix.RLIMIT_STACK, &have); err != nil {
		return nil, err
	}
	return append(limits, rlimit{unix.RLIMIT_STACK, syscall.Rlimit{Cur: min(uint64(bytes), have.Max), Max: have.Max}}), nil
}

// readLimits reads the same limits back.
func readLimits(asked []frame.ResourceLimit) ([]frame.ResourceLimit, error) {
	var found []frame.ResourceLimit
	for _, limit := range asked {
		var have syscall.Rlimit
		if err := syscall.Getrlimit(resources[limit.Name], &have); err != nil {
			return nil, fmt.Errorf("read limit %s: %w", limit.Name, err)
		}
		found = append(found, frame.ResourceLimit{Name: limit.Name, Value: have.Cur})
	}
	return found, nil
}

// usedPoll is how often the processor time of a limited tree is read.
const usedPoll = 50 * time.Millisecond

// watchCPU tells the server when a tree without a control group has used up
// its processor time.
func (x *execution) watchCPU(limit time.Duration) {
	ticks := time.NewTicker(usedPoll)
	defer ticks.Stop()
	for {
		select {
		case <-x.gone:
			return
		case <-ticks.C:
		}
		if x.usedNow() >= limit {
			x.send(frame.KindCPUExceeded, 0, nil)
			return
		}
	}
}

// peakMemory is what the largest process held at most; nil is not known. A
// program begins in the memory of the agent, and the kernel counts that as its
// own (getrusage(2)): only what exceeds it says something.
func (x *execution) peakMemory() *int64 {
	peak := x.peak.Load()
	if peak == 0 || peak <= ownPeak() {
		return nil
	}
	return &peak
}

// ownPeak is the most memory that the agent held, in bytes.
func ownPeak() int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return math.MaxInt64
	}
	_, rest, _ := strings.Cut(string(text), "\nVmHWM:")
	line, _, _ := strings.Cut(rest, " kB")
	kib, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	if err != nil {
		return math.MaxInt64
	}
	return kib << 10
}

// usedNow is the processor time of the live members and of what has been
// reaped of the tree.
func (x *execution) usedNow() time.Duration {
	sum := time.Duration(0)
	all, members := x.look()
	for _, pid := range members {
		sum += all[pid].used
	}
	if len(members) > 0 {
		sum += all[x.keeper].usedBelow
	}
	return sum
}
