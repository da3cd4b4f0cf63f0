package load

import "time"

// text is what the default scenario writes, reads and prints.
const text = "hello"

// Default is the scenario of `bench load` without a file: every kind of call
// that costs little, on sessions that a small machine can hold.
func Default() Scenario {
	greeting, content := text+"\n", text
	return Scenario{
		Name: "mixed", Language: "javascript", MemoryLimitMB: 128,
		Connections: 10, Sessions: 2, Model: "open", Rate: 50, Workers: 10,
		Duration: Duration(15 * time.Second), MaxInFlight: 10_000, Timeout: Duration(30 * time.Second),
		Prepare: []map[string]any{{"type": "write_file", "path": "load.txt", "content": text}},
		Calls: []Call{
			{Name: "execute_shell", Weight: 5, Stdout: &greeting,
				Command: map[string]any{"type": "execute_shell", "commandName": "echo", "args": []string{text}}},
			{Name: "write_file", Weight: 2, Command: map[string]any{"type": "write_file", "path": "load.txt", "content": text}},
			{Name: "read_file", Weight: 2, Content: &content, Command: map[string]any{"type": "read_file", "path": "load.txt"}},
			{Name: "session.get", Weight: 1, Method: "session.get"},
		},
	}
}
