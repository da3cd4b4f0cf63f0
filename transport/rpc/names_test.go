package rpc

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/transport/websocket"
)

// Names that are not UTF-8 go over the wire in base64, both ways.
func TestNamesThatAreNotUTF8AreListedAndTaken(t *testing.T) {
	w := newWorld(t, setup{})
	p := w.dial(websocket.DialOptions{})
	session := p.create(`{"language":"python"}`)
	id := 10
	do := func(command string) string {
		t.Helper()
		id++
		p.send(execute(id, session, command, ""))
		return p.reply(id)
	}
	encoded := func(name string) string { return base64.StdEncoding.EncodeToString([]byte(name)) }
	odd, renamed := encoded("odd\xff"), encoded("d\xe9j\xe0")
	for _, step := range []struct{ command, want string }{
		{`{"type":"write_file","path":"plain","content":"1"}`, `"path":"plain"`},
		{`{"type":"write_file","path":"` + odd + `","pathEncoding":"base64","content":"2"}`, `"path":"` + odd + `"`},
		{`{"type":"read_file","path":"` + odd + `","pathEncoding":"base64"}`, `"content":"2"`},
		{`{"type":"list_directory"}`, fmt.Sprintf(`"name":%q,"path":%q,"nameEncoding":"base64"`, odd, odd)},
		{`{"type":"list_directory"}`, `"name":"plain","path":"plain","type"`},
		{`{"type":"move_file","source":"` + odd + `","destination":"` + renamed + `","pathEncoding":"base64"}`, `"destinationPath":"` + renamed + `"`},
		{`{"type":"read_file","path":"` + odd + `","pathEncoding":"base64"}`, `"errorCode":"NotFound"`},
		{`{"type":"delete_file","path":"` + renamed + `","pathEncoding":"base64"}`, `"success":true`},
		{`{"type":"delete_file","path":"!","pathEncoding":"base64"}`, `"member":"command.path"`},
		{`{"type":"delete_file","path":"a","pathEncoding":"hex"}`, `"member":"command.pathEncoding"`},
	} {
		if got := do(step.command); !strings.Contains(got, step.want) {
			t.Errorf("%s: %s", step.command, got)
		}
	}
}
