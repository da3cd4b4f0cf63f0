package kernel

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// Options are those of a kernel; the zero value is valid.
type Options struct {
	// Dir is the working directory below the workspace, "" the workspace.
	Dir string
	// Env are additions to the environment's variables, "KEY=value".
	Env []string
	// Limits bound the kernel with all that it runs, for its whole life; its output
	// is bounded by cell.
	Limits runtimes.CommandLimits
	// Imports are the modules that a kernel of Python has imported before it is
	// ready. They are there again, for nothing, whenever it begins anew.
	Imports []string
	// Logger is told why a kernel was ended; nil is none.
	Logger *slog.Logger
}

// Kernel is one that runs. Its methods are safe for use by several goroutines.
type Kernel struct {
	// compiled is all of a kernel whose cells are compiled, nil of any other.
	compiled *compiled

	engine Engine
	place  runtimes.Environment
	logger *slog.Logger
	gone   chan struct{}
	// signalled: a signal has been sent since the last cell was given to it.
	signalled atomic.Bool
	room      chan struct{} // has a token when the channel may take more

	// tell is held while a cell is told something. It comes before mu, and no
	// method that a sink may call takes it.
	tell    sync.Mutex
	decoder decoder // of the goroutine that Output is called from

	process runtimes.Process // set before started is closed
	started chan struct{}

	mark []byte // the message anew, nil where there can be no zygote

	mu       sync.Mutex
	owed     int // of the channel, before process is set
	ready    bool
	zygote   bool              // its cells run in a child that another can follow
	life     int               // how many have ended
	asked    bool              // the present one is to end
	settled  chan struct{}     // of Settled; closed when it is ready
	env      map[string]string // what cells have set
	envLife  int               // that has it
	versions map[string]string
	broken   string // why the channel is not read any more
	ended    bool
	current  *cell
	kept     []chunk // what came between cells
	queue    [][]byte
	last     *Result // see leave
	lastExit runtimes.Exit
	writing  bool
}

// chunk is output that belongs to the next cell.
type chunk struct {
	stream runtimes.Stream
	bytes  []byte
}

// Start starts a kernel in the environment. It returns once the start is on its
// way; cells may be run at once, they wait until the kernel is ready. ctx bounds
// the call. Errors: those of Environment.Start.
func Start(ctx context.Context, env runtimes.Environment, e Engine, o Options) (*Kernel, error) {
	if e.compiler != nil {
		return startCompiled(env, e, o), nil
	}
	var mark []byte
	h := loadHeader(e.source)
	if e.zygote {
		h.Imports, h.Mark = o.Imports, rand.Text()
		mark, _ = message(&header{Op: "anew", Mark: h.Mark}) // it is short
	}
	load, err := message(h, []byte(e.source))
	if err != nil {
		return nil, err
	}
	k := &Kernel{
		mark: mark, decoder: decoder{mark: mark}, env: make(map[string]string),
		engine: e, place: env, logger: o.Logger, gone: make(chan struct{}), room: make(chan struct{}, 1), started: make(chan struct{}),
		queue: [][]byte{load}, writing: true,
	}
	if k.logger == nil {
		k.logger = slog.New(slog.DiscardHandler)
	}
	o.Limits.OutputBytes = -1
	process, err := env.Start(ctx, runtimes.Command{
		Name: e.name, Args: e.args, Dir: o.Dir, Env: append(append([]string(nil), e.env...), o.Env...), Channel: true, Limits: o.Limits,
		OpenStdin: e.zygote, // on which it hears that a child is to end
	}, (*sink)(k))
	if err != nil {
		return nil, err
	}
	k.process = process
	close(k.started)
	k.mu.Lock()
	owed := k.owed
	k.owed = 0
	k.mu.Unlock()
	if flow := process.Channel(); flow != nil {
		flow.Grant(owed)
	}
	go k.write(nil, true)
	return k, nil
}

// loadHeader is that of the message that brings a kernel its source.
func loadHeader(source string) *header {
	return &header{Op: "load", Parts: []part{{Name: "source", Bytes: len(source)}}}
}

// Gone is closed when the kernel's process has ended.
func (k *Kernel) Gone() <-chan struct{} { return k.gone }

// Versions are what the kernel says of itself once it is ready, by name, before
// that nil.
func (k *Kernel) Versions() map[string]string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.versions
}

// Close kills the kernel. It does not wait: Gone tells when it has ended.
func (k *Kernel) Close() {
	if k.compiled != nil {
		k.compiled.close()
		return
	}
	go k.process.Signal(runtimes.SIGKILL)
}

