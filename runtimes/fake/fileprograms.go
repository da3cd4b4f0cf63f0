package fake

import (
	"context"
	"fmt"

	"github.com/codebeaker/codebeaker/runtimes"
)

// readFile, writeFile and removeFile work on the workspace, as programs do.
func readFile(r *Run) int {
	found, err := r.Workspace().ReadFile(context.Background(), runtimes.ReadFile{Path: r.Arg(0)})
	if err != nil {
		return complain(r, err)
	}
	if _, err := r.Stdout().Write(found.Content); err != nil {
		return 1
	}
	return 0
}

func writeFile(r *Run) int {
	cmd := runtimes.WriteFile{Path: r.Arg(0), Content: []byte(r.Arg(1))}
	if _, err := r.Workspace().WriteFile(context.Background(), cmd); err != nil {
		return complain(r, err)
	}
	return 0
}

func removeFile(r *Run) int {
	cmd := runtimes.DeleteFile{Path: r.Arg(0)}
	if err := r.Workspace().DeleteFile(context.Background(), cmd); err != nil {
		return complain(r, err)
	}
	return 0
}

func complain(r *Run, err error) int {
	fmt.Fprintln(r.Stderr(), err)
	return 1
}
