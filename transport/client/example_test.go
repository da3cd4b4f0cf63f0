package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"os"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/fake"
	"github.com/codebeaker/codebeaker/transport"
	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/rpc"
	"github.com/codebeaker/codebeaker/transport/sessions"
)

// exampleServer is a server for the examples, whose programs are print, cat,
// trap and others of runtimes/fake.
func exampleServer() (url string, stop func()) {
	dir, err := os.MkdirTemp("", "codebeaker-example-")
	if err != nil {
		log.Fatal(err)
	}
	registry := runtimes.NewRegistry(fake.New(fake.Options{Dir: dir}))
	registry.Probe(context.Background())
	local, err := sessions.New(sessions.Options{System: actors.NewSystem(actors.Options{Registry: registry}), Registry: registry})
	if err != nil {
		log.Fatal(err)
	}
	server, err := rpc.NewServer(rpc.Options{Sessions: local}, transport.Options{})
	if err != nil {
		log.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(context.Background(), l) }()
	return "ws://" + l.Addr().String() + "/ws/jsonrpc", func() {
		_ = server.Shutdown(context.Background())
		<-served
		_ = os.RemoveAll(dir)
	}
}

// exampleSession is a session on such a server.
func exampleSession(ctx context.Context) (c *client.Client, session string, stop func()) {
	url, stopServer := exampleServer()
	c, err := client.Dial(ctx, url, client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	s, err := c.Create(ctx, protocol.SessionCreate{Language: "python"})
	if err != nil {
		log.Fatal(err)
	}
	return c, s.SessionID, func() { _ = c.Close(); stopServer() }
}

func Example() {
	url, stop := exampleServer()
	defer stop()
	ctx := context.Background()

	c, err := client.Dial(ctx, url, client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	s, err := c.Create(ctx, protocol.SessionCreate{Language: "python"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.CloseSession(ctx, s.SessionID)

	if _, err := c.Exec(ctx, s.SessionID, client.WriteText("greeting", "hello")); err != nil {
		log.Fatal(err)
	}
	r, err := c.Run(ctx, s.SessionID, client.Program("read", "greeting"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, exit code %d\n", r.Stdout, *r.Process().ExitCode)
	// Output: hello, exit code 0
}

// A program that fails is a result; a call that is refused is an error.
func ExampleClient_Run() {
	ctx := context.Background()
	c, session, stop := exampleSession(ctx)
	defer stop()

	r, err := c.Run(ctx, session, client.Program("fail", "3"))
	fmt.Println(r.Success, r.Process().Status, *r.Process().ExitCode, err)

	_, err = c.Run(ctx, "another", client.Program("true"))
	fmt.Println(errors.Is(err, client.ErrSessionNotFound))
	// Output:
	// false NonZeroExit 3 <nil>
	// true
}

// A program is fed and read while it runs.
func ExampleClient_Start() {
	ctx := context.Background()
	c, session, stop := exampleSession(ctx)
	defer stop()

	e, err := c.Start(ctx, client.Execute{SessionID: session, Command: client.Program("cat")})
	if err != nil {
		log.Fatal(err)
	}
	output := e.Output()
	go func() {
		fmt.Fprintln(e, "one line")
		_ = e.CloseInput()
	}()
	for o, err := range output {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %s", o.Stream, o.Data)
	}
	r, err := e.Wait(ctx)
	fmt.Println(r.Success, err)
	// Output:
	// stdout: one line
	// true <nil>
}

// Where output is missing, a GapError says how much; the loop may go on.
func ExampleExecution_Output() {
	ctx := context.Background()
	c, session, stop := exampleSession(ctx)
	defer stop()

	e, err := c.Start(ctx, client.Execute{SessionID: session, Command: client.Program("print", "all of it")})
	if err != nil {
		log.Fatal(err)
	}
	for o, err := range e.Output() {
		var gap *client.GapError
		switch {
		case errors.As(err, &gap):
			fmt.Println(gap.Missing.Stdout, "bytes are missing here")
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Printf("%s at %d\n", o.Data, o.Offset)
		}
	}
	// Output: all of it at 0
}

func ExampleExecution_Signal() {
	ctx := context.Background()
	c, session, stop := exampleSession(ctx)
	defer stop()

	e, err := c.Start(ctx, client.Execute{SessionID: session, Command: client.Program("sleep", "1h")})
	if err != nil {
		log.Fatal(err)
	}
	delivered, err := e.Signal(ctx, "SIGTERM")
	fmt.Println(delivered, err)
	r, err := e.Wait(ctx)
	if err != nil {
		log.Fatal(err)
	}
	p := r.Result.(*protocol.ProcessResult)
	fmt.Println(p.Status, p.Signal, p.ExitCode == nil)
	// Output:
	// true <nil>
	// Signalled SIGTERM true
}

// An execution outlives its client; another one takes it up where it was left.
func ExampleClient_AttachExecution() {
	ctx := context.Background()
	c, session, stop := exampleSession(ctx)
	defer stop()
	e, err := c.Start(ctx, client.Execute{SessionID: session, Command: client.Program("print", "still here"), Background: true})
	if err != nil {
		log.Fatal(err)
	}
	id := e.ID()
	e.Detach()

	again, err := c.AttachExecution(ctx, session, id, 0)
	if err != nil {
		log.Fatal(err)
	}
	for o, err := range again.Output() {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s\n", o.Data)
	}
	// Output: still here
}

// Errors tell why, and when to try again.
func ExampleRefusedError() {
	ctx := context.Background()
	c, _, stop := exampleSession(ctx)
	defer stop()

	_, err := c.Create(ctx, protocol.SessionCreate{Language: "cobol"})
	var refused *client.RefusedError
	if errors.As(err, &refused) {
		fmt.Println(errors.Is(err, client.ErrLanguageNotSupported), refused.Reply.Code, refused.RetryAfter())
	}
	// Output: true code -32004 0s
}
