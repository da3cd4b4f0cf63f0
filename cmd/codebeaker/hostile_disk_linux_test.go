package main

import (
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// S10: a full data directory refuses creates with a type, serves what is there,
// and says that the server is not ready.
func TestAFullDataDirectoryRefusesCreatesAndServesReads(t *testing.T) {
	notShort(t)
	if os.Geteuid() != 0 {
		t.Skip("to mount a small file system needs root")
	}
	small := shortTempDir(t)
	dir := filepath.Join(small, "data")
	if err := os.Mkdir(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("codebeaker-test", dir, "tmpfs", 0, "size=320m,mode=0711"); err != nil {
		t.Skip("no tmpfs may be mounted here: ", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	p := startServerOn(t, dir)
	runtime := "Native"
	needLanguage(t, p, each[2].kind, "python")
	f := connect(t, "python-websockets", p.URL())
	s := f.create(object{"language": "python", "runtimeType": runtime})
	f.write(s, "kept", "here")
	host := p.listener.Addr().String()
	if status, said := readyz(t, host); status != http.StatusOK {
		t.Errorf("/readyz before: %d, %v", status, said)
	}
	filler := filepath.Join(dir, "filler")
	file, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	for piece := make([]byte, 1<<20); err == nil; {
		_, err = file.Write(piece)
	}
	_ = file.Close()
	notReady := false
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end) && !notReady; time.Sleep(200 * time.Millisecond) {
		status, said := readyz(t, host)
		if notReady = status == http.StatusServiceUnavailable; notReady {
			t.Logf("%v", said)
		}
	}
	if !notReady {
		t.Error("/readyz says ready with a full disk")
	}
	m := f.reply(f.send("session.create", object{"language": "python", "runtimeType": runtime}))
	if m.Error != nil && m.Error.Code != -32009 && m.Error.Code != -32005 {
		t.Errorf("a create: %+v", m.Error)
	}
	if o := f.execute(s, object{"type": "read_file", "path": "kept"}); o.Result.Content != "here" {
		t.Errorf("%+v", o)
	}
	f.works(s)
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if status, _ := readyz(t, host); status == http.StatusOK {
			f.close(s)
			return
		}
	}
	t.Error("/readyz does not become ready again")
}

// startServerOn is startServer on a directory that is there.
func startServerOn(t *testing.T, dir string) *Program {
	t.Helper()
	if err := os.Symlink(sharedCache(t), filepath.Join(dir, "cache")); err != nil {
		t.Fatal(err)
	}
	p := openServer(t, dir, "--runtimes", "native")
	serve(t, p)
	return p
}
