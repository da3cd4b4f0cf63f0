package kernel

import (
	"errors"
	"strconv"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// Life numbers the process that runs cells: a kernel with a zygote goes on when
// that has ended, and begins anew, without its variables. Whenever the number has
// changed, that has happened.
func (k *Kernel) Life() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.life
}

// Reset makes the kernel begin anew, and returns the number of the life that
// follows. ok is false where it cannot, or runs a cell: then start another.
// Settled tells whether it has.
func (k *Kernel) Reset() (life int, ok bool) {
	k.mu.Lock()
	busy := k.current != nil
	k.mu.Unlock()
	if busy {
		return 0, false
	}
	return k.endLife()
}

// Settled reports whether the kernel is ready, or has never been. One that begins
// anew is waited for, at most for d; what takes longer is to be closed.
func (k *Kernel) Settled(d time.Duration) bool {
	k.mu.Lock()
	if !k.zygote || k.ready && !k.asked {
		k.mu.Unlock()
		return true
	}
	if k.settled == nil {
		k.settled = make(chan struct{})
	}
	settled := k.settled
	k.mu.Unlock()
	late := time.NewTimer(d)
	defer late.Stop()
	select {
	case <-settled:
		return true
	case <-k.gone:
	case <-late.C:
	}
	return false
}

// maxSignal is the last one, signal(7).
const maxSignal = 64

// answerTime is how long a zygote has to end its child.
const answerTime = time.Second

// endLife asks the zygote to end its child. One that does not is killed.
func (k *Kernel) endLife() (next int, ok bool) {
	k.mu.Lock()
	life := k.life
	able := k.zygote && k.ready && !k.ended && k.broken == ""
	if able {
		k.asked = true
	}
	k.mu.Unlock()
	if !able {
		return 0, false
	}
	word := strconv.Itoa(life) + "\n"
	if n, err := k.process.Input([]byte(word)); err != nil || n < len(word) {
		return 0, false
	}
	time.AfterFunc(answerTime, func() {
		k.mu.Lock()
		late := k.life == life && !k.ended
		k.mu.Unlock()
		if late {
			k.Close()
		}
	})
	return life + 1, true
}

// kill ends what runs cells.
func (k *Kernel) kill() {
	if _, ok := k.endLife(); !ok {
		_, _ = k.process.Signal(runtimes.SIGKILL) // else the environment is lost
	}
}

// anew is told by the zygote: its child has ended. It reads nothing but the mark
// from then on, so that the next child does not get what was on its way.
func (k *Kernel) anew(c *cell, h *header) error {
	k.mu.Lock()
	if !k.ready {
		k.mu.Unlock()
		return errors.New("it has ended before it was ready")
	}
	k.ready, k.asked = false, false
	k.life++
	k.queue = nil
	k.queueLocked(k.mark)
	k.mu.Unlock()
	if c == nil {
		return nil
	}
	exit := runtimes.Exit{Usage: runtimes.Usage{Wall: time.Since(c.begin)}}
	switch {
	case h.Signal > 0 && h.Signal <= maxSignal:
		exit.Status, exit.Signal = runtimes.Signalled, runtimes.Signal(h.Signal).String()
	case h.Exit != nil:
		code := *h.Exit & 0xff
		exit.Status, exit.Code = runtimes.Completed, &code
		if code != 0 {
			exit.Status = runtimes.NonZeroExit
		}
	default:
		return errors.New("an end without a reason")
	}
	k.tell.Unlock()
	k.end(c, nil, exit)
	k.tell.Lock()
	return nil
}
