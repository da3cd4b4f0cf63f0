package rpc

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/actors/output"
	"github.com/codebeaker/codebeaker/runtimes/fake"
	"github.com/codebeaker/codebeaker/runtimes/kernel"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/streamtest"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// writings are what programs write in these tests, each so many bytes long.
var writings = map[string]func(n int) []byte{
	"text":    repeated("Die Lösung ist \"42\", nicht 41.\n"),
	"plain":   repeated("0123456789abcdef"),
	"control": repeated("\x01\x02\x03"),
	"quotes":  repeated("\"\\\n"),
	"wide":    repeated("€🦫\u2028é"),
	"binary": func(n int) []byte {
		r, b := rand.New(rand.NewPCG(1, 2)), make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	},
}

// repeated repeats a text up to n bytes, without its last character if that
// would be cut.
func repeated(text string) func(n int) []byte {
	return func(n int) []byte {
		return wholeCharacters(bytes.Repeat([]byte(text), n/len(text)+1)[:n])
	}
}

// spew KIND N M writes N bytes to standard output, then M to standard error.
func spew(r *fake.Run) int {
	write := writings[r.Arg(0)]
	for i, to := range []io.Writer{r.Stdout(), r.Stderr()} {
		n, err := strconv.Atoi(r.Arg(i + 1))
		if err != nil {
			return 2
		}
		for b := write(n); len(b) > 0; b = b[min(len(b), 50_000):] {
			if _, err := to.Write(b[:min(len(b), 50_000)]); err != nil {
				return 1
			}
		}
	}
	return 0
}

// walker is a client that fails when a message is larger than it takes.
type walker struct {
	t        *testing.T
	wire     *streamtest.Wire
	most     int
	kinds    []string // of writings
	last     int      // id of the last call
	largest  int
	tooLarge int // replies -32010 for their size
	called   map[string]bool
	notes    []walked
}

// walked is any message.
type walked struct {
	ID     any
	Method string
	Params json.RawMessage
	Result json.RawMessage
	Error  *struct {
		Code    int
		Message string
		Data    map[string]any
	}
}

func walk(t *testing.T, w *world, query string, most int) *walker {
	t.Helper()
	wire, err := streamtest.DialQuery(w.addr, query)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(wire.Close)
	return &walker{t: t, wire: wire, most: most, called: map[string]bool{}}
}

// next receives a message.
func (k *walker) next() (text []byte) {
	k.t.Helper()
	text, err := k.wire.Next()
	if err != nil {
		k.t.Fatal(err)
	}
	k.largest = max(k.largest, len(text))
	if len(text) > k.most {
		k.t.Errorf("a message of %d bytes, more than %d: %.300s", len(text), k.most, text)
	}
	return text
}

// send sends a message and returns the reply to it, and keeps the notifications
// before it.
func (k *walker) send(message string) walked {
	k.t.Helper()
	if err := k.wire.Send(message); err != nil {
		k.t.Fatal(err)
	}
	for {
		var m walked
		if err := json.Unmarshal(k.next(), &m); err != nil {
			k.t.Fatal(err)
		}
		if m.Method != "" {
			k.notes = append(k.notes, m)
			continue
		}
		if m.Error != nil && m.Error.Data["limit"] == "maxMessageBytes" {
			k.tooLarge++
			if m.Error.Data["maximum"] != float64(k.most) {
				k.t.Errorf("%+v", m.Error)
			}
		}
		return m
	}
}

// call makes a call and returns its reply.
func (k *walker) call(method string, params any) walked {
	k.t.Helper()
	k.called[method] = true
	k.last++
	b, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": k.last, "method": method, "params": params})
	if err != nil {
		k.t.Fatal(err)
	}
	m := k.send(string(b))
	if m.ID != float64(k.last) {
		k.t.Fatalf("%s: reply %v", method, m.ID)
	}
	return m
}

