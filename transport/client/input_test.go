package client_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes/fake"
	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// More than the server buffers goes through, to a program that waits before it
// reads, whatever the bytes.
func TestWriteWaitsForTheProgramToRead(t *testing.T) {
	read := make(chan struct{})
	url := serveWith(t, setup{programs: map[string]fake.Program{"late": func(r *fake.Run) int {
		<-read
		_, _ = io.Copy(r.Stdout(), r)
		return 0
	}}})
	c := dial(t, url, client.Options{})
	e := startThrough(t, c, client.Execute{SessionID: create(t, c), Command: client.Program("late")})
	in := make([]byte, 500<<10)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(in[:250<<10])
	copy(in[250<<10:], bytes.Repeat([]byte("äß€"), 40<<10))
	wrote := make(chan error, 1)
	go func() {
		_, err := e.Write(in)
		wrote <- errors.Join(err, e.CloseInput())
	}()
	eventually(t, func() bool { // the server's buffer is full
		n, err := c.Input(t.Context(), protocol.ExecutionInput{SessionID: e.Session(), ExecutionID: e.ID()})
		return err == nil && n == 0
	})
	close(read)
	var out []byte
	for o, err := range e.Output() {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, o.Data...)
	}
	if err := <-wrote; err != nil {
		t.Error(err)
	}
	if !bytes.Equal(out, in) {
		t.Errorf("%d bytes came of %d", len(out), len(in))
	}
}

func TestWriteToAProgramThatNeverReadsEndsWithIt(t *testing.T) {
	c := dial(t, serve(t), client.Options{})
	e := startThrough(t, c, client.Execute{SessionID: create(t, c), Command: client.Program("trap")})
	wrote := make(chan error, 1)
	go func() { _, err := e.Write(make([]byte, 1<<20)); wrote <- err }()
	if ok, err := e.Signal(t.Context(), "SIGTERM"); !ok || err != nil {
		t.Error(ok, err)
	}
	if err := <-wrote; !errors.Is(err, client.ErrInputClosed) {
		t.Errorf("got %v", err)
	}
	if _, err := e.Write([]byte("late")); !errors.Is(err, client.ErrInputClosed) {
		t.Errorf("later: %v", err)
	}
}

func TestATerminalIsResized(t *testing.T) {
	c := dial(t, serve(t), client.Options{})
	shell := client.Program("size")
	shell.PTY = &protocol.PTY{}
	e := startThrough(t, c, client.Execute{SessionID: create(t, c), Command: shell})
	want := []string{"80x24\n", "100x30\n"}
	for o, err := range e.Output() {
		if err != nil || o.Stream != client.Terminal || string(o.Data) != want[0] {
			t.Fatalf("%+v, %v", o, err)
		}
		if want = want[1:]; len(want) == 0 {
			break
		}
		if err := e.Resize(t.Context(), 100, 30); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Resize(t.Context(), 0, 30); !errors.Is(err, client.ErrInvalidParams) {
		t.Errorf("no columns: %v", err)
	}
	if _, err := e.Signal(t.Context(), "SIGNONE"); !errors.Is(err, client.ErrInvalidParams) {
		t.Errorf("no such signal: %v", err)
	}
}

func TestInBackgroundAProgramStartsBesideOthers(t *testing.T) {
	c := dial(t, serve(t), client.Options{})
	session := create(t, c)
	first := startThrough(t, c, client.Execute{SessionID: session, Command: client.Program("trap")})
	second, err := c.Start(t.Context(), client.Execute{SessionID: session, Command: client.Program("print", "hi"), Background: true})
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	for o, err := range second.Output() {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, o.Data...)
	}
	if r, err := second.Wait(t.Context()); err != nil || !r.Success || string(out) != "hi" {
		t.Errorf("%q, %+v, %v", out, r, err)
	}
	select {
	case <-first.Done():
		t.Error("the one in the foreground has ended")
	default:
	}
}

func TestWhatCannotStartIsAResultAndWhatIsRefusedAnError(t *testing.T) {
	c := dial(t, serve(t), client.Options{})
	session := create(t, c)
	r, err := c.Run(t.Context(), session, client.Program("nosuch"))
	if err != nil || r.Success || r.Process().Status != "CouldNotStart" || r.Process().ExitCode != nil {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := c.Run(t.Context(), "none", client.Program("true")); !errors.Is(err, client.ErrSessionNotFound) {
		t.Errorf("got %v", err)
	}
	for range 5 { // over one connection after the other
		if r, err := c.Run(t.Context(), session, client.Program("cat")); err != nil || !r.Success || len(r.Stdout) != 0 {
			t.Errorf("cat without input: %+v, %v", r, err)
		}
	}
}
