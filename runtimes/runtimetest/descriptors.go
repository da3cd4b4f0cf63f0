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
	{"AChannelComesAfterTheOutputBefore", channelKeepsItsPlace},
	{"AChannelWaitsBehindHeldOutput", channelBehindHeldOutput},
	{"AChannelIsDescriptorsThreeAndFour", channelDescriptors},
	{"AChannelGoesWithATerminal", channelWithTerminal},
	{"AClosedChannelTakesNoInput", closedChannel},
	{"WithoutAskingThereIsNoChannel", noChannel},
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

func channelKeepsItsPlace(t *testing.T, s *suite) {
	const rounds = 200
	p, r := s.start(t, s.environment(t), onChannel(s.shell(t,
		`i=0; while [ $i -lt 200 ]; do printf 12345; printf 67 >&2; echo mark >&4; read answer <&3; i=$((i+1)); done`)))
	for i := int64(1); i <= rounds; i++ {
		r.until("a mark came", func() bool { return r.size(runtimes.Channel) == 5*i })
		if out, err := r.size(runtimes.Stdout), r.size(runtimes.Stderr); out != 5*i || err != 2*i {
			t.Fatalf("round %d: %d and %d bytes of output came before the mark", i, out, err)
		}
		feed(t, p.Channel(), r, []byte("go on\n"))
	}
	if exit := r.wait(); exit.Status != runtimes.Completed {
		t.Errorf("%+v", exit)
	}
}

func channelBehindHeldOutput(t *testing.T, s *suite) {
	r := newRecorder(t)
	r.hold = true
	p, _ := s.startWith(t, s.environment(t), onChannel(s.shell(t, `head -c 300000 /dev/zero; cat <&3 >&4`)), r)
	r.until("the window was full", func() bool { return r.total() >= runtimes.Window })
	text := bytes.Repeat([]byte("past it\n"), 100_000)
	feed(t, p.Channel(), r, text[:8])  // input is not held up
	time.Sleep(100 * time.Millisecond) // time for it to come back, if it did
	if got := r.size(runtimes.Channel); got != 0 {
		t.Errorf("%d bytes of the channel came before the output that was written before", got)
	}
	r.letGo()
	feed(t, p.Channel(), r, text[8:])
	p.Channel().CloseInput()
	if exit := r.wait(); exit.Status != runtimes.Completed || r.size(runtimes.Stdout) != 300_000 || r.text(runtimes.Channel) != string(text) {
		t.Errorf("%+v, %d bytes, %d of the channel", exit, r.size(runtimes.Stdout), r.size(runtimes.Channel))
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