// result makes a call that succeeds.
func (k *walker) result(method string, params, result any) {
	k.t.Helper()
	m := k.call(method, params)
	if m.Error != nil {
		k.t.Fatalf("%s: %+v", method, m.Error)
	}
	if err := json.Unmarshal(m.Result, result); err != nil {
		k.t.Fatal(err)
	}
}

// ran is the result of a program.
type ran struct {
	Success     bool
	ExecutionID string
	Result      *protocol.ProcessResult
}

func (k *walker) spew(session, kind string, out, err int, more map[string]any) (r ran) {
	k.t.Helper()
	params := map[string]any{"sessionId": session, "command": map[string]any{
		"type": "execute_shell", "commandName": "spew", "args": []string{kind, strconv.Itoa(out), strconv.Itoa(err)}}}
	for name, value := range more {
		params[name] = value
	}
	k.result(protocol.MethodSessionExecute, params, &r)
	return r
}

// wantStreams checks what came of a spew.
func (k *walker) wantStreams(p *protocol.ProcessResult, kind string, out, err int) {
	k.t.Helper()
	if p == nil {
		k.t.Errorf("%s: no result", kind)
		return
	}
	k.wantStream(kind+" on stdout", writings[kind](out), p.Stdout, p.StdoutEncoding, p.StdoutTruncated, p.StdoutOmittedBytes)
	k.wantStream(kind+" on stderr", writings[kind](err), p.Stderr, p.StderrEncoding, p.StderrTruncated, p.StderrOmittedBytes)
}

// wantStream checks that text is what was written, or its beginning and its end.
func (k *walker) wantStream(name string, wrote []byte, text, encoding string, truncated bool, omitted int64) {
	k.t.Helper()
	kept := []byte(text)
	if encoding == "base64" {
		var err error
		if kept, err = base64.StdEncoding.DecodeString(text); err != nil {
			k.t.Errorf("%s: %v", name, err)
		}
	}
	if wantBase64 := strings.HasPrefix(name, "binary") || strings.HasPrefix(name, "control"); wantBase64 != (encoding == "base64") && len(wrote) > 100 {
		k.t.Errorf("%s: encoding %q", name, encoding)
	}
	head, tail := common(kept, wrote)
	switch {
	case int64(len(kept))+omitted != int64(len(wrote)), truncated != (omitted > 0):
		k.t.Errorf("%s: %d bytes kept, %d left out of %d, truncated %v", name, len(kept), omitted, len(wrote), truncated)
	case head+tail < len(kept):
		k.t.Errorf("%s: the first %d and the last %d of %d bytes are what was written", name, head, tail, len(kept))
	case truncated && (head*10 < len(kept)*7 || tail*10 < len(kept)*2):
		k.t.Errorf("%s: not three quarters and one: %d and %d of %d", name, head, tail, len(kept))
	}
}

// common is how many bytes at the beginning and at the end are those of wrote.
func common(kept, wrote []byte) (head, tail int) {
	for head < len(kept) && kept[head] == wrote[head] {
		head++
	}
	for tail < len(kept) && kept[len(kept)-1-tail] == wrote[len(wrote)-1-tail] {
		tail++
	}
	return head, tail
}

