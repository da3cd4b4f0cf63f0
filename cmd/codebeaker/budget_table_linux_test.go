package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/transport/protocol"
)

// memoryTable makes TestNoMethodHarmsTheServer measure every method for half a second in
// each way, and write the table of docs/security.md.
var memoryTable = flag.Bool("memory-table", false, "measure every method at length and write the table of docs/security.md")

const (
	tableConnections = 8
	tableCell        = 500 * time.Millisecond // with -memory-table
	testCell         = 200 * time.Millisecond // without
)

// abuse is a request that is made again and again.
type abuse struct {
	name, method string
	params       object
	always       bool // also without -memory-table
}

func (v *victim) abuses() (all []abuse) {
	of := object{"sessionId": v.session, "executionId": v.execution}
	with := func(more object) object {
		p := object{}
		for _, from := range []object{of, more} {
			for name, value := range from {
				p[name] = value
			}
		}
		return p
	}
	command := func(members object) object { return object{"sessionId": v.session, "command": members} }
	params := map[string]object{
		protocol.MethodSessionCreate:   {"language": "python", "runtimeType": "Native", "labels": object{"label": strings.Repeat("x", 250)}},
		protocol.MethodSessionList:     {},
		protocol.MethodSessionClose:    {"sessionId": "none"},
		protocol.MethodExecutionInput:  with(object{"data": strings.Repeat("\\", 60<<10)}),
		protocol.MethodExecutionSignal: with(object{"signal": "SIGINT"}),
		protocol.MethodExecutionResize: with(object{"cols": 80, "rows": 24}),
	}
	always := map[string]bool{
		protocol.MethodExecutionWait: true, protocol.MethodExecutionAttach: true, protocol.MethodDiscover: true,
		protocol.MethodSessionCreate: true,
	}
	for _, m := range protocol.Methods() {
		if m.Name == protocol.MethodSessionExecute {
			continue
		}
		p, ok := params[m.Name]
		if !ok {
			p = of // what a method does not know it ignores
		}
		all = append(all, abuse{m.Name, m.Name, p, always[m.Name]})
	}
	noise := strings.Repeat("\x01", 32<<10)
	return append(all,
		abuse{"session.execute: read_file, 8 MiB of NUL", protocol.MethodSessionExecute, command(object{"type": "read_file", "path": "zeros"}), true},
		abuse{"session.execute: write_file, 32 KiB", protocol.MethodSessionExecute, command(object{"type": "write_file", "path": "new", "content": noise}), true},
		abuse{"session.execute: a program, 32 KiB on both streams", protocol.MethodSessionExecute,
			command(object{"type": "execute_shell", "commandName": "tee", "stdin": noise}), true})
}

// way is how a request is made.
type way struct{ batch, silent, slow bool }

// run makes the request on so many connections until the time is over. What the
// server closes is opened again.
func (v *victim) run(a abuse, how way, d time.Duration) {
	text := request(1, a.method, a.params)
	if how.batch {
		text = batchOf(a.method, a.params)
	}
	message, end := frame(len(text), []byte(text)), time.Now().Add(d)
	ctx, stop := context.WithDeadline(v.t.Context(), end)
	defer stop()
	atOnce(tableConnections, func(int) {
		for ctx.Err() == nil {
			c, err := v.dialRaw(how.silent)
			if err != nil {
				time.Sleep(10 * time.Millisecond) // there is no room for more
				continue
			}
			release := context.AfterFunc(ctx, func() { _ = c.Close() })
			for c.send(message, how.slow) == nil {
				if how.silent {
					continue
				}
				if _, err := c.message(); err != nil {
					break
				}
			}
			release()
			_ = c.Close()
		}
	})
}

// send writes a message; a slow sender in eight parts.
func (c *rawConn) send(message []byte, slow bool) error {
	parts := 1
	if slow {
		parts = 8
	}
	for part := range parts {
		if part > 0 {
			time.Sleep(10 * time.Millisecond)
		}
		if _, err := c.Write(message[len(message)*part/parts : len(message)*(part+1)/parts]); err != nil {
			return err
		}
	}
	return nil
}

// Whatever method clients call, alone or in batches, whether they read the answers
// or not, quickly or slowly: the server's memory stays within the budget, and other
// clients are served.
func TestNoMethodHarmsTheServer(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes half a minute")
	}
	v, cell := newVictim(t), testCell
	if *memoryTable {
		cell = tableCell
	}
	var table bytes.Buffer
	fmt.Fprint(&table, "| method | | reads, at once | reads, slow sender | silent, at once | silent, slow sender |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, a := range v.abuses() {
		if !a.always && !*memoryTable {
			continue
		}
		for _, batch := range []bool{false, true} {
			fmt.Fprintf(&table, "| %s | %s |", a.name, map[bool]string{false: "single", true: "batch of 50"}[batch])
			for _, silent := range []bool{false, true} {
				for _, slow := range []bool{false, true} {
					most, p99 := v.while(func() { v.run(a, way{batch, silent, slow}, cell) })
					v.holds(fmt.Sprint(a.name, way{batch, silent, slow}), most, p99)
					fmt.Fprintf(&table, " %d MiB, %.0f ms |", most>>20, p99.Seconds()*1000)
					v.closeOthers()
				}
			}
			fmt.Fprintln(&table)
		}
	}
	t.Logf("MiB resident at most, p99 of another client; %d connections at once, a budget of %d MiB:\n%s", tableConnections, testBudget>>20, &table)
	if *memoryTable {
		writeTable(t, table.String())
	}
}

// closeOthers closes the sessions that an abuse has made.
func (v *victim) closeOthers() {
	v.t.Helper()
	for {
		var page protocol.SessionPage
		if err := v.k.Call(v.t.Context(), protocol.MethodSessionList, object{"limit": 1000}, &page); err != nil {
			v.t.Fatal(err)
		}
		if page.Count <= 1 {
			return
		}
		for _, s := range page.Sessions {
			if s.SessionID != v.session {
				if err := v.k.CloseSession(v.t.Context(), s.SessionID); err != nil {
					v.t.Fatal(err)
				}
			}
		}
	}
}

const tableMark = "<!-- memory table"

// writeTable puts the table into docs/security.md, behind its mark.
func writeTable(t *testing.T, table string) {
	t.Helper()
	file := filepath.Join("..", "..", "docs", "security.md")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), tableMark)
	mark, rest, _ := strings.Cut(rest, "\n")
	for strings.HasPrefix(rest, "|") { // the table before
		_, rest, _ = strings.Cut(rest, "\n")
	}
	if !ok {
		t.Fatal("the mark of the table is missing")
	}
	if err := os.WriteFile(file, []byte(head+tableMark+mark+"\n"+table+rest), 0o644); err != nil {
		t.Fatal(err)
	}
}
