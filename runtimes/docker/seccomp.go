package docker

import "encoding/json"

// The profile is an allow-list: a system call that it does not name fails with
// EPERM, so that calls of newer kernels are refused too. Compared with the
// profile of moby v0.3.0 (github.com/moby/profiles), which was the reference
// for what programs need, it leaves out what moby allows only with a capability,
// the 32-bit ABIs (whose socketcall(2) hides its arguments from a filter), and
// address families but four.
//
// The agent adds its own filter on top; where the engine's is missing, that one
// still holds.

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

// Address families, by their number in the kernel's ABI.
const (
	afUnix    = 1
	afInet    = 2
	afInet6   = 10
	afNetlink = 16 // getifaddrs(3) asks by it
)

// newNamespaces are the flags of clone(2) that make namespaces: NEWNS,
// NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
const newNamespaces = 0x7E020000

// personas are the values personality(2) may be given: Linux, with 16-bit uids,
// without address randomisation, both, and the question which one it is.
var personas = []uint64{0, 0x0008, 0x20000, 0x20008, 0xffffffff}

// seccompJSON is the profile, and seccompOption as the engine takes it.
var (
	seccompJSON   = buildSeccomp()
	seccompOption = "seccomp=" + seccompJSON
)

func buildSeccomp() string {
	rules := []seccompRule{}
	for _, names := range allowedCalls {
		rules = append(rules, seccompRule{Names: names, Action: allow})
	}
	for _, family := range []uint64{afUnix, afInet, afInet6, afNetlink} {
		rules = append(rules, allowWhen(equal, family, 0, "socket"))
	}
	rules = append(rules, allowWhen(equal, afUnix, 0, "socketpair"))
	for _, persona := range personas {
		rules = append(rules, allowWhen(equal, persona, 0, "personality"))
	}
	// clone3 has its flags behind a pointer, where no filter sees them. The agent
	// needs it to start programs in control groups of version 2; its own filter,
	// under which every program is, answers it by ENOSYS, by which libraries fall
	// back to clone.
	rules = append(rules,
		allowWhen(maskedEqual, newNamespaces, 0, "clone"),
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
