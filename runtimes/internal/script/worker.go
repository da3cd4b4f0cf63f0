package script

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"time"
)

// Parsers of code recurse, and some inputs cost them more than they are worth: a
// few megabytes of brackets take gigabytes of stack, which ends a Go program, and
// nested arrows take time without end. So whatever is large, and all TypeScript, is
// prepared by a worker: this program once more, with limits, that may be lost.
const (
	// workerName is the name under which a program starts itself as a worker.
	workerName = "codebeaker-script"
	// small is how long JavaScript may be that is prepared here, in bytes.
	small = 32 << 10
	// workTime is how long a worker may take for a cell, and workTimeMiB how much
	// longer for each MiB of it, which takes 0.2 to 0.8 s on a machine that is idle.
	workTime    = 5 * time.Second
	workTimeMiB = 2 * time.Second
	// workStack and workMemory are what it may have for that, in bytes.
	workStack  = 128 << 20
	workMemory = 1 << 30
	// workIdle is how long one that has nothing to do is kept.
	workIdle = time.Minute
)

// confine sets the limits of a worker, where the system has such.
var confine func()

// A program that was started as a worker is nothing else.
func init() {
	if len(os.Args) != 1 || os.Args[0] != workerName {
		return
	}
	debug.SetMaxStack(workStack)
	if confine != nil {
		confine()
	}
	if serve(os.Stdin, os.Stdout) != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// question is what a worker is asked, answer what it says.
type question struct {
	Source  string
	Options Options
}

type answer struct {
	Code  string
	Error *SyntaxError
}

func serve(from io.Reader, to io.Writer) error {
	in := bufio.NewReader(from)
	for {
		var q question
		if err := receive(in, &q); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		var a answer
		code, err := rewrite(q.Source, q.Options)
		if err != nil && !errors.As(err, &a.Error) {
			return err
		}
		a.Code = code
		if err := send(to, &a); err != nil {
			return err
		}
	}
}

func send(to io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = to.Write(append(binary.LittleEndian.AppendUint32(nil, uint32(len(b))), b...))
	return err
}

func receive(from io.Reader, v any) error {
	var size [4]byte
	if _, err := io.ReadFull(from, size[:]); err != nil {
		return err
	}
	b := make([]byte, binary.LittleEndian.Uint32(size[:]))
	if _, err := io.ReadFull(from, b); err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

// place is where a worker may be, one for each that may work at once.
type place struct {
	worker *worker // nil when there is none
}

type worker struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  io.Reader
	idle *time.Timer
}

// places holds those that nobody uses.
var places = func() chan *place {
	all := make(chan *place, max(1, min(4, runtime.NumCPU())))
	for range cap(all) {
		all <- &place{}
	}
	return all
}()

// errUnreadable is what is said of code that a worker was lost with.
var errUnreadable = &SyntaxError{Line: 1, Message: "the code is nested too deeply, or too large, to be prepared"}

// byWorker has a worker prepare a cell.
func byWorker(source string, o Options) (string, error) {
	p := <-places
	defer func() { places <- p }()
	w, err := p.take()
	if err != nil {
		return "", &SyntaxError{Line: 1, Message: "the code could not be prepared: no worker could be started on the server"}
	}
	lost := time.AfterFunc((workTime+time.Duration(len(source))*workTimeMiB>>20)*strain, func() { _ = w.cmd.Process.Kill() })
	var a answer
	err = send(w.in, &question{source, o})
	if err == nil {
		err = receive(w.out, &a)
	}
	if !lost.Stop() || err != nil {
		w.end()
		return "", errUnreadable
	}
	p.keep(w)
	if a.Error != nil {
		return "", a.Error
	}
	return a.Code, nil
}

// take is the worker of the place, or a new one.
func (p *place) take() (*worker, error) {
	if w := p.worker; w != nil {
		p.worker = nil
		if w.idle.Stop() {
			return w, nil
		}
	}
	return start()
}

// keep leaves a worker for the next cell, for some time.
func (p *place) keep(w *worker) {
	p.worker = w
	w.idle = time.AfterFunc(workIdle, w.end)
}

func start() (*worker, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	w := &worker{cmd: &exec.Cmd{Path: path, Args: []string{workerName}, Env: []string{}}}
	if w.in, err = w.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if w.out, err = w.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	return w, w.cmd.Start()
}

// end ends a worker.
func (w *worker) end() {
	_ = w.in.Close()
	_ = w.cmd.Process.Kill()
	_ = w.cmd.Wait()
}