// Run runs one cell and returns it as a process: see the package's comment. It
// does not wait; sink is told what comes of it, maybe before Run returns, so that
// it is not to be called by a sink. Errors: ErrBusy while another cell runs; ErrGone; ErrTooLong.
func (k *Kernel) Run(of *Cell, sink CellSink) (runtimes.Process, error) {
	if k.compiled != nil {
		return k.compiled.run(of, sink)
	}
	c := &cell{
		k: k, of: *of, id: cells.Add(1), sink: sink, done: make(chan struct{}),
		open: of.OpenStdin,
	}
	c.of.OutputBytes = smallest(of.OutputBytes, k.place.Limits().OutputBytes)
	c.left = c.of.OutputBytes
	c.of.Stdin = nil
	run, failed, err := k.encode(of, c.id)
	if err != nil {
		return nil, err
	}
	c.run = run
	ready, err := k.accept(c)
	switch {
	case err != nil:
		return nil, err
	case failed != nil:
		go k.refuse(c, failed)
	case ready:
		k.send(c)
	}
	return c, nil
}

// accept makes a cell the current one, and reports whether it may be sent.
func (k *Kernel) accept(c *cell) (ready bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.ended:
		return false, ErrGone
	case k.current != nil:
		return false, ErrBusy
	}
	k.current = c
	return k.ready && !k.asked, nil
}

