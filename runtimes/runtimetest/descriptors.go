package runtimetest

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

var descriptorCases = []testCase{
	{"AChannelCarriesBytesBothWays", channelBothWays},
	{"AChannelIsNoOutput", channelIsNoOutput},
	{"AChannelHasAWindowOfItsOwn", channelWindow},
	{"HeldOutputHoldsUpNoChannel", channelBesideHeldOutput},
	{"AChannelIsDescriptorsThreeAndFour", channelDescriptors},
	{"AChannelGoesWithATerminal", channelWithTerminal},
	{"AClosedChannelTakesNoInput", closedChannel},
	{"WithoutAskingThereIsNoChannel", noChannel},
	{"WhatWasPrintedBeforeComesBeforeTheChannel", channelInOrder},
}

// onChannel is a command with a channel.
func onChannel(cmd runtimes.Command) runtimes.Command {
	cmd.Channel = true
	return cmd
}

func channelBothWays(t *testing.T, s *suite) {
	p, r := s.start(t, s.environment(t), onChannel(s.programs.Relay()))
	text := bytes.Repeat([]byte("a line, \x00 and \xff\n"), 100_000)
	feed(t, p.Channel(), r, text[:10])
	r.until("the first bytes came back", func() bool { return r.size(runtimes.Channel) == 10 })
	feed(t, p.Channel(), r, text[10:])
	p.Channel().CloseInput()
	if exit := r.wait(); exit.Status != runtimes.Completed || r.text(runtimes.Stdout) != "done\n" || r.text(runtimes.Stderr) != "" {
		t.Errorf("%+v, stdout %.100q, stderr %.100q", exit, r.text(runtimes.Stdout), r.text(runtimes.Stderr))
	}
	if got := r.text(runtimes.Channel); got != string(text) {
		t.Errorf("%d bytes came back, of %d", len(got), len(text))
	}
}

func channelIsNoOutput(t *testing.T, s *suite) {
	cmd := onChannel(s.programs.SpillChannel(100_000))
	cmd.Limits.OutputBytes = 1000
	did, r := s.start(t, s.environment(t), cmd)
	exit := r.wait()
	if exit.Status != runtimes.Completed || r.size(runtimes.Channel) != 100_000 || r.text(runtimes.Stdout) != "done\n" {
		t.Errorf("%+v, %d bytes on the channel, stdout %.100q", exit, r.size(runtimes.Channel), r.text(runtimes.Stdout))
	}
	if _, err := did.Channel().Input([]byte("x")); !errors.Is(err, runtimes.ErrInputClosed) {
		t.Errorf("input after the end: %v", err)
	}
}

func channelWindow(t *testing.T, s *suite) {
	const size = 2 << 20
	r := newRecorder(t)
	r.channel.hold = true
	s.startWith(t, s.environment(t), onChannel(s.programs.SpillChannel(size)), r)
	r.until("the window was full", func() bool { return r.size(runtimes.Channel) >= runtimes.Window })
	time.Sleep(100 * time.Millisecond) // time for more to come, if it did
	if got := r.size(runtimes.Channel); got != runtimes.Window || r.exited() {
		t.Errorf("%d bytes came, the window is %d; ended: %v", got, runtimes.Window, r.exited())
	}
	r.letChannelGo()
	if exit := r.wait(); exit.Status != runtimes.Completed || r.size(runtimes.Channel) != size {
		t.Errorf("%+v, %d bytes", exit, r.size(runtimes.Channel))
	}
}