// TestNoMessageIsLargerThanItsClientTakes walks all methods, with more than fits
// wherever something can be large: with all writings where a message is smallest,
// with text and bytes where it is as large as by default.
func TestNoMessageIsLargerThanItsClientTakes(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	w := newWorld(t, setup{
		// The client answers no pings.
		door:   Options{WebSocket: websocket.Options{PingInterval: -1}},
		actors: actors.Options{MaxSessions: 1000, QueueLength: 1000},
		fake:   fake.Options{Programs: map[string]fake.Program{"spew": spew}},
	})
	for _, c := range []struct {
		query string
		most  int
		kinds []string
	}{
		{"?maxMessageBytes=65536", 64 << 10, slices.Sorted(maps.Keys(writings))},
		{"", 1<<20 - 4<<10, []string{"text", "binary"}},
	} {
		t.Run(fmt.Sprint(c.most), func(t *testing.T) {
			if raced && c.most > 64<<10 {
				t.Skip("it is the same with more bytes; make check runs it without the race detector")
			}
			k := walk(t, w, c.query, c.most)
			k.kinds = c.kinds
			k.server()
			session := k.sessions()
			k.programs(session)
			k.followed(session)
			k.files(session)
			k.batches(session)
			k.executions(session)
			k.cells(session)
			if c.most == 64<<10 {
				k.refusals(session)
			}
			k.result(protocol.MethodSessionClose, map[string]any{"sessionId": session}, &struct{}{})
			for _, m := range protocol.Methods() {
				if !k.called[m.Name] {
					t.Errorf("%s was not called", m.Name)
				}
			}
			if k.largest < c.most*8/10 {
				t.Errorf("the largest message has %d of %d bytes: nothing was cut", k.largest, c.most)
			}
		})
	}
}

func (k *walker) server() {
	k.t.Helper()
	var hello protocol.Initialized
	k.result(protocol.MethodInitialize, map[string]any{}, &hello)
	if hello.Limits.MaxMessageBytes != k.most {
		k.t.Errorf("in force are %d bytes", hello.Limits.MaxMessageBytes)
	}
	k.result(protocol.MethodLanguageList, map[string]any{}, &struct{}{})
	k.result(protocol.MethodKeyUsage, map[string]any{}, &struct{}{})
	k.result(protocol.MethodRuntimeList, map[string]any{}, &struct{}{})
	k.result(protocol.MethodDiscover, map[string]any{}, &struct{}{})
}

// sessions makes some whose labels are large, and returns one without.
func (k *walker) sessions() (session string) {
	k.t.Helper()
	labels := map[string]string{"client": fmt.Sprint(k.most)}
	for i := range 63 {
		labels[fmt.Sprintf("%02d%s", i, strings.Repeat("k", 100))] = strings.Repeat("\"", 200)
	}
	const many = 60 // of about 33 KiB each
	ids := map[string]bool{}
	for range many {
		var s protocol.Session
		k.result(protocol.MethodSessionCreate, map[string]any{"language": "python", "labels": labels}, &s)
		ids[s.SessionID] = true
		session = s.SessionID
	}
	k.result(protocol.MethodSessionGet, map[string]any{"sessionId": session}, &struct{}{})
	params, pages := map[string]any{"labels": labels}, 0
	for seen := 0; ; pages++ {
		var page protocol.SessionPage
		k.result(protocol.MethodSessionList, params, &page)
		for _, s := range page.Sessions {
			if !ids[s.SessionID] || len(s.Labels) != 64 {
				k.t.Fatalf("%s is listed twice, or not one of ours", s.SessionID)
			}
			delete(ids, s.SessionID)
		}
		if seen += page.Count; page.NextCursor == "" {
			if seen != many || len(ids) > 0 {
				k.t.Errorf("%d of %d sessions are listed", seen, many)
			}
			break
		}
		params["cursor"] = page.NextCursor
	}
	if pages == 0 {
		k.t.Error("the sessions fit into one page")
	}
	var s protocol.Session
	k.result(protocol.MethodSessionCreate, map[string]any{"language": "python"}, &s)
	k.result(protocol.MethodSessionAttach, map[string]any{"sessionId": s.SessionID}, &struct{}{})
	k.result(protocol.MethodSessionExtend, map[string]any{"sessionId": s.SessionID, "idleTimeoutMinutes": 20}, &struct{}{})
	k.result(protocol.MethodSessionDetach, map[string]any{"sessionId": s.SessionID}, &struct{}{})
	return s.SessionID
}

