package runtimetest

import (
	"context"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

var sharingCases = []testCase{
	{"ProgramsReadWhatCommandsWrite", programReads},
	{"CommandsReadWhatProgramsWrite", commandReads},
	{"ProgramsOwnWhatCommandsWrite", programOwns},
	{"AnExecutableRuns", executableRuns},
	{"APlainFileDoesNotRun", plainDoesNotRun},
	{"ProgramsMayShutTheirFiles", shutFiles},
	{"ProgramsMayShutTheWorkspace", shutWorkspace},
	{"ADirectoryThatCannotBeEnteredIsNamed", shutDirectory},
}

// cancelled is the context of a caller that has left.
func cancelled(t testing.TB) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func programReads(t *testing.T, s *suite) {
	env := s.environment(t)
	name := folder(t, env.Workspace()) + "/f"
	writeFile(t, env.Workspace(), name, "from a command")
	if got := s.succeeds(t, env, s.programs.ReadFile("/workspace/"+name)); got != "from a command" {
		t.Errorf("a program reads %q", got)
	}
}

func commandReads(t *testing.T, s *suite) {
	env := s.environment(t)
	name := folder(t, env.Workspace()) + "/f"
	s.succeeds(t, env, s.programs.WriteFile("/workspace/"+name, "from a program"))
	if got := readFile(t, env.Workspace(), name); got != "from a program" {
		t.Errorf("a command reads %q", got)
	}
	wantCode(t, "delete", env.Workspace().DeleteFile(t.Context(), runtimes.DeleteFile{Path: name}), "")
}

func programOwns(t *testing.T, s *suite) {
	env := s.environment(t)
	ws := env.Workspace()
	dir := folder(t, ws)
	writeFile(t, ws, dir+"/made/f", "old")
	_, err := ws.CopyFile(t.Context(), runtimes.CopyFile{Source: dir + "/made", Destination: dir + "/copied", Recursive: true})
	wantCode(t, "copy", err, "")
	for _, name := range []string{"made", "copied"} {
		path := "/workspace/" + dir + "/" + name
		s.succeeds(t, env, s.programs.WriteFile(path+"/f", "new"))
		if got := readFile(t, ws, dir+"/"+name+"/f"); got != "new" {
			t.Errorf("%s: a program wrote, and it holds %q", name, got)
		}
		s.succeeds(t, env, s.programs.WriteFile(path+"/another", "x"))
		s.succeeds(t, env, s.programs.RemoveFile(path+"/f"))
		_, err := ws.ReadFile(t.Context(), runtimes.ReadFile{Path: dir + "/" + name + "/f"})
		wantCode(t, "read what a program removed", err, runtimes.CodeNotFound)
	}
}

func executableRuns(t *testing.T, s *suite) {
	env := s.environment(t)
	s.shell(t, "")
	dir := folder(t, env.Workspace())
	script := runtimes.WriteFile{Path: dir + "/script", Content: []byte("#!/bin/sh\necho \"ran with $1\"\n"), Executable: new(true)}
	if _, err := env.Workspace().WriteFile(t.Context(), script); err != nil {
		t.Fatal(err)
	}
	for _, cmd := range []runtimes.Command{
		{Name: "/workspace/" + dir + "/script", Args: []string{"x"}},
		{Name: "./script", Args: []string{"x"}, Dir: dir},
	} {
		if got := s.succeeds(t, env, cmd); got != "ran with x\n" {
			t.Errorf("%s: %q", cmd.Name, got)
		}
	}
}

func plainDoesNotRun(t *testing.T, s *suite) {
	env := s.environment(t)
	s.shell(t, "")
	name := folder(t, env.Workspace()) + "/plain"
	writeFile(t, env.Workspace(), name, "#!/bin/sh\necho ran\n")
	did := s.run(t, env, runtimes.Command{Name: "/workspace/" + name})
	if did.Status != runtimes.CouldNotStart || did.Message == "" || did.Code != nil {
		t.Error(did)
	}
}

// A program may take all rights from its own files; the session's commands
// must get rid of them all the same.
func shutFiles(t *testing.T, s *suite) {
	env := s.environment(t)
	dir := folder(t, env.Workspace())
	s.succeeds(t, env, s.shell(t, `cd "$1" && mkdir -p shut/in && echo x > shut/in/f && chmod 0 shut/in/f shut/in shut`, "/workspace/"+dir))
	wantCode(t, "delete", env.Workspace().DeleteFile(t.Context(), runtimes.DeleteFile{Path: dir, Recursive: true}), "")
}

// "chmod -R 644 ." takes the right to enter the workspace from all programs to
// come. The session goes on all the same.
func shutWorkspace(t *testing.T, s *suite) {
	env := s.environment(t)
	ws := env.Workspace()
	for _, mode := range []string{"644", "0"} {
		s.succeeds(t, env, s.shell(t, `chmod "$1" /workspace`, mode))
		if got := s.succeeds(t, env, s.shell(t, "echo started")); got != "started\n" {
			t.Errorf("after chmod %s: %q", mode, got)
		}
		s.succeeds(t, env, s.shell(t, `chmod "$1" /workspace`, mode))
		name := folder(t, ws) + "/f"
		writeFile(t, ws, name, "x")
		if got := s.succeeds(t, env, s.programs.ReadFile("/workspace/"+name)); got != "x" {
			t.Errorf("after chmod %s: %q", mode, got)
		}
	}
}

func shutDirectory(t *testing.T, s *suite) {
	env := s.environment(t)
	dir := folder(t, env.Workspace())
	cmd := s.shell(t, `mkdir -p shut && chmod 0 shut`)
	cmd.Dir = dir
	writeFile(t, env.Workspace(), dir+"/f", "x")
	s.succeeds(t, env, cmd)
	cmd = s.shell(t, "echo started")
	cmd.Dir = dir + "/shut"
	did := s.run(t, env, cmd)
	if did.Status == runtimes.Completed {
		t.Skip("programs are root and enter every directory")
	}
	if did.Status != runtimes.CouldNotStart || !strings.Contains(did.Message, `"`+dir+`/shut"`) {
		t.Error(did)
	}
}
