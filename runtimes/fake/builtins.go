package fake

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// builtins are the programs of every environment besides "true":
//
//	true              exit 0, without a goroutine
//	print TEXT...     the arguments to standard output, as they are
//	complain TEXT...  the arguments to standard error
//	fail CODE         exit with that code
//	cat               standard input to standard output
//	tee               standard input to both
//	sleep DURATION    as of time.ParseDuration
//	spill N           N bytes on both output streams, in turn
//	spill N M         N bytes on standard output, then M on standard error
//	trap              prints "ready", then each signal's name; SIGTERM ends it
//	stubborn          prints "ready" and ignores all but SIGKILL
//	crash             the environment is lost
//	env, pwd          variables, working directory
//	read PATH         a file of the workspace to standard output
//	write PATH TEXT   replaces a file, or makes it
//	remove PATH       removes one
//	size              COLUMNSxROWS of the terminal, again after each SIGWINCH
//	relay             the channel's input to its output, then prints "done"
//	relay N           N letters c to the channel, then prints "done"
//	python3, node, bun, deno
//	                  with a channel, a kernel: see kernel.go
var builtins = map[string]Program{
	"print":    func(r *Run) int { return say(r.Stdout(), r) },
	"complain": func(r *Run) int { return say(r.Stderr(), r) },
	"fail":     fail,
	"cat":      cat,
	"tee":      tee,
	"sleep":    sleep,
	"spill":    spill,
	"trap":     trap,
	"stubborn": stubborn,
	"crash":    func(r *Run) int { r.Crash(); return 1 },
	"env":      func(r *Run) int { return lines(r, r.Env()) },
	"pwd":      func(r *Run) int { return lines(r, []string{r.Dir()}) },
	"read":     readFile,
	"write":    writeFile,
	"remove":   removeFile,
	"size":     size,
	"relay":    relay,
	"python3":  runKernel,
	"node":     runKernel,
	"bun":      runKernel,
	"deno":     runKernel,
}

func say(to io.Writer, r *Run) int {
	if _, err := io.WriteString(to, strings.Join(r.Args(), " ")); err != nil {
		return 1
	}
	return 0
}

func lines(r *Run, lines []string) int {
	for _, line := range lines {
		if _, err := io.WriteString(r.Stdout(), line+"\n"); err != nil {
			return 1
		}
	}
	return 0
}

func usage(r *Run, text string) int {
	fmt.Fprintln(r.Stderr(), "usage:", text)
	return 2
}

func fail(r *Run) int {
	code, err := strconv.Atoi(r.Arg(0))
	if err != nil {
		return usage(r, "fail CODE")
	}
	return code
}

func cat(r *Run) int {
	if _, err := io.Copy(r.Stdout(), r); err != nil {
		return 1
	}
	return 0
}

func tee(r *Run) int {
	if _, err := io.Copy(io.MultiWriter(r.Stdout(), r.Stderr()), r); err != nil {
		return 1
	}
	return 0
}

func relay(r *Run) int {
	from := io.Reader(r.Channel())
	if len(r.Args()) > 0 {
		n, err := strconv.Atoi(r.Arg(0))
		if err != nil {
			return usage(r, "relay [N]")
		}
		from = bytes.NewReader(bytes.Repeat([]byte{'c'}, n))
	}
	if _, err := io.Copy(r.Channel(), from); err != nil {
		return 1
	}
	return lines(r, []string{"done"})
}

func sleep(r *Run) int {
	d, err := time.ParseDuration(r.Arg(0))
	if err != nil {
		return usage(r, "sleep DURATION")
	}
	if r.Sleep(d) != nil {
		return 1
	}
	return 0
}

// spill writes letters in pieces: both streams in turn, or one after the other.
func spill(r *Run) int {
	first, err := strconv.Atoi(r.Arg(0))
	if err != nil {
		return usage(r, "spill N [M]")
	}
	if len(r.Args()) == 1 {
		return spillPieces(r, first, first)
	}
	second, err := strconv.Atoi(r.Arg(1))
	if err != nil {
		return usage(r, "spill N [M]")
	}
	if code := spillPieces(r, first, 0); code != 0 {
		return code
	}
	return spillPieces(r, 0, second)
}

func spillPieces(r *Run, out, complain int) int {
	const piece = 32 << 10
	o, e := bytes.Repeat([]byte{'o'}, piece), bytes.Repeat([]byte{'e'}, piece)
	for out > 0 || complain > 0 {
		n, m := min(out, piece), min(complain, piece)
		if _, err := r.Stdout().Write(o[:n]); err != nil {
			return 1
		}
		if _, err := r.Stderr().Write(e[:m]); err != nil {
			return 1
		}
		out, complain = out-n, complain-m
	}
	return 0
}

func trap(r *Run) int {
	signals := r.Signals()
	lines(r, []string{"ready"})
	for {
		select {
		case sig := <-signals:
			lines(r, []string{sig.String()})
			if sig == runtimes.SIGTERM {
				return 0
			}
		case <-r.Killed():
			return 1
		}
	}
}

func stubborn(r *Run) int {
	r.Signals()
	lines(r, []string{"ready"})
	<-r.Killed()
	return 1
}

func size(r *Run) int {
	signals := r.Signals()
	for {
		now := r.Size()
		if _, err := fmt.Fprintf(r.Stdout(), "%dx%d\n", now.Columns, now.Rows); err != nil {
			return 1
		}
		select {
		case sig := <-signals:
			if sig == runtimes.SIGTERM {
				return 0
			}
		case <-r.Killed():
			return 1
		}
	}
}