func (k *walker) programs(session string) {
	k.t.Helper()
	for _, kind := range k.kinds {
		sizes := [][2]int{{20, 30}, {k.most, 100}, {k.most / 3, k.most / 3}}
		if kind == "text" || kind == "binary" { // more than is kept
			sizes = append(sizes, [2]int{2 << 20, k.most / 4}, [2]int{100, 2 << 20})
		}
		for _, n := range sizes {
			before := k.largest
			k.largest = 0
			r := k.spew(session, kind, n[0], n[1], nil)
			k.wantStreams(r.Result, kind, n[0], n[1])
			// As much as fits is there, but for 1 MiB of each at most.
			if cut := r.Result.StdoutTruncated || r.Result.StderrTruncated; cut && n[0]+n[1] >= k.most && k.largest < k.most*95/100 {
				k.t.Errorf("%s %v: cut to %d of %d bytes", kind, n, k.largest, k.most)
			}
			k.largest = max(k.largest, before)
		}
	}
}

// followed follows executions: their output is whole, however large, and their
// result fits into the notification and into every reply.
func (k *walker) followed(session string) {
	k.t.Helper()
	for _, kind := range k.kinds {
		write := writings[kind]
		out, complaints := min(k.most*3/2, 300_000), min(k.most, 200_000)
		k.notes = nil
		r := k.spew(session, kind, out, complaints, map[string]any{"stream": true})
		k.wantOutput(kind, write(out), write(complaints))
		k.wantStreams(r.Result, kind, out, complaints)

		started := k.spew(session, kind, out, complaints, map[string]any{"background": true})
		at := map[string]any{"sessionId": session, "executionId": started.ExecutionID}
		var waited struct{ Result ran }
		k.result(protocol.MethodExecutionWait, at, &waited)
		k.wantStreams(waited.Result.Result, kind, out, complaints)
		k.notes = nil
		k.result(protocol.MethodExecutionAttach, at, &struct{}{})
		for len(k.notes) == 0 || k.notes[len(k.notes)-1].Method != protocol.NotifyCompleted {
			var m walked
			if err := json.Unmarshal(k.next(), &m); err != nil {
				k.t.Fatal(err)
			}
			k.notes = append(k.notes, m)
		}
		k.wantOutput(kind, write(out), write(complaints))
		k.result(protocol.MethodExecutionDetach, at, &struct{}{})
	}
	cat := map[string]any{"type": "execute_shell", "commandName": "cat", "pty": map[string]any{}}
	var r ran
	k.result(protocol.MethodSessionExecute, map[string]any{"sessionId": session, "command": cat, "background": true}, &r)
	at := func(more map[string]any) map[string]any {
		more["sessionId"], more["executionId"] = session, r.ExecutionID
		return more
	}
	k.result(protocol.MethodExecutionInput, at(map[string]any{"data": strings.Repeat("x", 5000)}), &struct{}{})
	k.result(protocol.MethodExecutionResize, at(map[string]any{"cols": 10, "rows": 10}), &struct{}{})
	k.result(protocol.MethodExecutionSignal, at(map[string]any{"signal": "SIGKILL"}), &struct{}{})
}

// wantOutput checks the notifications of one execution.
func (k *walker) wantOutput(kind string, out, complaints []byte) {
	k.t.Helper()
	got := map[string]*bytes.Buffer{"stdout": {}, "stderr": {}}
	completed := 0
	for _, n := range k.notes {
		switch n.Method {
		case protocol.NotifyOutput:
			var p protocol.ExecutionOutput
			if err := json.Unmarshal(n.Params, &p); err != nil {
				k.t.Fatal(err)
			}
			data := []byte(p.Data)
			if p.Encoding == protocol.Base64 {
				data, _ = base64.StdEncoding.DecodeString(p.Data)
			}
			if p.Offset != int64(got[p.Stream].Len()) {
				k.t.Errorf("%s: a gap in %s at %d", kind, p.Stream, p.Offset)
			}
			got[p.Stream].Write(data)
		case protocol.NotifyCompleted:
			completed++
			var p struct{ Result ran }
			if err := json.Unmarshal(n.Params, &p); err != nil {
				k.t.Fatal(err)
			}
			k.wantStreams(p.Result.Result, kind, len(out), len(complaints))
		}
	}
	if !bytes.Equal(got["stdout"].Bytes(), out) || !bytes.Equal(got["stderr"].Bytes(), complaints) || completed != 1 {
		k.t.Errorf("%s: %d and %d bytes of output, completed %d times", kind, got["stdout"].Len(), got["stderr"].Len(), completed)
	}
}

