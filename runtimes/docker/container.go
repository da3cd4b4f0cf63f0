package docker

import (
	cryptorand "crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/mount"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
	"github.com/codebeaker/codebeaker/runtimes/internal/procfs"
	"github.com/codebeaker/codebeaker/runtimes/internal/sizes"
	"github.com/codebeaker/codebeaker/runtimes/internal/surroundings"
	"github.com/codebeaker/codebeaker/runtimes/internal/workspace"
)

// Where things are inside a container.
const (
	etcTarget       = "/etc"
	guestDirectory  = "/.codebeaker/bin"
	guestTarget     = guestDirectory + "/guest"
	linkTarget      = "/.codebeaker/link"
	temporaryTarget = "/tmp"
	// otherTemporary is for what is to outlive a restart, of which there is none.
	otherTemporary     = "/var/tmp"
	sharedMemoryTarget = "/dev/shm"
)

const (
	// agentTasks is how many tasks of the container's pids limit are the
	// agent's own, so that programs get the whole of what the session was given.
	agentTasks = 32
	// unknownMemory stands for the memory of a container without a limit, when
	// the places in memory are sized.
	unknownMemory = 512 << 20
	// A place in memory may have a file for so many bytes, and at least so many:
	// the Go command alone makes 5000 links in its cache.
	bytesPerInode      = 8 << 10
	leastScratchInodes = 32 << 10
	// fsizeSlack lets a full disk say so before RLIMIT_FSIZE ends the program
	// with SIGXFSZ, setrlimit(2).
	fsizeSlack = 1 << 20
	// lockedBytes bounds mlock(2).
	lockedBytes = 64 << 10
	// maxOpenFiles is used where the operator's policy sets none.
	maxOpenFiles = 4096
)

// maskedPaths hide what says too much about the host, or lets one harm it. The
// engine has a list of its own, which grew over the years: this is the newest
// one, for older engines too.
var maskedPaths = append([]string{"/sys/devices/virtual/powercap", "/sys/firmware"}, procfs.Masked...)

// blueprint is what a container is made from.
type blueprint struct {
	image     *imageFacts
	limits    runtimes.Limits
	uid, gid  int
	mounts    []mount.Mount
	arguments []string // of the agent
	stdio     bool     // the agent speaks over its standard streams
	network   runtimes.Network
	language  runtimes.Language
	hostName  string
	labels    map[string]string
	// processors that programs see; zero is unknown.
	processors int
	// fileSize is how long a file may become, where nothing else bounds the files.
	fileSize int64
	gvisor   bool
}

// config says what runs in the container: the agent and nothing else. Whatever
// the image wants to start, check or store is left out.
func (b *blueprint) config() *container.Config {
	return &container.Config{
		Hostname:     b.hostName,
		User:         fmt.Sprintf("%d:%d", b.uid, b.gid),
		AttachStdin:  b.stdio,
		AttachStdout: b.stdio,
		AttachStderr: b.stdio,
		OpenStdin:    b.stdio,
		StdinOnce:    b.stdio,
		Entrypoint:   append([]string{guestTarget}, b.arguments...),
		Cmd:          []string{},
		Image:        b.image.id,
		WorkingDir:   "/",
		// The engine's own network none takes as long as the rest of a start, and
		// takes ::1 away. The namespace and its loopback are there without it; what
		// it would write below /etc is in etcFiles.
		NetworkDisabled: true,
		Healthcheck:     &container.HealthConfig{Test: []string{"NONE"}},
		Labels:          b.labels,
	}
}

