package runtimes

import (
	"net/netip"
	"time"
)

// NetworkFlow is a TCP connection that a session made, or an exchange of datagrams,
// after its end; or one that it could not make.
type NetworkFlow struct {
	// Protocol is "tcp" or "udp".
	Protocol string
	// To is where it led: the relay's own address for the host's resolver.
	To      netip.AddrPort
	Outcome FlowOutcome
	// Sent and Received are bytes of payload.
	Sent, Received int64
	Duration       time.Duration
	// Count is how many flows this one stands for, since there were more than
	// are told one by one: of those only Sent and Received are known. Zero is one.
	Count int64
}

// FlowOutcome is what came of a flow.
type FlowOutcome string

// The outcomes.
const (
	FlowEnded   FlowOutcome = "Completed"
	FlowRefused FlowOutcome = "Refused" // by where it would have led
	FlowLimited FlowOutcome = "Limited" // the session had as many as it may have
	FlowFailed  FlowOutcome = "Failed"  // the other side refused, or did not answer
)