// smallest is the smaller limit, where zero is none.
func smallest(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// encode makes the message of a cell.
func (k *Kernel) encode(of *Cell, id int64) ([]byte, *Exception, error) {
	code := of.Code
	if k.engine.prepare != nil {
		var failed *Exception
		if code, failed = k.engine.prepare(of); failed != nil {
			return nil, failed, nil
		}
	}
	h := header{
		Op: "run", ID: id, Cell: &of.Number, TimeoutMs: of.Timeout.Milliseconds(), Stdin: "none",
		Parts: []part{{Name: "code", Bytes: len(code)}}, Settle: k.signalled.Swap(false),
	}
	if of.Language != 0 {
		h.Language = of.Language.String()
	}
	h.Env = k.variables(of.Env)
	switch {
	case of.OpenStdin:
		h.Stdin = "open"
	case len(of.Stdin) > 0:
		h.Stdin = "given"
	}
	if len(of.Stdin) > 0 {
		h.Parts = append(h.Parts, part{Name: "stdin", Bytes: len(of.Stdin)})
	}
	m, err := message(&h, []byte(code), of.Stdin)
	return m, nil, err
}

// variables are those that a cell sets, with those of earlier ones where the kernel
// has begun anew since.
func (k *Kernel) variables(of []string) map[string]string {
	k.mu.Lock()
	defer k.mu.Unlock()
	set := make(map[string]string, len(of))
	for _, variable := range of {
		name, value, _ := strings.Cut(variable, "=")
		set[name], k.env[name] = value, value
	}
	life := k.life
	if k.asked {
		life++
	}
	if k.envLife != life {
		k.envLife = life
		set = maps.Clone(k.env)
	}
	return set
}

// send tells a cell that it begins and gives it to the kernel.
func (k *Kernel) send(c *cell) {
	if !k.start(c) {
		return
	}
	k.mu.Lock()
	if c.ended { // the kernel has died, or the cell was cancelled
		k.mu.Unlock()
		return
	}
	first := !k.writing
	k.writing = true
	k.queueLocked(c.run)
	c.run = nil
	if c.waits = k.engine.opens && c.of.OpenStdin; !c.waits {
		c.openLocked()
	}
	k.mu.Unlock()
	if first {
		k.write(nil, false) // here and now: to wake another goroutine takes longer
	}
}

// start tells a cell that it begins, with what was printed before it.
func (k *Kernel) start(c *cell) bool {
	k.tell.Lock()
	defer k.tell.Unlock()
	k.mu.Lock()
	if c.begun || c.ended {
		k.mu.Unlock()
		return false
	}
	c.begun, c.begin = true, time.Now()
	kept := k.kept
	k.kept = nil
	k.mu.Unlock()
	c.sink.Started()
	for _, p := range kept {
		k.output(c, p.stream, p.bytes)
	}
	return true
}

// cancel ends a cell that was stopped before it began.
func (k *Kernel) cancel(c *cell) {
	if !k.start(c) {
		k.mu.Lock()
		running := c.begun && !c.ended
		k.mu.Unlock()
		if running { // it has begun meanwhile
			c.stop()
		}
		return
	}
	k.end(c, nil, runtimes.Exit{Message: "the code was stopped before it began: its kernel was still starting"})
}

// refuse ends a cell that cannot be given to the kernel.
func (k *Kernel) refuse(c *cell, failed *Exception) {
	if k.start(c) {
		k.end(c, &Result{Exception: failed, Kept: true}, runtimes.Exit{Status: runtimes.Exception})
	}
}

// end ends the current cell, once no interrupt of it is on its way any more: it
// would reach the next one.
func (k *Kernel) end(c *cell, r *Result, exit runtimes.Exit) {
	k.mu.Lock()
	if c.ended {
		k.mu.Unlock()
		return
	}
	c.ended = true
	close(c.done)
	finish := func() { k.finish(c, r, exit) }
	if c.signalling > 0 && !k.ended {
		c.finish = finish
		finish = nil
	}
	k.mu.Unlock()
	if finish != nil {
		finish()
	}
}

func (k *Kernel) finish(c *cell, r *Result, exit runtimes.Exit) {
	k.tell.Lock()
	defer k.tell.Unlock()
	if r != nil {
		c.sink.Result(r)
	}
	k.mu.Lock()
	if c.stopped != 0 && exit.Status != runtimes.EnvironmentLost {
		exit.Status, exit.Code = c.stopped, nil
	}
	exit.Cut = c.cut
	owed := c.owed
	c.owed = 0
	if k.current == c {
		k.current = nil
	}
	k.mu.Unlock()
	k.grant(owed)
	c.sink.Exited(exit)
}

// grant gives back room of the standard streams.
func (k *Kernel) grant(n int) {
	if n > 0 {
		k.process.Grant(n)
	}
}

// output tells the current cell what was printed.
func (k *Kernel) output(c *cell, stream runtimes.Stream, p []byte) {
	k.mu.Lock()
	told, over := p, false
	if c.of.OutputBytes > 0 {
		if over = int64(len(p)) > c.left; over {
			told = p[:c.left]
			c.cut[stream-1] = true
		}
		c.left -= int64(len(told))
	}
	c.owed += len(told)
	k.mu.Unlock()
	if len(told) > 0 {
		c.sink.Output(stream, told)
	}
	if over {
		k.grant(len(p) - len(told))
		c.Stop(runtimes.OutputLimitExceeded)
	}
}

// take handles a message of the kernel. It is called with tell held, which it
// gives up where a cell ends.
func (k *Kernel) take(h *header, body []byte) error {
	k.mu.Lock()
	c := k.current
	if c != nil && (!c.begun || c.ended) {
		c = nil
	}
	k.mu.Unlock()
	switch h.Op {
	case "ready":
		return k.becomeReady(h)
	case "display":
		return k.display(c, h, body)
	case "taken":
		return k.taken(c, h.Bytes)
	case "closed":
		if c != nil {
			k.mu.Lock()
			c.open = false
			k.mu.Unlock()
		}
	case "open":
		if c != nil {
			k.mu.Lock()
			c.openLocked()
			k.mu.Unlock()
		}
	case "anew":
	case "ended":
		return k.anew(c, h)
	case "result":
		if c == nil || h.ID != c.id {
			return errors.New("a result of no cell")
		}
		k.mu.Lock()
		unsent := c.run != nil
		k.mu.Unlock()
		if unsent {
			return errors.New("a result of a cell that it was not given")
		}
		r, exit := c.result(h, body), c.exitOf(h)
		if h.Last {
			k.leave(r, exit)
			return nil
		}
		k.tell.Unlock()
		k.end(c, r, exit)
		k.tell.Lock()
	default:
		return fmt.Errorf("a message %.40q", h.Op)
	}
	return nil
}

// leave keeps the last word of a kernel until it has ended, so that no other cell is
// given to it.
func (k *Kernel) leave(r *Result, exit runtimes.Exit) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.last == nil {
		k.last, k.lastExit = r, exit
		time.AfterFunc(leaveTime, k.Close)
	}
}

// leaveTime is how long a kernel has to end once it has said that it does.
const leaveTime = time.Second

func (k *Kernel) becomeReady(h *header) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ready {
		return errors.New("a kernel that is ready twice")
	}
	k.ready, k.versions, k.zygote, k.asked = true, h.Versions, h.Zygote, false
	if k.settled != nil {
		close(k.settled)
		k.settled = nil
	}
	if len(h.Failed) > 0 {
		k.logger.Warn("a kernel could not import what it was told to", "modules", h.Failed)
	}
	if c := k.current; c != nil && c.run != nil {
		go k.send(c)
	}
	return nil
}

// maxQueue is how many messages wait for a kernel that does not read.
const maxQueue = 1024