func (k *walker) command(session string, command map[string]any, result any) {
	k.t.Helper()
	var o struct {
		Success bool
		Error   string
		Result  json.RawMessage
	}
	k.result(protocol.MethodSessionExecute, map[string]any{"sessionId": session, "command": command}, &o)
	if !o.Success {
		k.t.Fatalf("%.200v: %s", command, o.Error)
	}
	if err := json.Unmarshal(o.Result, result); err != nil {
		k.t.Fatal(err)
	}
}

func (k *walker) files(session string) {
	k.t.Helper()
	for _, kind := range k.kinds {
		write := writings[kind]
		content := write(k.most + k.most/4)
		k.command(session, map[string]any{
			"type": "write_file", "path": "large", "content": base64.StdEncoding.EncodeToString(content), "encoding": "base64",
		}, &struct{}{})
		for _, encoding := range []string{"utf8", "base64"} {
			var got []byte
			for reads := 1; ; reads++ {
				var f protocol.FileContent
				k.command(session, map[string]any{"type": "read_file", "path": "large", "offset": len(got), "encoding": encoding}, &f)
				part := []byte(f.Content)
				if f.Encoding == "base64" {
					part, _ = base64.StdEncoding.DecodeString(f.Content)
				}
				got = append(got, part...)
				if f.Size != int64(len(content)) || f.Truncated != (len(got) < len(content)) || len(part) == 0 {
					k.t.Fatalf("%s: %d of %d bytes, truncated %v after %d", kind, len(part), f.Size, f.Truncated, len(got))
				}
				if !f.Truncated {
					break
				}
				if text := encoding == "utf8" && kind != "binary" && kind != "control"; text != (f.Encoding == "utf8") || len(part)*8 < k.most {
					k.t.Errorf("%s: %d bytes as %s", kind, len(part), f.Encoding)
				}
			}
			if !bytes.Equal(got, content) {
				k.t.Errorf("%s: read otherwise than written", kind)
			}
		}
		// A length that is asked for is no truncation, unless it does not fit.
		var f protocol.FileContent
		k.command(session, map[string]any{"type": "read_file", "path": "large", "length": 10, "offset": 4}, &f)
		if f.Truncated {
			k.t.Errorf("%s: a short part is truncated", kind)
		}
		k.command(session, map[string]any{"type": "read_file", "path": "large", "length": len(content) - 1}, &f)
		if !f.Truncated {
			k.t.Errorf("%s: a long part is not truncated", kind)
		}
	}
	const many = 300
	for i := range many {
		k.command(session, map[string]any{"type": "write_file", "path": fmt.Sprintf("names/%03d%s", i, strings.Repeat("ü", 120)), "content": ""}, &struct{}{})
	}
	var l protocol.Listing
	k.command(session, map[string]any{"type": "list_directory", "path": "names"}, &l)
	if fits := k.most > 200_000; l.Truncated == fits || len(l.Entries) == 0 || fits != (len(l.Entries) == many) {
		k.t.Errorf("%d entries, truncated %v", len(l.Entries), l.Truncated)
	}
	// A path is repeated in the answer.
	long := strings.Repeat("./", k.most/2) + "large"
	k.call(protocol.MethodSessionExecute, map[string]any{"sessionId": session, "command": map[string]any{"type": "delete_file", "path": long}})
	k.call(protocol.MethodSessionExecute, map[string]any{"sessionId": session, "command": map[string]any{"type": "read_file", "path": strings.Repeat("\x01/", k.most/4)}})
}

