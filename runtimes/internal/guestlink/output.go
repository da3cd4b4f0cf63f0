package guestlink

import (
	"encoding/binary"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
)

// maxUnpaid is the most output that an honest agent sends without grants: the
// window, and at the end what was in the pipes, each of at most 1 MiB, pipe(7).
const maxUnpaid = runtimes.Window + 2<<20

// output delivers what the program wrote.
func (p *process) output(stream runtimes.Stream, b []byte) error {
	if stream < runtimes.Stdout || stream > runtimes.Terminal || (stream == runtimes.Terminal) != p.terminal {
		return protocolError("output of stream %d", stream)
	}
	p.mu.Lock()
	p.unpaid += len(b)
	tooMuch := p.unpaid > maxUnpaid && !p.pastEnd
	part, fired := p.withinLimitLocked(b)
	p.cut[stream-1] = p.cut[stream-1] || len(part) < len(b)
	b = part
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

// Grant gives back n bytes of the output window. Small grants are gathered
// while the program has credit left.
func (p *process) Grant(n int) {
	p.mu.Lock()
	n = min(n, p.unpaid)
	if n <= 0 || p.ended {
		p.mu.Unlock()
		return
	}
	p.unpaid -= n
	p.unsent += n
	credit := runtimes.Window - p.unpaid - p.unsent // the agent's view
	if credit > runtimes.Window/2 && p.unsent < runtimes.Window/4 {
		p.mu.Unlock()
		return
	}
	told := p.unsent
	p.unsent = 0
	p.mu.Unlock()
	p.send(frame.KindGrant, 0, binary.LittleEndian.AppendUint32(nil, uint32(told)))
}