// hostConfig says how the container is confined: docs/security.md.
func (b *blueprint) hostConfig() *container.HostConfig {
	noInit := false
	pids := b.limits.Processes
	if pids > 0 {
		pids += agentTasks
	}
	runtime := "" // the engine's default
	if b.gvisor {
		runtime, pids = gvisorRuntime, gvisorTasks(pids)
	}
	return &container.HostConfig{
		Runtime:        runtime,
		LogConfig:      container.LogConfig{Type: "none"},
		NetworkMode:    "none",
		RestartPolicy:  container.RestartPolicy{Name: container.RestartPolicyDisabled},
		CapDrop:        []string{"ALL"},
		CgroupnsMode:   container.CgroupnsModePrivate,
		IpcMode:        container.IPCModePrivate,
		ReadonlyRootfs: true,
		SecurityOpt:    []string{"no-new-privileges", seccompOption},
		Tmpfs:          b.scratch(),
		ShmSize:        shareOf(b.limits.MemoryBytes),
		MaskedPaths:    maskedPaths,
		ReadonlyPaths:  procfs.ReadOnly,
		Init:           &noInit,
		OomScoreAdj:    frame.OOMScoreAdjust,
		Mounts:         b.mounts,
		Resources: container.Resources{
			Memory: b.limits.MemoryBytes,
			// Memory and swap together: no swap at all.
			MemorySwap: b.limits.MemoryBytes,
			NanoCPUs:   int64(b.limits.CPUs * 1e9),
			PidsLimit:  &pids,
			Ulimits:    b.ulimits(),
		},
	}
}

// shareOf is what a place in memory may take of that of a container.
func shareOf(memory int64) int64 {
	if share := workspace.MemoryShare(memory); share > 0 {
		return share
	}
	return unknownMemory / 2
}

// inodesOf is how many files there may be in a place of that size.
func inodesOf(share int64) int64 { return max(share/bytesPerInode, leastScratchInodes) }

// fileSize is how long a file may become in a session without a quota, by what it
// asks for; zero is no limit. It bounds files in memory too.
func fileSize(ws place, l *runtimes.Limits) int64 {
	if quota, _ := ws.limits(); quota > 0 || l.DiskBytes <= 0 {
		return 0
	}
	return max(l.DiskBytes, shareOf(l.MemoryBytes)) + fsizeSlack
}

// scratch are the writable directories besides the workspace, in memory that
// counts as the container's, unless they are among its mounts. An image's own
// volumes would be writable without any bound: each gets an empty directory of
// one page instead.
func (b *blueprint) scratch() map[string]string {
	share := shareOf(b.limits.MemoryBytes)
	common := fmt.Sprintf("rw,exec,nosuid,nodev,size=%d,nr_inodes=%d", share, inodesOf(share))
	mounts := map[string]string{
		temporaryTarget:   common + ",mode=1777",
		otherTemporary:    common + ",mode=1777",
		surroundings.Home: common + fmt.Sprintf(",mode=0700,uid=%d,gid=%d", b.uid, b.gid),
	}
	for path := range b.image.volumes {
		if _, taken := mounts[path]; !taken && path != runtimes.WorkspacePath {
			mounts[path] = "ro,nosuid,nodev,noexec,size=4096,nr_inodes=2"
		}
	}
	for i := range b.mounts {
		delete(mounts, b.mounts[i].Target)
	}
	return mounts
}

// inMemory are the places that have memory of their own.
func (b *blueprint) inMemory() []string {
	places := []string{sharedMemoryTarget}
	scratch := b.scratch()
	for _, path := range []string{temporaryTarget, otherTemporary, surroundings.Home} {
		if _, own := scratch[path]; own {
			places = append(places, path)
		}
	}
	return places
}

func (b *blueprint) ulimits() []*container.Ulimit {
	set := func(name string, value int64) *container.Ulimit {
		return &container.Ulimit{Name: name, Soft: value, Hard: value}
	}
	files := b.limits.OpenFiles
	if files <= 0 {
		files = maxOpenFiles
	}
	limits := []*container.Ulimit{set("nofile", files), set("core", 0), set("memlock", lockedBytes)}
	if b.fileSize > 0 {
		limits = append(limits, set("fsize", b.fileSize))
	}
	return limits
}