// batches are one message, whatever their members answer.
func (k *walker) batches(session string) {
	k.t.Helper()
	var calls []string
	for i := range 20 {
		kind := []string{"plain", "control", "binary", "text"}[i%4]
		calls = append(calls, execute(100_000+i, session, `{"type":"execute_shell","commandName":"spew","args":["`+kind+`","100000","100000"]}`, ""))
	}
	calls = append(calls, `{"jsonrpc":"2.0","id":100020,"method":"session.list"}`,
		`{"jsonrpc":"2.0","id":100021,"method":"none"}`, `7`,
		execute(100_023, session, `{"type":"read_file","path":"large"}`, ""))
	if err := k.wire.Send("[" + strings.Join(calls, ",") + "]"); err != nil {
		k.t.Fatal(err)
	}
	var replies []struct {
		ID     *int
		Error  *struct{ Code int }
		Result json.RawMessage
	}
	if err := json.Unmarshal(k.next(), &replies); err != nil || len(replies) != len(calls) {
		k.t.Fatalf("%d replies of %d, %v", len(replies), len(calls), err)
	}
	for _, m := range replies {
		if m.ID == nil || *m.ID >= 100_020 {
			continue
		}
		var r ran
		if err := json.Unmarshal(m.Result, &r); err != nil || m.Error != nil {
			k.t.Errorf("member %d: %+v, %v", *m.ID, m.Error, err)
			continue
		}
		k.wantStreams(r.Result, []string{"plain", "control", "binary", "text"}[(*m.ID-100_000)%4], 100_000, 100_000)
	}
}

// executions are listed in pages.
func (k *walker) executions(session string) {
	k.t.Helper()
	name := strings.Repeat("\x01", 4096)
	const more = 100
	for range more {
		k.call(protocol.MethodSessionExecute, map[string]any{"sessionId": session, "command": map[string]any{"type": "execute_shell", "commandName": name}})
	}
	params, named, pages := map[string]any{"sessionId": session}, 0, 0
	seen := map[string]bool{}
	for {
		var page protocol.ExecutionPage
		k.result(protocol.MethodExecutionList, params, &page)
		for _, e := range page.Executions {
			if seen[e.ExecutionID] {
				k.t.Fatalf("%s is listed twice", e.ExecutionID)
			}
			if seen[e.ExecutionID] = true; e.CommandName == name {
				named++
			}
		}
		if pages++; page.NextCursor == "" {
			break
		}
		params["cursor"] = page.NextCursor
	}
	if named != more || pages < 2 {
		k.t.Errorf("%d of %d executions in %d pages", named, more, pages)
	}
}

// refusals are errors about something large.
// cells shows more than fits: each display is about a third of a message.
func (k *walker) cells(session string) {
	k.t.Helper()
	show := "show text/plain " + strings.Repeat(`"`, k.most/6) + "\n"
	var r struct{ Result protocol.CodeResult }
	k.result(protocol.MethodSessionExecute, map[string]any{
		"sessionId": session, "command": map[string]any{"type": "execute_code", "code": strings.Repeat(show, 3) + "print x"},
	}, &r)
	if len(r.Result.Displays) != 1 || r.Result.Omitted != 2 || r.Result.Stdout != "x\n" {
		k.t.Errorf("%d displays came, %d were left out, stdout is %q", len(r.Result.Displays), r.Result.Omitted, r.Result.Stdout)
	}
	context := map[string]any{"sessionId": session, "context": "default"}
	k.result(protocol.MethodCodeContexts, map[string]any{"sessionId": session}, &struct{}{})
	k.result(protocol.MethodCodeRestart, context, &struct{}{})
	k.result(protocol.MethodCodeRemove, context, &struct{}{})
}

