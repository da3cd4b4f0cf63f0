package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// lap measures each round, because the median says more than the mean on a
// machine that does other things too.
func lap(b *testing.B, round func()) {
	b.Helper()
	var took []time.Duration
	for b.Loop() {
		start := time.Now()
		round()
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2])/float64(time.Millisecond), "ms-median")
	b.ReportMetric(0, "ns/op")
}

// onEachBench runs the benchmark in a session of each runtime, over a real
// socket, with the Go client.
func onEachBench(b *testing.B, run func(b *testing.B, c *client.Client, create func() string)) {
	p := startServer(b)
	for _, r := range each {
		b.Run(r.kind.String(), func(b *testing.B) {
			needLanguage(b, p, r.kind, r.language)
			c, err := client.Dial(b.Context(), p.URL(), client.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			run(b, c, func() string {
				s, err := c.Create(b.Context(), protocol.SessionCreate{Language: r.language, RuntimeType: protocol.RuntimeType(r.kind.String())})
				if err != nil {
					b.Fatal(err)
				}
				return s.SessionID
			})
		})
	}
}

// A file of 1 KB is written and read back.
func BenchmarkWriteAndRead1KB(b *testing.B) {
	content := strings.Repeat("0123456789abcde\n", 64)
	onEachBench(b, func(b *testing.B, c *client.Client, create func() string) {
		id := create()
		lap(b, func() {
			if _, err := c.Exec(b.Context(), id, client.WriteText("file", content)); err != nil {
				b.Fatal(err)
			}
			if _, err := c.Exec(b.Context(), id, client.Read("file")); err != nil {
				b.Fatal(err)
			}
		})
	})
}

// A program that does nothing is run.
func BenchmarkExecuteTrue(b *testing.B) {
	onEachBench(b, func(b *testing.B, c *client.Client, create func() string) {
		id := create()
		lap(b, func() {
			if r, err := c.Exec(b.Context(), id, client.Program("true")); err != nil || !r.Success {
				b.Fatal(r, err)
			}
		})
	})
}

// A session is created and closed.
func BenchmarkCreateAndClose(b *testing.B) {
	onEachBench(b, func(b *testing.B, c *client.Client, create func() string) {
		lap(b, func() {
			if err := c.CloseSession(b.Context(), create()); err != nil {
				b.Fatal(err)
			}
		})
	})
}
