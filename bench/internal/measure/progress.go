package measure

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
)

// Bar tells of phases of steps. It is used by one goroutine.
type Bar struct {
	out   io.Writer
	shown bool // as a bar
	bar   *progressbar.ProgressBar
	began time.Time
	phase string
}

// NewBar makes one that writes to out, as a bar when that is a terminal.
func NewBar(out io.Writer) *Bar { return &Bar{out: out, shown: Terminal(out)} }

// Terminal reports whether somebody watches the output.
func Terminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && f.Name() != os.DevNull
}

// Begin starts a phase.
func (b *Bar) Begin(phase string, steps int) {
	b.phase, b.began = phase, time.Now()
	if !b.shown {
		fmt.Fprintf(b.out, "%s …\n", phase)
		return
	}
	b.bar = progressbar.NewOptions(steps, progressbar.OptionSetWriter(b.out), progressbar.OptionSetDescription(phase),
		progressbar.OptionSetWidth(24), progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
}

// Step says that one more step is done, and what comes now.
func (b *Bar) Step(doing string) {
	if b.bar != nil {
		b.bar.Describe(fmt.Sprintf("%s: %-32.32s", b.phase, doing))
		_ = b.bar.Add(1) // a terminal that is gone is no matter
	}
}

// End ends the phase.
func (b *Bar) End() {
	if b.bar != nil {
		_ = b.bar.Finish()
		b.bar = nil
	}
	fmt.Fprintf(b.out, "%s: %.1f s\n", b.phase, time.Since(b.began).Seconds())
}

// Note writes a line.
func (b *Bar) Note(format string, args ...any) { fmt.Fprintf(b.out, format+"\n", args...) }
