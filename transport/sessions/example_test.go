package sessions_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/fake"
	"github.com/codebeaker/codebeaker/transport/sessions"
)

// A program that has sessions without a server: the runtime here is the fake one,
// whose programs are Go functions.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "codebeaker-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	registry := runtimes.NewRegistry(fake.New(fake.Options{Dir: dir}))
	registry.Probe(ctx)
	system := actors.NewSystem(actors.Options{Registry: registry})
	local, err := sessions.New(sessions.Options{System: system, Registry: registry})
	if err != nil {
		log.Fatal(err)
	}
	defer local.Shutdown(ctx)

	client := local.Connect("", nil)
	defer client.Close()
	session, _, err := client.Create(ctx, sessions.Create{Language: "python"})
	if err != nil {
		log.Fatal(err)
	}
	name := "print"
	outcome, err := session.Execute(ctx, sessions.Execute{Program: &sessions.Program{Name: &name, Args: []string{"hello"}}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s: %s\n", outcome.Program.Exit.Status, outcome.Program.Stdout.Data)
	// Output: Completed: hello
}
