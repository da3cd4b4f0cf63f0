package rpc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/tools/txtar"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// rpcDocument is the OpenRPC document that a server hands out, with a schema
// for the params and the result of each method and notification.
type rpcDocument struct {
	compiler *jsonschema.Compiler
	methods  map[string]any
}

// askForDocument gets the document from a server, as a client would.
func askForDocument(t *testing.T) *rpcDocument {
	t.Helper()
	reply := newWorld(t, setup{}).dial(websocket.DialOptions{}).ask(`{"jsonrpc":"2.0","id":1,"method":"rpc.discover"}`)
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(reply))
	if err != nil {
		t.Fatal(err)
	}
	doc := v.(map[string]any)["result"].(map[string]any)
	d := &rpcDocument{jsonschema.NewCompiler(), map[string]any{}}
	d.compiler.DefaultDraft(jsonschema.Draft7)
	for _, list := range []any{doc["methods"], doc["x-notifications"]} {
		for _, m := range list.([]any) {
			m := m.(map[string]any)
			properties, required := map[string]any{}, []any{}
			for _, p := range m["params"].([]any) {
				p := p.(map[string]any)
				properties[p["name"].(string)] = p["schema"]
				if p["required"] == true {
					required = append(required, p["name"])
				}
			}
			name := m["name"].(string)
			d.methods[name] = true
			doc["params:"+name] = map[string]any{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
			if result, ok := m["result"].(map[string]any); ok {
				doc["result:"+name] = result["schema"]
			}
		}
	}
	if err := d.compiler.AddResource("https://test.invalid/doc", doc); err != nil {
		t.Fatal(err)
	}
	return d
}

// check validates a value against the schema of "params:METHOD" or
// "result:METHOD".
func (d *rpcDocument) check(what string, value json.RawMessage) error {
	schema, err := d.compiler.Compile("https://test.invalid/doc#/" + what)
	if err != nil {
		return err
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(value))
	if err != nil {
		return err
	}
	return schema.Validate(v)
}

// canonicalWords undoes what transcripts write in another case to show that it
// does not matter; schemas have the canonical words only.
var canonicalWords = words{strings.NewReplacer(`"bun"`, `"Bun"`, `"docker"`, `"Docker"`, `"BASE64"`, `"base64"`, `"Execute_Shell"`, `"execute_shell"`)}

type words struct{ *strings.Replacer }

func (w words) replace(b json.RawMessage) json.RawMessage {
	return json.RawMessage(w.Replace(string(b)))
}

// rpcMessage is any message of a transcript.
type rpcMessage struct {
	ID             json.RawMessage
	Method         string
	Params, Result json.RawMessage
}

func TestWhatIsSentAndReceivedIsWhatTheDocumentSays(t *testing.T) {
	d := askForDocument(t)
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			d.checkTranscript(t, file, string(f.Data), seen)
		}
	}
	for _, m := range protocol.Methods() {
		if !seen["result:"+m.Name] && m.Name != protocol.MethodDiscover {
			t.Errorf("no transcript has a result of %s", m.Name)
		}
	}
	for _, n := range []string{protocol.NotifyStarted, protocol.NotifyOutput, protocol.NotifyDisplay, protocol.NotifyCompleted, protocol.NotifyStateChanged, protocol.NotifyClosed} {
		if !seen["params:"+n] {
			t.Errorf("no transcript has a notification %s", n)
		}
	}
}

func (d *rpcDocument) checkTranscript(t *testing.T, file, transcript string, seen map[string]bool) {
	asked := map[string]string{}
	for line := range strings.Lines(transcript) {
		body, sent := strings.CutPrefix(line, "-> ")
		if !sent {
			body, _ = strings.CutPrefix(line, "<- ")
		}
		var m rpcMessage
		if json.Unmarshal([]byte(body), &m) != nil {
			continue // a status, a comment, a batch, what is meant to be wrong
		}
		what, value := "", json.RawMessage(nil)
		switch {
		case sent && m.ID != nil:
			asked[string(m.ID)] = m.Method
			if strings.HasSuffix(file, "refused.txtar") || m.Params == nil || m.Params[0] == '[' || d.methods[m.Method] == nil {
				continue
			}
			what, value = "params:"+m.Method, m.Params
		case sent:
			continue
		case m.Method != "":
			what, value = "params:"+m.Method, m.Params
		case m.Result != nil:
			what, value = "result:"+asked[string(m.ID)], m.Result
		default:
			continue
		}
		seen[what] = true
		value = canonicalWords.replace(value)
		if strings.Contains(body, `"cols":0`) || strings.Contains(body, "execution.attach") {
			continue // wrong on purpose
		}
		if err := d.check(what, value); err != nil {
			t.Errorf("%s: %.200s\n%v", file, body, err)
		}
	}
}

func TestTheDocsListTheLanguages(t *testing.T) {
	docs, err := os.ReadFile("../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range runtimes.Languages() {
		var served []string
		for _, r := range l.Runtimes() {
			served = append(served, r.String())
		}
		row := fmt.Sprintf("| `%v` (%s) | %s |\n", l, strings.Join(l.Aliases(), ", "), strings.Join(served, ", "))
		if !bytes.Contains(docs, []byte(row)) {
			t.Errorf("missing: %s", row)
		}
	}
}