// Of a display there are the forms that fit, and that others did not is told.
func TestOfADisplayTheFormsThatFitAreThere(t *testing.T) {
	d := &output.Display{Display: kernel.Display{Parts: []kernel.Part{
		{Type: "text/plain", Data: []byte("short")},
		{Type: "image/png", Data: make([]byte, 900)},
		{Type: "application/json", Data: []byte(`{"a":1}`)},
		{Type: "text/html", Data: []byte("\xff")},
	}}}
	wire, size := wireDisplay(d, 600)
	if len(wire.Data) != 3 || wire.Data["image/png"] != "" || !wire.Truncated || size > 600 || wire.Encoding["text/html"] != "base64" || len(wire.Encoding) != 1 {
		t.Errorf("%+v of %d bytes", wire, size)
	}
	encoded, err := jsonrpc.AppendValue(nil, &wire)
	if err != nil || len(encoded) > size {
		t.Errorf("it has %d bytes and not %d, %v", len(encoded), size, err)
	}
	if wire, _ := wireDisplay(d, 0); len(wire.Data) != 4 || wire.Truncated {
		t.Errorf("with room for all: %+v", wire)
	}
	if _, size := wireDisplay(&output.Display{Display: kernel.Display{Parts: d.Parts[1:2]}}, 600); size <= 600 {
		t.Errorf("one of which nothing fits has %d bytes", size)
	}
}

func (k *walker) refusals(session string) {
	k.t.Helper()
	long := strings.Repeat("\u2028", k.most/2)
	for _, m := range []walked{
		k.call(protocol.MethodSessionCreate, map[string]any{"language": "python", "env": map[string]any{long: 1}}),
		k.call(protocol.MethodSessionCreate, map[string]any{"language": "python", "env": map[string]any{long: ""}}),
		k.call(protocol.MethodSessionCreate, map[string]any{"language": "python", "labels": map[string]any{long: ""}}),
		k.call(protocol.MethodSessionCreate, map[string]any{"language": long}),
		k.call(protocol.MethodSessionCreate, map[string]any{"language": "python", "dockerImage": long}),
		k.call(protocol.MethodSessionGet, map[string]any{"sessionId": long}),
		k.call(protocol.MethodExecutionWait, map[string]any{"sessionId": session, "executionId": long}),
		k.call(protocol.MethodSessionExecute, map[string]any{"sessionId": session, "command": map[string]any{"type": long}}),
		k.send(`{"jsonrpc":"2.0","id":"` + long + `","method":"session.list","params":{}}`),
		k.send(`{"jsonrpc":"2.0","id":"` + long + `","method":"none","params":{}}`),
		k.send(`{"jsonrpc":"2.0","id":"` + long + `"}`),
		k.send(`[` + strings.Repeat(`1,`, 100) + `"` + long + `"]`),
		k.send(`{"` + long + `":1,"` + long + `":1}`),
	} {
		if m.Error == nil {
			k.t.Errorf("succeeded: %s", m.Result)
		}
	}
	if k.tooLarge == 0 {
		k.t.Error("nothing was refused for the size of its reply")
	}
}

