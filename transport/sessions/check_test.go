package sessions

import (
	"strings"
	"testing"
)

func TestAWorkingDirectoryOutsideTheWorkspaceIsLeftToTheSession(t *testing.T) {
	for _, dir := range []string{"/", "/etc", "/workspacex"} {
		if got, err := directory(dir); err != nil || got != dir {
			t.Errorf("%s: %q, %v", dir, got, err)
		}
	}
	for _, dir := range []string{"..", "a/../..", "/workspace/..", "../workspace", "/workspace/../workspace2"} {
		if got, err := directory(dir); err != nil || !strings.HasPrefix(got, "..") {
			t.Errorf("%s: %q, %v", dir, got, err)
		}
	}
}