func channelBesideHeldOutput(t *testing.T, s *suite) {
	r := newRecorder(t)
	r.hold = true
	cmd := onChannel(s.shell(t, `cat <&3 >&4 & head -c 2000000 /dev/zero; wait`))
	p, _ := s.startWith(t, s.environment(t), cmd, r)
	r.until("the window was full", func() bool { return r.total() >= runtimes.Window })
	text := bytes.Repeat([]byte("past it\n"), 100_000)
	feed(t, p.Channel(), r, text)
	r.until("all of it came back", func() bool { return r.size(runtimes.Channel) == int64(len(text)) })
	p.Channel().CloseInput()
	r.letGo()
	if exit := r.wait(); exit.Status != runtimes.Completed || r.size(runtimes.Stdout) != 2_000_000 {
		t.Errorf("%+v, %d bytes", exit, r.size(runtimes.Stdout))
	}
}

// orderSink notes how much had been printed when each line of the channel came.
type orderSink struct {
	*recorder
	printed, said int
	early         bool
}

// Output counts. The program prints four bytes before each that it says.
func (s *orderSink) Output(stream runtimes.Stream, p []byte) {
	if stream == runtimes.Channel {
		s.said += len(p)
		s.early = s.early || s.printed < 4*s.said
	} else {
		s.printed += len(p)
	}
	s.recorder.Output(stream, p)
}

func channelInOrder(t *testing.T, s *suite) {
	sink := &orderSink{recorder: newRecorder(t)}
	cmd := onChannel(s.shell(t, `i=0; while [ $i -lt 2000 ]; do echo a; echo b >&2; printf c >&4; i=$((i+1)); done`))
	p, err := s.environment(t).Start(t.Context(), cmd, sink)
	if err != nil {
		t.Fatal(err)
	}
	sink.bind(p)
	if exit := sink.wait(); exit.Status != runtimes.Completed || sink.said != 2000 || sink.printed != 8000 || sink.early {
		t.Errorf("%+v, said %d, printed %d; something was said before what was printed before it: %v", exit, sink.said, sink.printed, sink.early)
	}
}

func channelDescriptors(t *testing.T, s *suite) {
	got := s.succeeds(t, s.environment(t), onChannel(s.shell(t, `exec ls /proc/self/fd`)))
	// ls itself opens the directory as 5.
	if !slices.Equal(strings.Fields(got), []string{"0", "1", "2", "3", "4", "5"}) {
		t.Errorf("open: %q", got)
	}
}

func channelWithTerminal(t *testing.T, s *suite) {
	if !s.found.Terminal {
		t.Skip("the runtime has no terminals")
	}
	cmd := onChannel(s.programs.Relay())
	cmd.Terminal = &runtimes.TerminalSize{Columns: 80, Rows: 24}
	p, r := s.start(t, s.environment(t), cmd)
	feed(t, p.Channel(), r, []byte("as it is\n"))
	p.Channel().CloseInput()
	if exit := r.wait(); exit.Status != runtimes.Completed || r.text(runtimes.Channel) != "as it is\n" || !strings.HasPrefix(r.text(runtimes.Terminal), "done") {
		t.Errorf("%+v, channel %q, terminal %q", exit, r.text(runtimes.Channel), r.text(runtimes.Terminal))
	}
}

func closedChannel(t *testing.T, s *suite) {
	p, r := s.start(t, s.environment(t), onChannel(s.shell(t, `exec 3<&- 4>&-; echo closed; exec sleep 60`)))
	r.untilText(runtimes.Stdout, "closed")
	deadline := time.Now().Add(patience)
	var err error
	for err == nil && time.Now().Before(deadline) { // the kernel says so at the first write
		_, err = p.Channel().Input([]byte("x"))
		time.Sleep(10 * time.Millisecond)
	}
	if !errors.Is(err, runtimes.ErrInputClosed) || r.exited() {
		t.Errorf("%v; ended: %v", err, r.exited())
	}
	p.Stop(runtimes.Cancelled)
	if exit := r.wait(); exit.Status != runtimes.Cancelled {
		t.Errorf("%+v", exit)
	}
}

func noChannel(t *testing.T, s *suite) {
	p, r := s.start(t, s.environment(t), s.programs.Print("x", ""))
	if c := p.Channel(); c != nil {
		t.Errorf("it has %v", c)
	}
	r.wait()
}