func (k *Kernel) display(c *cell, h *header, body []byte) error {
	if c != nil {
		c.shown++
		c.shownBytes += len(body)
		switch d := h.bundle(body); {
		case c.shown > MaxDisplays || c.shownBytes > MaxDisplayBytes:
			c.shownBytes -= len(body)
			c.omitted++
		case len(d.Parts) > 0 || d.Cut || h.displayCut():
			d.Cut = d.Cut || h.displayCut()
			c.sink.Display(d)
		}
	}
	m, err := message(&header{Op: "ack", N: h.N})
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.queue) > maxQueue {
		return errors.New("displays without waiting")
	}
	k.queueLocked(m)
	return nil
}

func (k *Kernel) taken(c *cell, n int64) error {
	if c == nil {
		return nil
	}
	k.mu.Lock()
	if n < 0 || n > int64(c.onTheWay) {
		k.mu.Unlock()
		return errors.New("more input taken than was given")
	}
	c.onTheWay -= int(n)
	starved := c.starved
	c.starved = false
	k.mu.Unlock()
	if starved {
		c.sink.InputReady()
	}
	return nil
}

// queueLocked sends a message after those that wait.
func (k *Kernel) queueLocked(m []byte) {
	if k.ended || k.broken != "" {
		return
	}
	k.queue = append(k.queue, m)
	if !k.writing {
		k.writing = true
		go k.write(nil, true)
	}
}

// write writes m and what waits behind it to the channel, as the kernel takes it.
// What is not taken at once, without wait, is left to a goroutine.
func (k *Kernel) write(m []byte, wait bool) {
	flow := k.process.Channel()
	for {
		for len(m) > 0 {
			n, err := flow.Input(m)
			if err != nil {
				k.destroy("it has closed its channel")
				break
			}
			if m = m[n:]; n > 0 {
				continue
			}
			if !wait {
				go k.write(m, true)
				return
			}
			select {
			case <-k.room:
			case <-k.gone:
				m = nil
			}
		}
		k.mu.Lock()
		if len(k.queue) == 0 || k.ended || flow == nil {
			k.queue, k.writing = nil, false
			k.mu.Unlock()
			return
		}
		m = k.queue[0]
		k.queue = k.queue[1:]
		k.mu.Unlock()
	}
}

// destroy ends a kernel that breaks the rules.
func (k *Kernel) destroy(reason string) {
	k.mu.Lock()
	first := k.broken == "" && !k.ended
	if first {
		k.broken = reason
		k.queue = nil
	}
	k.mu.Unlock()
	if first {
		go func() {
			<-k.started
			_, _ = k.process.Signal(runtimes.SIGKILL) // else it is gone already
		}()
	}
}

// sink is what the kernel's own process is told to.
type sink Kernel

func (s *sink) Started() {}

func (s *sink) Output(stream runtimes.Stream, p []byte) {
	k := (*Kernel)(s)
	k.tell.Lock()
	defer k.tell.Unlock()
	if stream == runtimes.Channel {
		k.channel(p)
		return
	}
	k.mu.Lock()
	c := k.current
	if c == nil || !c.begun || c.ended {
		k.kept = append(k.kept, chunk{stream, append([]byte(nil), p...)})
		k.mu.Unlock()
		return
	}
	k.mu.Unlock()
	k.output(c, stream, p)
}

// channel reads what the kernel says.
func (k *Kernel) channel(p []byte) {
	k.mu.Lock()
	broken := k.broken != ""
	known := k.process != nil && isClosed(k.started)
	if !known {
		k.owed += len(p)
	}
	k.mu.Unlock()
	if known {
		k.process.Channel().Grant(len(p))
	}
	if broken {
		return
	}
	if err := k.decoder.feed(p, k.take); err != nil {
		k.logger.Warn("a kernel is ended for what it sent", "err", err)
		k.destroy("what it sent could not be read: " + err.Error())
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (s *sink) InputReady() {
	select {
	case s.room <- struct{}{}:
	default:
	}
}

func (s *sink) Exited(exit runtimes.Exit) {
	k := (*Kernel)(s)
	k.mu.Lock()
	k.ended = true
	c := k.current
	k.queue = nil
	r, said := k.last, k.lastExit
	if k.broken != "" && exit.Status == runtimes.Signalled {
		exit.Message = "the kernel was ended: " + k.broken
	}
	k.mu.Unlock()
	close(k.gone)
	if c == nil {
		return
	}
	exit.Usage = runtimes.Usage{}
	if exit.Status != runtimes.CouldNotStart {
		k.start(c)
		exit.Usage.Wall = time.Since(c.begin)
	}
	if r != nil { // it has said what its last cell came to
		exit = said
	}
	k.end(c, r, exit)
	k.mu.Lock()
	finish := c.finish // an interrupt is on its way to nobody
	c.finish = nil
	k.mu.Unlock()
	if finish != nil {
		finish()
	}
}
