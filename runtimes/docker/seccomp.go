package docker

import (
	"encoding/json"

	"github.com/codebeaker/codebeaker/runtimes/internal/syscalls"
)

// The profile is the list of package syscalls. The agent adds its own filter of
// the same list, which looks at more arguments; where the engine's is missing,
// that one still holds.

// seccompProfile is the JSON that Docker reads; see seccomp(7) and the OCI
// runtime specification on Linux containers, "Seccomp".
type seccompProfile struct {
	DefaultAction   string        `json:"defaultAction"`
	DefaultErrnoRet uint          `json:"defaultErrnoRet"`
	ArchMap         []seccompArch `json:"archMap"`
	Syscalls        []seccompRule `json:"syscalls"`
}

type seccompArch struct {
	Architecture string `json:"architecture"`
	// SubArchitectures is empty on purpose: calls by way of i386 and x32 end
	// the program.
	SubArchitectures []string `json:"subArchitectures"`
}

type seccompRule struct {
	Names  []string     `json:"names"`
	Action string       `json:"action"`
	Args   []seccompArg `json:"args,omitempty"`
}

type seccompArg struct {
	Index    uint   `json:"index"`
	Value    uint64 `json:"value"`
	ValueTwo uint64 `json:"valueTwo,omitempty"`
	Op       string `json:"op"`
}

const (
	allow = "SCMP_ACT_ALLOW"
	errno = "SCMP_ACT_ERRNO"

	equal       = "SCMP_CMP_EQ"
	maskedEqual = "SCMP_CMP_MASKED_EQ"

	eperm = 1
)

// seccompJSON is the profile, and seccompOption as the engine takes it.
var (
	seccompJSON   = buildSeccomp()
	seccompOption = "seccomp=" + seccompJSON
)

func buildSeccomp() string {
	var names []string
	for i := range syscalls.Allowed {
		switch name := syscalls.Allowed[i].Name; name {
		case "clone", "personality", "socket", "socketpair":
		default:
			names = append(names, name)
		}
	}
	rules := []seccompRule{{Names: names, Action: allow}}
	for _, family := range syscalls.Families {
		rules = append(rules, allowWhen(equal, uint64(family), 0, "socket"))
	}
	rules = append(rules, allowWhen(equal, syscalls.PairFamily, 0, "socketpair"))
	for _, persona := range syscalls.Personas {
		rules = append(rules, allowWhen(equal, uint64(persona), 0, "personality"))
	}
	// clone3 has its flags behind a pointer, where no filter sees them. The agent
	// needs it to start programs in control groups of version 2; its own filter,
	// under which every program is, answers it by ENOSYS, by which libraries fall
	// back to clone.
	rules = append(rules,
		allowWhen(maskedEqual, syscalls.NewNamespaces, 0, "clone"),
		seccompRule{Names: []string{"clone3"}, Action: allow},
	)
	text, err := json.Marshal(seccompProfile{
		DefaultAction:   errno,
		DefaultErrnoRet: eperm,
		ArchMap: []seccompArch{
			{Architecture: "SCMP_ARCH_X86_64", SubArchitectures: []string{}},
			{Architecture: "SCMP_ARCH_AARCH64", SubArchitectures: []string{}},
		},
		Syscalls: rules,
	})
	if err != nil {
		panic(err) // strings and numbers can always be encoded
	}
	return string(text)
}

// allowWhen allows the call when its first argument compares so.
func allowWhen(op string, value, valueTwo uint64, name string) seccompRule {
	return seccompRule{
		Names: []string{name}, Action: allow,
		Args: []seccompArg{{Value: value, ValueTwo: valueTwo, Op: op}},
	}
}
