package guestlink

import (
	"github.com/codebeaker/codebeaker/runtimes"
)

// maxUnpaid is the most output that an honest agent sends without grants: the
// window, and at the end what was in the pipes, each of at most 1 MiB, pipe(7).
const maxUnpaid = runtimes.Window + 2<<20

// output delivers what the program wrote.
func (p *process) output(stream runtimes.Stream, b []byte) error {
	f := &p.flow
	switch {
	case stream == runtimes.Channel && p.channel != nil:
		f = p.channel
	case stream < runtimes.Stdout || stream > runtimes.Terminal || (stream == runtimes.Terminal) != p.terminal:
		return protocolError("output of stream %d", stream)
	}
	p.mu.Lock()
	f.unpaid += len(b)
	tooMuch := f.unpaid > maxUnpaid && !p.pastEnd
	fired := false
	if f == &p.flow {
		part, over := p.withinLimitLocked(b)
		p.cut[stream-1] = p.cut[stream-1] || len(part) < len(b)
		b, fired = part, over
	}
	p.mu.Unlock()
	if tooMuch {
		return protocolError("%d bytes of output beyond what was granted", maxUnpaid)
	}
	if len(b) > 0 {
		p.sink.Output(stream, b)
	}
	if fired {
		p.Stop(runtimes.OutputLimitExceeded)
	}
	return nil
}

// withinLimitLocked is the part of b below the output limit; fired tells that
// it is now reached.
func (p *process) withinLimitLocked(b []byte) (part []byte, fired bool) {
	switch {
	case p.pastEnd:
		return nil, false
	case p.outputLeft == 0:
		return b, false
	case int64(len(b)) <= p.outputLeft:
		p.outputLeft -= int64(len(b))
		if p.outputLeft == 0 {
			p.outputLeft = -1 // reached exactly: the next byte is too many
		}
		return b, false
	}
	part = b[:max(0, p.outputLeft)]
	p.pastEnd = true
	return part, true
}