func TestAClientSaysWhatItTakes(t *testing.T) {
	w := newWorld(t, setup{})
	k := walk(t, w, "", 1<<20-4<<10)
	for _, c := range []struct {
		asked string
		want  int
	}{{`65535`, 0}, {`16777217`, 0}, {`65536`, 65536}, {`16777216`, 16777216}, {`0`, 0}, {`-1`, 0}, {`"65536"`, 0}, {`null`, 16777216}} {
		m := k.send(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"maxMessageBytes":` + c.asked + `}}`)
		if c.want == 0 {
			if m.Error == nil || m.Error.Code != -32602 || m.Error.Data["member"] != "maxMessageBytes" {
				t.Errorf("%s: %s, %+v", c.asked, m.Result, m.Error)
			} else if !strings.HasPrefix(c.asked, `"`) && (!strings.Contains(m.Error.Message, "65536") || !strings.Contains(m.Error.Message, "16777216")) {
				t.Errorf("%s: %s", c.asked, m.Error.Message)
			}
			continue
		}
		var hello protocol.Initialized
		if err := json.Unmarshal(m.Result, &hello); err != nil || hello.Limits.MaxMessageBytes != c.want {
			t.Errorf("%s: %+v, %v", c.asked, hello.Limits, err)
		}
	}
	for query, want := range map[string]int{
		"?maxMessageBytes=65536": 65536, "?maxMessageBytes=99999999999999999999": 16777216, "?maxMessageBytes=20000000": 16777216,
		"?maxMessageBytes=65535": 0, "?maxMessageBytes=-99999999999999999999": 0, "?maxMessageBytes=1e6": 0, "?maxMessageBytes=": 0,
	} {
		status, body := w.do(t, http.MethodPost, "/rpc"+query, `{"jsonrpc":"2.0","id":1,"method":"initialize"}`, nil)
		wire, err := streamtest.DialQuery(w.addr, query)
		if want == 0 {
			if status != http.StatusBadRequest || !strings.Contains(body, `"code":-32602`) || !strings.Contains(body, "from 65536 to 16777216") {
				t.Errorf("POST %s: %d %s", query, status, body)
			}
			if err == nil || !strings.Contains(err.Error(), "400") {
				t.Errorf("%s: %v", query, err)
			}
			continue
		}
		if status != 200 || !strings.Contains(body, fmt.Sprintf(`"maxMessageBytes":%d`, want)) {
			t.Errorf("POST %s: %d %s", query, status, body)
		}
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		wire.Close()
	}
}

func TestAReplyToAPostIsNoLargerThanAsked(t *testing.T) {
	w := newWorld(t, setup{fake: fake.Options{Programs: map[string]fake.Program{"spew": spew}}})
	s, _, err := w.system.Create(t.Context(), createDefaults(nil))
	if err != nil {
		t.Fatal(err)
	}
	run := execute(1, s.ID(), `{"type":"execute_shell","commandName":"spew","args":["plain","1100000","1100000"]}`, "")
	for query, most := range map[string]int{"": 1<<20 - 4<<10, "?maxMessageBytes=65536": 64 << 10, "?maxMessageBytes=8388608": 8 << 20} {
		status, body := w.do(t, http.MethodPost, "/rpc"+query, run+"\n["+run+","+run+"]", nil)
		lines := strings.Split(strings.TrimSuffix(body, "\n"), "\n")
		if status != 200 || len(lines) != 2 {
			t.Fatalf("%d, %d lines", status, len(lines))
		}
		for _, line := range lines {
			if len(line) > most || len(line) < min(most, 2<<20)*9/10 || strings.Contains(line, `"error":{`) {
				t.Errorf("%s: a line of %d bytes: %.200s", query, len(line), line)
			}
		}
	}
	status, body := w.do(t, http.MethodPost, "/rpc?maxMessageBytes=1", run, nil)
	if status != 400 {
		t.Errorf("%d %s", status, body)
	}
}

// Claim: the reply to a program that wrote much costs what it costs to encode.
func BenchmarkLargeOutcome(b *testing.B) {
	for name, size := range map[string]int{"100KiB": 100 << 10, "1MiB": 1 << 20} {
		b.Run(name, func(b *testing.B) {
			code := 0
			r := &actors.ProcessResult{}
			r.Exit.Status, r.Exit.Code = 1, &code
			r.Stdout.Data = writings["text"](size)
			r.Stdout.Head = len(r.Stdout.Data)
			o := &actors.Outcome{Success: true, ExecutionID: "x", Result: r}
			var w wireOutcome
			var dst []byte
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				dst, _ = jsonrpc.AppendResult(dst[:0], jsonrpc.ID("1"), w.of(o, protocol.DefaultMaxMessage))
			}
		})
	}
}
