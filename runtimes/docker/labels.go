package docker

import (
	"crypto/rand"
	"encoding/hex"

	"github.com/docker/docker/api/types/filters"
)

// The labels of every container and volume of ours. labelInstance is the mark
// of the data directory: what bears another one belongs to another server.
const (
	labelApp      = "app"
	labelInstance = "codebeaker.instance"
	labelSession  = "codebeaker.session"
	labelRole     = "codebeaker.role"

	appName = "codebeaker"

	// labelToolchain is set on images: "mono" or "dotnet" for C#.
	labelToolchain = "codebeaker.toolchain"
)

// The roles of containers and volumes, the values of labelRole.
const (
	roleEnvironment = "environment" // a container
	roleCourier     = "courier"     // a container that is never started
	roleWorkspace   = "workspace"   // a volume
	roleGuest       = "guest"       // a volume
)

// labels are those of something made for a session; session may be empty.
func (r *Runtime) labels(role, session string) map[string]string {
	set := map[string]string{labelApp: appName, labelInstance: r.options.Mark, labelRole: role}
	if session != "" {
		set[labelSession] = session
	}
	return set
}

// ours selects what bears this data directory's mark.
func (r *Runtime) ours() filters.Args {
	return filters.NewArgs(filters.Arg("label", labelInstance+"="+r.options.Mark))
}

// newName names something of a session: "codebeaker-<session>-<random>". The
// name is chosen and claimed before the engine is asked, so that a create whose
// reply was lost is found again.
func newName(session string) string {
	suffix := make([]byte, 4)
	rand.Read(suffix) // never fails, crypto/rand
	return appName + "-" + session + "-" + hex.EncodeToString(suffix)
}
