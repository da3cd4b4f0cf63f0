package egress

import (
	"encoding/json"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// line is one line that a relay writes to its server: one member of it.
type line struct {
	Counts *Counts               `json:",omitempty"`
	Flow   *runtimes.NetworkFlow `json:",omitempty"`
}

// flows are those of a relay that are to be told.
type flows struct {
	ended  chan runtimes.NetworkFlow
	missed atomic.Int64 // more than ended holds
	open   atomic.Int64
}

// maxUntold is how many flows wait to be told, each of some hundred bytes.
const maxUntold = 1024

// add tells of a flow. It never waits.
func (f *flows) add(flow runtimes.NetworkFlow) {
	select {
	case f.ended <- flow:
	default:
		f.missed.Add(1)
	}
}

// failed tells of a flow that did not come to be.
func (f *flows) failed(protocol string, to netip.AddrPort, outcome runtimes.FlowOutcome, began time.Time) {
	f.add(runtimes.NetworkFlow{Protocol: protocol, To: to, Outcome: outcome, Duration: time.Since(began)})
}

// write writes a flow, and how many were missed before it.
func (f *flows) write(to *json.Encoder, flow runtimes.NetworkFlow) error {
	if missed := f.missed.Swap(0); missed > 0 {
		if err := to.Encode(line{Flow: &runtimes.NetworkFlow{Outcome: runtimes.FlowEnded, Count: missed}}); err != nil {
			return err
		}
	}
	return to.Encode(line{Flow: &flow})
}

// lastFlows is how long the flows that are open at the end have to end.
const lastFlows = lastWords / 2

// rest writes the flows that end with the session.
func (f *flows) rest(to *json.Encoder) error {
	late := time.After(lastFlows)
	for pause := time.NewTicker(time.Millisecond); ; {
		select {
		case flow := <-f.ended:
			if err := f.write(to, flow); err != nil {
				return err
			}
		case <-pause.C:
			if f.open.Load() == 0 && len(f.ended) == 0 {
				return nil
			}
		case <-late:
			return nil
		}
	}
}

// Flows that are told one by one: so many at once, and so many a second. Beyond,
// a program that tries every port of a network would fill the disk of whoever
// keeps them.
const (
	flowBurst  = 300
	flowSecond = 5
)

// teller passes on what a relay tells of flows, which a hostile program may have
// taken over. One goroutine uses it at a time, but for to.
type teller struct {
	to     atomic.Pointer[func(runtimes.NetworkFlow)]
	tokens float64
	at     time.Time
	over   runtimes.NetworkFlow // Count of them; zero: none
}

// flow takes one flow.
func (t *teller) flow(f runtimes.NetworkFlow) {
	if !plausible(&f) {
		return
	}
	if f.Count == 0 && t.may() {
		t.tell(f)
		return
	}
	t.over.Outcome = runtimes.FlowEnded
	t.over.Count += max(f.Count, 1)
	t.over.Sent += f.Sent
	t.over.Received += f.Received
}

// rest tells of those that were too many, when there is room for it or at the end.
func (t *teller) rest(end bool) {
	if t.over.Count > 0 && (end || t.may()) {
		t.tell(t.over)
		t.over = runtimes.NetworkFlow{}
	}
}

func (t *teller) may() bool {
	now := time.Now()
	t.tokens = min(t.tokens+now.Sub(t.at).Seconds()*flowSecond, flowBurst)
	t.at = now
	if t.tokens < 1 {
		return false
	}
	t.tokens--
	return true
}

func (t *teller) tell(f runtimes.NetworkFlow) {
	if to := t.to.Load(); to != nil {
		(*to)(f)
	}
}

// plausible reports whether an honest relay could tell that.
func plausible(f *runtimes.NetworkFlow) bool {
	if f.Sent < 0 || f.Received < 0 || f.Duration < 0 || f.Count < 0 {
		return false
	}
	if f.Count > 0 {
		return true
	}
	switch f.Outcome {
	case runtimes.FlowEnded, runtimes.FlowRefused, runtimes.FlowLimited, runtimes.FlowFailed:
		return (f.Protocol == "tcp" || f.Protocol == "udp") && f.To.IsValid() && f.To.Addr().Zone() == ""
	}
	return false
}
