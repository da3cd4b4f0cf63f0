package docker

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types"
)

// runcFixes are the first versions of each line of runc that hold against
// containers which replace masked paths and /dev/console while they start
// (CVE-2025-31133, CVE-2025-52565, CVE-2025-52881). Later lines have them all.
var runcFixes = [][3]int{{1, 2, 8}, {1, 3, 3}}

// runcWarning says what is wrong with the engine's runc, or "".
func runcWarning(version types.Version) string {
	for _, component := range version.Components {
		if component.Name == "runc" && runcIsOld(component.Version) {
			return fmt.Sprintf("the engine's runc %s lacks the fixes of CVE-2025-31133, CVE-2025-52565 and "+
				"CVE-2025-52881: update it to 1.2.8, 1.3.3 or later", component.Version)
		}
	}
	return ""
}

// runcIsOld reports whether the version is known to lack the fixes. What cannot
// be read is not called old.
func runcIsOld(version string) bool {
	parsed, ok := parseVersion(version)
	if !ok {
		return false
	}
	for _, fix := range runcFixes {
		if parsed[0] == fix[0] && parsed[1] == fix[1] {
			return parsed[2] < fix[2]
		}
	}
	first := runcFixes[0]
	return parsed[0] < first[0] || parsed[0] == first[0] && parsed[1] < first[1]
}

// parseVersion reads the three numbers at the start of "v1.1.5+ds1-1".
func parseVersion(text string) (version [3]int, ok bool) {
	fields := strings.SplitN(strings.TrimPrefix(text, "v"), ".", 3)
	if len(fields) != len(version) {
		return version, false
	}
	for i, field := range fields {
		end := strings.IndexFunc(field, func(c rune) bool { return c < '0' || c > '9' })
		if end < 0 {
			end = len(field)
		}
		number, err := strconv.Atoi(field[:end])
		if err != nil {
			return version, false
		}
		version[i] = number
	}
	return version, true
}
