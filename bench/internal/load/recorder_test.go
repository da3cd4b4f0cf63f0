package load

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/bench/internal/measure"
	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
)

func TestPercentilesOfKnownLatencies(t *testing.T) {
	r := newRecorder(2)
	for i := range 1000 {
		r.ended(i%2, time.Duration(i+1)*time.Millisecond, nil)
	}
	l := latencyOf(r.roll(), true)
	for _, p := range []struct {
		got  *float64
		want float64
	}{{l.Median, 500}, {l.P90, 900}, {l.P99, 990}, {l.P999, 999}} {
		if p.got == nil || math.Abs(*p.got-p.want) > p.want/500 { // three digits
			t.Errorf("got %v, want %v", p.got, p.want)
		}
	}
	var counted int64
	for _, b := range l.Buckets {
		counted += b.Count
	}
	if l.N != 1000 || counted != 1000 || r.totals[0].TotalCount() != 500 || r.roll().TotalCount() != 0 {
		t.Errorf("%d samples, %d in buckets", l.N, counted)
	}
}

func TestAPercentileOfTooFewIsNotGiven(t *testing.T) {
	r := newRecorder(1)
	for range 50 {
		r.ended(0, time.Millisecond, nil)
	}
	if l := latencyOf(r.roll(), false); l.P95 == nil || l.P99 != nil || l.P999 != nil {
		t.Errorf("%+v", l)
	}
	if l := latencyOf(newHistogram(), true); l.N != 0 || l.Median != nil {
		t.Errorf("of none: %+v", l)
	}
}

func TestFailuresAreCountedByCode(t *testing.T) {
	r := newRecorder(1)
	for _, err := range []error{
		fmt.Errorf("session.execute: %w", &jsonrpc.Error{Code: -32005}), fmt.Errorf("x: %w", client.ErrClosed), context.DeadlineExceeded,
		&commandError{"NotFound", "no such file"}, &measure.WrongOutput{Got: "a", Want: "b"}, errors.New("odd"),
		fmt.Errorf("x: %w: %w", client.ErrConnectionLost, errors.New("reset")),
	} {
		r.ended(0, time.Second, err)
	}
	for _, name := range []string{"-32005 Busy", "connection closed", "no answer in time", "command: NotFound", "wrong output", "other: odd", "connection lost before the answer"} {
		if r.errors[name] != 1 {
			t.Errorf("%s: %d of %v", name, r.errors[name], r.errors)
		}
	}
	if r.failures() != 7 || r.wrong.Load() != 1 || r.roll().TotalCount() != 0 {
		t.Errorf("%d failures, %d wrong", r.failures(), r.wrong.Load())
	}
}

func TestFailuresOfManyTextsKeepFewNames(t *testing.T) {
	r := newRecorder(1)
	for i := range 1000 {
		r.ended(0, time.Second, fmt.Errorf("odd %d", i))
	}
	if len(r.errors) != mostKinds+1 || r.errors["other: odd 0"] != 1 || r.errors[other] != 1000-mostKinds || r.failures() != 1000 {
		t.Errorf("%d names, %d others, %d failures", len(r.errors), r.errors[other], r.failures())
	}
}

func TestTheMemoryIsFoundAmongTheMetrics(t *testing.T) {
	text := "# HELP x\nprocess_resident_memory_bytes_total 1\nprocess_resident_memory_bytes 4.2e+07\n"
	if v, err := gauge(strings.NewReader(text), "process_resident_memory_bytes"); err != nil || v != 4.2e7 {
		t.Errorf("%v, %v", v, err)
	}
	if m := newMeter("wss://h:1/ws/jsonrpc", ""); m.url != "https://h:1/metrics" {
		t.Error(m.url)
	}
}
