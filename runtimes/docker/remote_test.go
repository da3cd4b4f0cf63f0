package docker

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"strings"
	"testing"
)

func remotely(o *Options) { o.Remote = true }

// CVE-2026-41567: an engine that unpacks a compressed archive can be taken over.
func TestArchivesAreNeverCompressedAndNeverForAStartedContainer(t *testing.T) {
	d := newDaemon(t)
	r := newFakeRuntime(t, d, remotely)
	env := mustCreate(t, r)
	_ = env
	d.mu.Lock()
	archives := d.archives
	d.mu.Unlock()
	if len(archives) != 2 {
		t.Fatalf("%d archives were sent, want that of the workspace and that of the agent", len(archives))
	}
	for _, archive := range archives {
		// "ustar" at 257: the first header stands there as it is, tar(5).
		if len(archive) < 512 || string(archive[257:262]) != "ustar" {
			t.Fatalf("an archive begins with %q", archive[:min(len(archive), 16)])
		}
		entries := tar.NewReader(bytes.NewReader(archive))
		header, err := entries.Next()
		if err != nil {
			t.Fatal(err)
		}
		switch header.Name {
		case "workspace/":
			if header.Uid < 1000 || header.Uid != header.Gid || header.Mode != 0o700 {
				t.Errorf("the workspace is made with %+v", header)
			}
			accounts, _ := entries.Next()
			content, _ := io.ReadAll(entries)
			if accounts == nil || accounts.Name != "etc/passwd" || !strings.Contains(string(content), fmt.Sprintf("user:x:%d:", header.Uid)) {
				t.Errorf("the accounts are sent as %+v, %q", accounts, content)
			}
		case ".codebeaker/bin/guest":
			content, _ := io.ReadAll(entries)
			if !bytes.Equal(content, agentFor(elf.EM_X86_64)) || header.Mode != 0o555 {
				t.Errorf("the agent is sent as %+v, %q", header, content)
			}
		default:
			t.Errorf("an archive holds %q", header.Name)
		}
	}
}

func TestARemoteWorkspaceOutlivesItsContainerAndGoesWithClose(t *testing.T) {
	d := newDaemon(t)
	r := newFakeRuntime(t, d, remotely)
	first, err := r.Create(t.Context(), python)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.reconcile(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := python
	again.Workspace = first.Workspace()
	second, err := r.Create(t.Context(), again)
	if err != nil {
		t.Fatal(err)
	}
	if second.Workspace() != first.Workspace() {
		t.Error("the replacement has another workspace")
	}
	if err := second.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := second.Workspace().Close(); err != nil {
		t.Fatal(err)
	}
	// The agent's volume is kept for the next container.
	if got := d.left(); len(got) != 1 || !strings.HasPrefix(got[0], "codebeaker-guest-mark-1-") {
		t.Errorf("left are %v", got)
	}
}

func TestAnEngineThatDoesNotSeeOurDirectoriesIsReachedByVolumes(t *testing.T) {
	d := newDaemon(t)
	d.hidden = true
	r := newFakeRuntime(t, d, nil)
	env := mustCreate(t, r)
	if _, ok := env.Workspace().(*volumeWorkspace); !ok {
		t.Errorf("the workspace is a %T", env.Workspace())
	}
}

func TestAFaultWhileVolumesAreFilledLeavesNothing(t *testing.T) {
	for _, route := range []string{"volumeCreate", "archive", "attach"} {
		for name, f := range allFaults {
			// Neither has a body in its reply.
			if route == "archive" && (name == "garbage" || name == "a cut reply") {
				continue
			}
			t.Run(route+" meets "+name, func(t *testing.T) {
				t.Parallel()
				d := newDaemon(t)
				d.fail(route, f)
				r := newFakeRuntime(t, d, remotely)
				_, err := r.Create(t.Context(), python)
				checkFailure(t, err, "")
				d.fail("volumeCreate", nil)
				r.claims.drop(guestOf(d))
				r.kick()
				checkNothingLeft(t, d, r)
			})
		}
	}
}

// guestOf is the volume with the agent, which is kept on purpose.
func guestOf(d *daemon) string {
	for _, name := range d.left() {
		if strings.HasPrefix(name, "codebeaker-guest-") {
			return name
		}
	}
	return ""
}
