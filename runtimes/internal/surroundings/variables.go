package surroundings

import (
	"strings"

	"github.com/codebeaker/codebeaker/runtimes"
)

// SystemPath are the directories of PATH where nothing says otherwise.
const SystemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// installed are the directories where pip, npm, go, bun, deno and dotnet put the
// programs that a session installs. They come first, so that a newer version of
// a tool is the one that runs.
var installed = []string{"/.local/bin", "/go/bin", "/.bun/bin", "/.deno/bin", "/.dotnet/tools"}

// usual are variables that an image or a tool may know better.
var usual = []string{
	"LANG=C.UTF-8",
	// A program without a terminal asks whether it has one, not what it is.
	"TERM=xterm-256color",
	// What a program prints is seen as it prints it, and is not lost when it is
	// stopped.
	"PYTHONUNBUFFERED=1",
	// There is no system to break (PEP 668): it is read-only.
	"PIP_BREAK_SYSTEM_PACKAGES=1",
	"PIP_DISABLE_PIP_VERSION_CHECK=1",
	"NPM_CONFIG_UPDATE_NOTIFIER=false",
	// Another Go is not fetched because a go.mod asks for it.
	"GOTOOLCHAIN=local",
}

// own are variables that must be as they are here.
var own = []string{
	"HOME=" + Home, "USER=" + User, "LOGNAME=" + User, "SHELL=" + Shell, "TMPDIR=/tmp",
	"NPM_CONFIG_PREFIX=" + Home + "/.local",
}

// offline keep tools from waiting for a network that is not there: each says at
// once what it could not reach.
var offline = []string{
	"GOPROXY=off", "GOSUMDB=off",
	"PIP_RETRIES=1", // without one it does not say what it could not reach
	"NPM_CONFIG_FETCH_RETRIES=0", "NPM_CONFIG_AUDIT=false",
}

// Where says where programs run.
type Where struct {
	Network  runtimes.Network
	Language runtimes.Language
	// Path are the directories of PATH after those of what a session installs.
	// Empty means SystemPath.
	Path string
	// Found are the variables of the image, or of the tools.
	Found []string
	// Session are the session's own, which replace any other.
	Session []string
}

// Variables are those of every program, each name once.
func Variables(w Where) []string {
	fixed := append([]string{"PATH=" + path(w.Path)}, own...)
	if w.Network == runtimes.NoNetwork {
		fixed = append(fixed, offline...)
	}
	return Merge(usual, w.Found, w.Language.Facts().Env, fixed, w.Session)
}

func path(rest string) string {
	if rest == "" {
		rest = SystemPath
	}
	var all strings.Builder
	for _, directory := range installed {
		all.WriteString(Home + directory + ":")
	}
	return all.String() + rest
}

// Merge joins lists of "KEY=value"; a later one replaces an earlier one of the
// same name, in the earlier one's place. What has no "=" is left out.
func Merge(lists ...[]string) []string {
	var merged []string
	place := make(map[string]int)
	for _, list := range lists {
		for _, entry := range list {
			name, _, ok := strings.Cut(entry, "=")
			if !ok || name == "" {
				continue
			}
			if i, there := place[name]; there {
				merged[i] = entry
				continue
			}
			place[name] = len(merged)
			merged = append(merged, entry)
		}
	}
	return merged
}