// environment are the variables of every program: see package surroundings.
func (b *blueprint) environment(session []string) []string {
	where := surroundings.Where{Network: b.network, Language: b.language, Session: session}
	for _, entry := range b.image.env {
		if path, ok := strings.CutPrefix(entry, "PATH="); ok {
			where.Path = path
		} else if !b.image.ours || !slices.Contains(retired, entry) {
			where.Found = append(where.Found, entry)
		}
	}
	return sizes.Environment(surroundings.Variables(where), b.limits.MemoryBytes, b.processors)
}

// retired are variables that earlier images of ours set for the server's
// convenience: a vendored project does not build with the first, a C compiler
// is not used with the second, and with the third a program's own modules are
// compiled at each start.
var retired = []string{"GOFLAGS=-mod=mod", "CGO_ENABLED=0", "PYTHONDONTWRITEBYTECODE=1"}

// etcFile is a file of a container's /etc.
type etcFile struct{ name, content string }

// etcFiles are those that no image knows: programs look up their own uid, the
// names of their machine and whom to ask for others. /etc/hostname is the
// engine's.
func etcFiles(spec runtimes.Spec, uid, gid int) []etcFile {
	return []etcFile{
		{"passwd", surroundings.Passwd(uid, gid)},
		{"group", surroundings.Group(gid)},
		{"hosts", surroundings.Hosts(spec.MachineName())},
		{"resolv.conf", surroundings.Resolver(spec.Network)},
	}
}

// errNoUser says that every user of the range is taken.
var errNoUser = errors.New("no free user id is left for another session")

// userRange gives each session of a remote engine a uid of its own. It starts
// anywhere in the range, so that two servers on one engine seldom give out the
// same; they are apart by their containers in any case.
type userRange struct {
	first, count int

	mu    sync.Mutex
	taken map[int]bool
	next  int
}

// Of an engine in a user namespace only the low 65536 ids are sure to be mapped.
// On any other they would be those of the host's own users.
func newUserRange(namespaced bool) *userRange {
	u := &userRange{first: 270_000, count: 1 << 20, taken: make(map[int]bool)}
	if namespaced {
		u.first, u.count = 20_000, 40_000
	}
	u.next = rand.IntN(u.count)
	return u
}

func (u *userRange) take() (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for range u.count {
		id := u.first + u.next
		u.next = (u.next + 1) % u.count
		if !u.taken[id] {
			u.taken[id] = true
			return id, nil
		}
	}
	return 0, errNoUser
}

func (u *userRange) give(id int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.taken, id)
}

// The labels of every container and volume of ours. labelInstance is the mark
// of the data directory: what bears another one belongs to another server.
const (
	labelApp         = "app"
	labelInstance    = "codebeaker.instance"
	labelEnvironment = "codebeaker.environment"
	labelRole        = "codebeaker.role"

	appName = "codebeaker"
)

// The roles of containers and volumes, the values of labelRole.
const (
	roleEnvironment = "environment" // a container
	roleCourier     = "courier"     // a container that is never started
	roleWorkspace   = "workspace"   // a volume
	roleGuest       = "guest"       // a volume
)

// labels are those of something made for an environment of that name, which may
// be empty.
func (r *Runtime) labels(role, environment string) map[string]string {
	set := map[string]string{labelApp: appName, labelInstance: r.options.Mark, labelRole: role}
	if environment != "" {
		set[labelEnvironment] = environment
	}
	return set
}

// ours selects what bears this data directory's mark.
func (r *Runtime) ours() filters.Args {
	return filters.NewArgs(filters.Arg("label", labelInstance+"="+r.options.Mark))
}

// newName names something of an environment: "codebeaker-<name>-<random>". The
// name is chosen and claimed before the engine is asked, so that a create whose
// reply was lost is found again.
func newName(environment string) string {
	suffix := make([]byte, 4)
	cryptorand.Read(suffix) // never fails
	return appName + "-" + environment + "-" + hex.EncodeToString(suffix)
}
