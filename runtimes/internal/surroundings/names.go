package surroundings

import (
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/tunnel"
)

// Hosts is the content of /etc/hosts, hosts(5), as Debian has it. The machine's
// own name leads to itself, so that who serves on it is found on localhost too.
func Hosts(hostName string) string {
	return "127.0.0.1\tlocalhost\n127.0.0.1\t" + hostName + "\n" +
		"::1\tlocalhost ip6-localhost ip6-loopback\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n"
}

// Resolver is the content of /etc/resolv.conf, resolv.conf(5). Without a network
// there is nobody to ask, and who asks all the same, on the loopback as is the
// default, does so once and briefly.
func Resolver(network runtimes.Network) string {
	if network == runtimes.NoNetwork {
		return "# There is no network.\noptions timeout:1 attempts:1\n"
	}
	return tunnel.ResolverFile
}

// NameServices is the content of /etc/nsswitch.conf, nsswitch.conf(5).
const NameServices = "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\n" +
	"protocols: files\nservices: files\nethers: files\nrpc: files\n"
