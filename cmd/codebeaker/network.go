package main

import (
	"github.com/codebeaker/codebeaker/runtimes/host"
	"github.com/codebeaker/codebeaker/transport"
)

// watchNetwork adds what sessions with a network carry to the metrics.
func watchNetwork(to *transport.Metrics, counts func() host.NetworkCounts) {
	for _, c := range []struct {
		name, help, label, value string
		of                       func(host.NetworkCounts) int64
	}{
		{flowsMetric, flowsHelp, "outcome", "opened", func(c host.NetworkCounts) int64 { return c.Opened }},
		{flowsMetric, flowsHelp, "outcome", "forbidden", func(c host.NetworkCounts) int64 { return c.Refused }},
		{flowsMetric, flowsHelp, "outcome", "limited", func(c host.NetworkCounts) int64 { return c.Limited }},
		{flowsMetric, flowsHelp, "outcome", "failed", func(c host.NetworkCounts) int64 { return c.Failed }},
		{bytesMetric, bytesHelp, "direction", "sent", func(c host.NetworkCounts) int64 { return c.Sent }},
		{bytesMetric, bytesHelp, "direction", "received", func(c host.NetworkCounts) int64 { return c.Received }},
	} {
		to.Count(c.name, c.help, c.label, c.value, func() int64 { return c.of(counts()) })
	}
}

const (
	flowsMetric = "codebeaker_network_flows_total"
	flowsHelp   = "Connections and exchanges of sessions with a network, by outcome."
	bytesMetric = "codebeaker_network_bytes_total"
	bytesHelp   = "Bytes that sessions with a network sent and received."
)
