package main

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"
)

// What programs do to files that commands are about to use.
func TestHostileFiles(t *testing.T) {
	keepTight(t, []promise{
		{"MayHaveAnyName", filesOfAnyName},
		{"MayGrowWhileTheyAreRead", filesThatGrow},
		{"AreOldOrNewWhenTheDiskIsFull", filesOnAFullDisk},
		{"AreOldOrNewWhenTheEnvironmentDies", filesOfTheDead},
	})
}

// P9: names are listed as they are and can be used; none is a word of ours or an
// escape to a terminal.
func filesOfAnyName(t *testing.T, _ *Program, f *foreign, s session) {
	names := []string{"-rf", "new\nline", "esc\x1b]0;x\a", "right\u202eleft", "é", "e\u0301", "~", "$HOME", "%2e%2e", `back\slash`, " ", strings.Repeat("n", 255)}
	for _, name := range names {
		f.write(s, "names/"+name, name)
	}
	o := f.execute(s, object{"type": "list_directory", "path": "names"})
	var listed []string
	for _, e := range o.Result.Entries {
		listed = append(listed, e.Name)
	}
	for _, name := range names {
		if !slices.Contains(listed, name) {
			t.Errorf("%q is not in %q", name, listed)
		}
		if o := f.execute(s, object{"type": "read_file", "path": "names/" + name}); o.Result.Content != name {
			t.Errorf("%q: %+v", name, o)
		}
		if o := f.execute(s, object{"type": "delete_file", "path": "names/" + name}); !o.Success {
			t.Errorf("%q: %+v", name, o)
		}
	}
	f.shell(s, "rmdir", "names")
	if o := f.shell(s, "sh", "-c", `mkdir -p "$(yes d/ | head -n 1500 | tr -d '\n')"`); !o.Success {
		t.Errorf("%+v", o)
	}
	if o := f.execute(s, object{"type": "list_directory", "path": ".", "recursive": true, "limit": 100}); !o.Success || len(o.Result.Entries) != 100 {
		t.Errorf("%d entries: %.300v", len(o.Result.Entries), o)
	}
	if o := f.execute(s, object{"type": "delete_file", "path": "d", "recursive": true}); !o.Success {
		t.Errorf("%+v", o)
	}
	f.works(s)
}

// F6: a read is of what the file was, or a part of it, and never without an end.
func filesThatGrow(t *testing.T, _ *Program, f *foreign, s session) {
	f.write(s, "grows", "x")
	r := f.start(s, shellLine("echo up; while :; do head -c 65536 /dev/zero; done | head -c 20000000 >>grows; sleep 1000"), nil)
	r.until("up")
	for range 5 {
		begin := time.Now()
		o := f.execute2(s, object{"type": "read_file", "path": "grows"})
		if took := time.Since(begin); took > 10*time.Second || !o.Success && o.ErrorCode == "" {
			t.Errorf("after %v: %.300v", took, o)
		}
		if content, err := base64.StdEncoding.DecodeString(o.Result.Content); err == nil && len(content) > 8<<20 {
			t.Errorf("%d bytes are more than a read may have", len(content))
		}
	}
	r.signal("SIGKILL")
	r.wait()
	f.write(s, "empty", "")
	for name, c := range map[string]struct {
		command object
		ok      bool
	}{
		"empty":          {object{"path": "empty"}, true},
		"past the end":   {object{"path": "empty", "offset": 1 << 40}, true},
		"a directory":    {object{"path": "."}, false},
		"a fifo":         {object{"path": "fifo"}, false},
		"a device":       {object{"path": "/dev/zero"}, false},
		"what is absent": {object{"path": "absent"}, false},
	} {
		if name == "a fifo" {
			f.shell(s, "mkfifo", "fifo")
		}
		c.command["type"] = "read_file"
		if o := f.execute2(s, c.command); o.Success != c.ok || !c.ok && (o.Error == "" || o.ErrorCode == "") || o.Result.Content != "" {
			t.Errorf("%s: %+v", name, o)
		}
	}
	err := f.fails("session.execute", object{"sessionId": s.ID, "command": object{"type": "read_file", "path": "empty", "offset": -1}})
	if err.Code != -32602 {
		t.Errorf("a negative offset: %+v", err)
	}
	f.shell(s, "sh", "-c", "rm -f grows empty fifo")
}

// execute2 is execute for commands beside a program that runs.
func (f *foreign) execute2(s session, command object) outcome {
	f.t.Helper()
	var o outcome
	f.call("session.execute", object{"sessionId": s.ID, "command": command}, &o)
	return o
}

// F5: where there is no room, a write changes nothing and leaves nothing.
func filesOnAFullDisk(t *testing.T, _ *Program, f *foreign, s session) {
	if s.Limits["diskMB"] == nil {
		t.Skip("the disk has no limit here, and the session says so")
	}
	old := strings.Repeat("o", 512<<10)
	f.write(s, "file", old)
	f.shell(s, "sh", "-c", "cat /dev/zero >filler")
	before := f.shell(s, "ls", "-A").Result.Stdout
	for _, atomic := range []bool{true, false} {
		o := f.execute(s, object{"type": "write_file", "path": "file", "content": strings.Repeat("n", 4<<20), "atomic": atomic})
		if o.Success || o.ErrorCode == "" {
			t.Errorf("atomic %v: %+v", atomic, o)
		}
		if o := f.execute(s, object{"type": "read_file", "path": "file"}); o.Result.Content != old {
			t.Errorf("atomic %v: the old content is not whole: %d bytes", atomic, len(o.Result.Content))
		}
		if after := f.shell(s, "ls", "-A").Result.Stdout; after != before {
			t.Errorf("atomic %v: there are %q, before it were %q", atomic, after, before)
		}
	}
	f.shell(s, "sh", "-c", "rm -f file filler")
}

// F5: an environment that dies under writes leaves one of the contents whole.
func filesOfTheDead(t *testing.T, p *Program, f *foreign, s session) {
	if s.ContainerID == "" && len((traces{}).processes()) != 1 {
		t.Skip("another box of this server runs: which is whose cannot be told from outside")
	}
	letters := []string{strings.Repeat("a", 900<<10), strings.Repeat("b", 900<<10)}
	f.write(s, "file", letters[0])
	var writes []int
	for i := range 20 {
		writes = append(writes, f.send("session.execute", object{"sessionId": s.ID, "command": object{
			"type": "write_file", "path": "file", "content": letters[i%2], "atomic": true}}))
		if i == 6 {
			killFromOutside(t, s)
		}
	}
	for _, id := range writes {
		f.reply(id)
	}
	if content := f.execute(s, object{"type": "read_file", "path": "file"}).Result.Content; !slices.Contains(letters, content) {
		t.Errorf("%d bytes that are neither content", len(content))
	}
	if o := f.shell(s, "ls", "-A"); o.Result.Stdout != "file\n" {
		t.Errorf("%+v", o)
	}
	f.shell(s, "rm", "file")
}
