package kernel_test

import (
	"context"
	"fmt"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/fake"
	"github.com/codebeaker/codebeaker/runtimes/kernel"
)

// printer prints what a cell does.
type printer struct{ exited chan runtimes.Exit }

func (p printer) Started()                                { fmt.Println("started") }
func (p printer) Output(stream runtimes.Stream, b []byte) { fmt.Printf("%v: %s", stream, b) }
func (p printer) Display(d kernel.Display)                { fmt.Println("display:", d.Parts[0].Type) }
func (p printer) Result(r *kernel.Result)                 { fmt.Println("value:", r.Value) }
func (p printer) InputReady()                             {}
func (p printer) Exited(exit runtimes.Exit)               { p.exited <- exit }

// A kernel of the fake runtime, whose cells say what to do, a line for each.
func Example() {
	ctx := context.Background()
	env, err := fake.New(fake.Options{}).Create(ctx, runtimes.Spec{Name: "s1", Language: runtimes.Python})
	if err != nil {
		panic(err)
	}
	defer env.Close(ctx)
	engine, ok := kernel.EngineFor(runtimes.Native, runtimes.Python, nil)
	if !ok {
		panic("there is no kernel")
	}
	k, err := kernel.Start(ctx, env, engine, kernel.Options{})
	if err != nil {
		panic(err)
	}
	defer k.Close()
	p := printer{make(chan runtimes.Exit, 1)}
	if _, err := k.Run(&kernel.Cell{Code: "print hello\nshow text/html <b>\nvalue 42", Number: 1}, p); err != nil {
		panic(err)
	}
	fmt.Println((<-p.exited).Status)
	// Output:
	// started
	// stdout: hello
	// display: text/html
	// value: 42
	// Completed
}
