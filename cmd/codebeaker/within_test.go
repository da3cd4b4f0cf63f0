package main

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// wantKilled checks that the one execution of a session is killed, and closes
// the session.
func wantKilled(t *testing.T, k *client.Client, id string) {
	t.Helper()
	list, err := k.Executions(t.Context(), id)
	if err != nil || len(list) != 1 {
		t.Fatalf("%d executions, %v", len(list), err)
	}
	wait := &protocol.ExecutionWait{SessionID: id, ExecutionID: list[0].ExecutionID}
	var w struct {
		State  string
		Result struct{ Result protocol.ProcessResult }
	}
	ms := int64(20 * time.Second / time.Millisecond)
	wait.TimeoutMs = &ms
	if err := k.Call(t.Context(), protocol.MethodExecutionWait, wait, &w); err != nil || w.State != "Completed" || w.Result.Result.Signal != "SIGKILL" {
		t.Errorf("%+v, %v", w, err)
	}
	if err := k.CloseSession(t.Context(), id); err != nil {
		t.Error(err)
	}
}

func leavingReaderKillsInNamedSession(t *testing.T, c *cli) {
	k, id := c.session(t)
	readAndLeave(t, c.command(t, "exec", "--session", id, "python", "--", "yes"))
	wantKilled(t, k, id)
}

func interruptsKillInNamedSession(t *testing.T, c *cli) {
	k, id := c.session(t)
	script := `trap 'echo caught' INT; echo ready; while :; do sleep 0.05; done`
	cmd := c.command(t, "exec", "--session", id, "python", "--", "sh", "-c", script)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"ready", "caught"} {
		var said string
		if _, err := fmt.Fscanln(stdout, &said); err != nil || said != line {
			t.Fatalf("%q instead of %q, %v", said, line, err)
		}
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 128+int(syscall.SIGINT) {
		t.Errorf("exit code %d", code)
	}
	wantKilled(t, k, id)
}

// A session that cannot be closed is told of whatever the program's exit code.
func TestWhatIsJoinedToAnExitCodeIsSaid(t *testing.T) {
	exit, other := &exitError{code: 7}, errors.New("session s is not closed: why")
	lost := fmt.Errorf("%w: %w", client.ErrConnectionLost, other)
	for _, x := range []struct {
		err  error
		code int
		said string
	}{
		{nil, 0, ""},
		{exit, 7, ""},
		{other, 1, other.Error()},
		{ours(lost), 125, lost.Error()},
		{ours(errors.Join(exit, other)), 7, other.Error()},
		{ours(errors.Join(&exitError{124, errors.New("too late")}, other)), 124, "too late|" + other.Error()},
		{ours(errors.Join(nil, other)), 125, other.Error()},
	} {
		var said []string
		for _, err := range complaints(x.err) {
			said = append(said, err.Error())
		}
		if got := strings.Join(said, "|"); got != x.said || codeOf(x.err) != x.code {
			t.Errorf("%v: %q, exit code %d", x.err, got, codeOf(x.err))
		}
	}
}

// Output that was lost counts more than how the program ended.
func TestMissingOutputHasItsExitCode(t *testing.T) {
	three := 3
	r := &protocol.ExecuteResult{Result: &protocol.ProcessResult{Status: "NonZeroExit", ExitCode: &three}}
	if code := codeOf(ours(endOf(&client.GapError{}, r))); code != 125 {
		t.Errorf("exit code %d", code)
	}
	if code := codeOf(ours(endOf(nil, r))); code != 3 {
		t.Errorf("exit code %d", code)
	}
}
