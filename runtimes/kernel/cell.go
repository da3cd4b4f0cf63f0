package kernel

import (
	"errors"
	"regexp"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/codebeaker/codebeaker/runtimes"
)

// The bounds of what a cell gives back.
const (
	// MaxText is how many bytes a value, a message or a traceback has at most.
	MaxText = 64 << 10
	// MaxDisplays is how many displays a cell has at most, MaxDisplay how many bytes
	// each, and MaxDisplayBytes how many all of them.
	MaxDisplays     = 64
	MaxDisplay      = 4 << 20
	MaxDisplayBytes = 16 << 20
	// SecondInterrupt is how long after an interrupt a cell gets another, until it is
	// killed.
	SecondInterrupt = 50 * time.Millisecond
)

// Cell is code to run.
type Cell struct {
	Code string
	// Language is one of the engine's; zero is its first.
	Language runtimes.Language
	// Number is the cell's in the names of its source: "<cell 3>".
	Number int
	// Timeout is when the caller will stop the cell, for engines that must know
	// beforehand; zero is none.
	Timeout time.Duration
	// Env are variables, "KEY=value", which stay for the cells after it.
	Env []string
	// Stdin is what the code reads from its standard input; OpenStdin keeps that
	// open after it, until Process.CloseInput.
	Stdin     []byte
	OpenStdin bool
	// OutputBytes bounds what the cell prints, below the environment's limit of an
	// execution; zero is that.
	OutputBytes int64
}

// CellSink is told what a cell does. The calls for one kernel come one after
// another and must return at once, as those of a runtimes.Sink. Started is told
// when the code begins; Exited is the last call.
type CellSink interface {
	runtimes.Sink
	// Display tells of a display in its place among the output. d is the sink's to
	// keep.
	Display(d Display)
	// Result tells what came of the cell, before Exited, unless the kernel died.
	Result(r *Result)
}

// Display is something to show, in one or more forms.
type Display struct {
	Parts []Part
	// Main: it is that of the cell's value.
	Main bool
	// Cut: forms that were too long are left out.
	Cut bool
}

// Part is one form of a Display.
type Part struct {
	Type string // a MIME type
	Data []byte
}

// Result is what came of a cell.
type Result struct {
	// Value is the text of the last expression's value, HasValue that there is one;
	// ValueCut that it is only the beginning.
	Value    string
	HasValue bool
	ValueCut bool
	// Main is the value in all its forms, nil where the text is the only one.
	Main *Display
	// Exception is the uncaught one, or nil.
	Exception *Exception
	// Omitted is how many displays there were beyond the bounds, as far as is known.
	Omitted int
	// Kept: the variables are there for the next cell. False: the kernel ends, and
	// another is to be started.
	Kept bool
}

// Exception is one that the code did not catch. Lines are those of the cell.
type Exception struct {
	Name, Message, Traceback string
}

// cell is a cell that runs, as a process.
type cell struct {
	k     *Kernel
	of    Cell
	id    int64
	sink  CellSink
	begin time.Time
	done  chan struct{} // closed when it has ended

	shown, shownBytes, omitted int // displays; guarded by k.tell

	// Guarded by k.mu.
	begun      bool // its sink has been told Started
	ended      bool // its result is here, or the kernel is gone
	stopped    runtimes.Status
	owed       int // output that was told and not granted back
	left       int64
	cut        [3]bool
	signalling int    // interrupts on their way
	finish     func() // what waits for them
	run        []byte // the message, until it has been queued
	open       bool   // takes input
	early      [][]byte
	waits      bool // early has to wait for the kernel's word
	onTheWay   int  // bytes of input that the kernel has not taken
	starved    bool // Input has accepted less than it was given
}

// Grant gives back n bytes of the output window.
func (c *cell) Grant(n int) {
	c.k.mu.Lock()
	n = min(n, c.owed)
	c.owed -= n
	c.k.mu.Unlock()
	if n > 0 {
		c.k.grant(n)
	}
}

// Input hands bytes to the cell.
func (c *cell) Input(p []byte) (int, error) {
	k := c.k
	k.mu.Lock()
	defer k.mu.Unlock()
	if !c.open || c.ended {
		return 0, runtimes.ErrInputClosed
	}
	n := min(len(p), runtimes.InputBuffer-c.onTheWay)
	c.starved = n < len(p)
	if n <= 0 {
		return 0, nil
	}
	m, err := message(&header{Op: "input", Parts: []part{{Name: "data", Bytes: n}}}, p[:n])
	if err != nil {
		return 0, err
	}
	c.onTheWay += n
	c.queueLocked(m)
	return n, nil
}

// CloseInput makes the cell read end of file after what was accepted.
func (c *cell) CloseInput() {
	k := c.k
	k.mu.Lock()
	defer k.mu.Unlock()
	if c.open && !c.ended {
		c.open = false
		m, _ := message(&header{Op: "eof"}) // it is short
		c.queueLocked(m)
	}
}

// queueLocked sends a message behind the cell's own.
func (c *cell) queueLocked(m []byte) {
	if c.run != nil || c.waits {
		c.early = append(c.early, m)
		return
	}
	c.k.queueLocked(m)
}

// openLocked sends what came too early.
func (c *cell) openLocked() {
	c.waits = false
	for _, m := range c.early {
		c.k.queueLocked(m)
	}
	c.early = nil
}

// Channel is nil: it is the kernel's.
func (c *cell) Channel() runtimes.Flow { return nil }

// Resize fails: a cell has no terminal.
func (c *cell) Resize(runtimes.TerminalSize) error { return runtimes.ErrNoTerminal }

// sigint interrupts a cell.
const sigint runtimes.Signal = 2

// Signal sends a signal to the kernel's process group; SIGINT interrupts the cell.
func (c *cell) Signal(sig runtimes.Signal) (bool, error) {
	k := c.k
	k.mu.Lock()
	if !c.begun || c.ended {
		k.mu.Unlock()
		return false, nil
	}
	c.signalling++
	k.mu.Unlock()
	k.signalled.Store(true)
	delivered, err := k.process.Signal(sig)
	k.mu.Lock()
	c.signalling--
	finish := c.finish
	if c.signalling > 0 {
		finish = nil
	}
	if finish != nil {
		c.finish = nil
	}
	k.mu.Unlock()
	if finish != nil {
		finish()
	}
	return delivered, err
}

// Stop interrupts the cell, again a little later, and ends the kernel when that
// does not help.
func (c *cell) Stop(reason runtimes.Status) {
	k := c.k
	k.mu.Lock()
	defer k.mu.Unlock()
	if c.stopped != 0 || c.ended {
		return
	}
	c.stopped = reason
	if !c.begun {
		go k.cancel(c)
		return
	}
	go c.stop()
}

// stopGrace is how long a cell has to end once it is interrupted; tests on busy
// machines give more.
var stopGrace = runtimes.StopGrace

func (c *cell) stop() {
	go c.Signal(sigint) // an answer may fail to come
	kill := time.NewTimer(stopGrace)
	defer kill.Stop()
	again := time.NewTicker(SecondInterrupt) // the first may come before the code does
	defer again.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-again.C:
			go c.Signal(sigint)
		case <-kill.C:
			c.k.mu.Lock()
			ended := c.ended // at the last moment
			c.k.mu.Unlock()
			if !ended {
				c.k.kill()
			}
			return
		}
	}
}

// bundle takes the forms of a display out of a message.
func (h *header) bundle(body []byte) (d Display) {
	size := 0
	h.pieces(body, func(p part, data []byte) {
		if p.Name != "mime" || !mimeType.MatchString(p.Type) {
			return
		}
		if size+len(data) > MaxDisplay {
			d.Cut = true
			return
		}
		size += len(data)
		d.Parts = append(d.Parts, Part{p.Type, append([]byte(nil), data...)})
	})
	return d
}

// mimeType is type/subtype of RFC 6838, 4.2, maybe with parameters.
var mimeType = regexp.MustCompile(`^[A-Za-z0-9][\w!#$&^.+-]{0,126}/[A-Za-z0-9][\w!#$&^.+-]{0,126}(;[ -~]{0,200})?$`)

// result makes a Result of the message.
func (c *cell) result(h *header, body []byte) *Result {
	r := &Result{Kept: !h.Last, Omitted: c.omitted, ValueCut: h.cut("value")}
	if h.cut("displays") {
		r.Omitted = max(r.Omitted, 1) // the kernel does not count them
	}
	var message, traceback string
	h.pieces(body, func(p part, data []byte) {
		switch p.Name {
		case "value":
			cut := false
			r.HasValue = true
			r.Value, cut = text(data)
			r.ValueCut = r.ValueCut || cut
		case "message":
			message, _ = text(data)
		case "traceback":
			traceback, _ = text(data)
		}
	})
	if d := h.bundle(body); len(d.Parts) > 0 || d.Cut {
		d.Main, d.Cut = true, d.Cut || h.cut("forms") || h.cut("mime")
		r.Main = &d
	}
	if h.Status == "exception" {
		name, _ := text([]byte(h.ExceptionName))
		r.Exception = &Exception{Name: name, Message: message, Traceback: traceback}
	}
	if c.k.engine.mend != nil {
		c.k.engine.mend(&c.of, r)
	}
	return r
}

// text is valid UTF-8 of at most MaxText bytes.
func text(data []byte) (s string, cut bool) {
	if cut = len(data) > MaxText; cut {
		data = data[:MaxText]
		for i := 0; i < utf8.UTFMax && len(data) > 0; i++ { // not through a character
			if r, size := utf8.DecodeLastRune(data); r != utf8.RuneError || size != 1 {
				break
			}
			data = data[:len(data)-1]
		}
	}
	return strings.ToValidUTF8(string(data), "\uFFFD"), cut
}

// exitOf is how a cell ended that has a result.
func (c *cell) exitOf(h *header) runtimes.Exit {
	exit := runtimes.Exit{Usage: runtimes.Usage{Wall: time.Since(c.begin)}}
	if h.CPUMs != nil && *h.CPUMs >= 0 && *h.CPUMs < maxMs {
		used := time.Duration(*h.CPUMs * float64(time.Millisecond))
		exit.Usage.CPU = &used
	}
	code := 0
	switch {
	case h.Interrupted && c.of.Timeout > 0 && exit.Usage.Wall >= c.of.Timeout*9/10:
		exit.Status = runtimes.TimeLimitExceeded
	case h.Status == "exception":
		exit.Status = runtimes.Exception
	case h.Status == "exit":
		if h.Exit != nil {
			code = *h.Exit & 0xff
		}
		fallthrough
	default:
		exit.Status, exit.Code = runtimes.Completed, &code
		if code != 0 {
			exit.Status = runtimes.NonZeroExit
		}
	}
	return exit
}

const maxMs = 1e12

// Errors of Run.
var (
	// ErrBusy: a cell runs.
	ErrBusy = errors.New("the kernel runs another cell")
	// ErrGone: the kernel has ended.
	ErrGone = errors.New("the kernel has ended")
)

// cells numbers the cells of all kernels.
var cells atomic.Int64
