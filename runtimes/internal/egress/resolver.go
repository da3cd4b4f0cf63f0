package egress

import (
	"bufio"
	"io"
	"net/netip"
	"os"
	"strings"
)

// resolverFile lists the host's resolvers, resolv.conf(5).
const resolverFile = "/etc/resolv.conf"

// hostResolver is the first resolver of the host, as of now.
func hostResolver() (netip.AddrPort, bool) {
	file, err := os.Open(resolverFile)
	if err != nil {
		return netip.AddrPort{}, false
	}
	defer file.Close()
	return firstResolver(file)
}

// firstResolver reads lines "nameserver ADDRESS".
func firstResolver(r io.Reader) (netip.AddrPort, bool) {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 || fields[0] != "nameserver" {
			continue
		}
		if address, err := netip.ParseAddr(fields[1]); err == nil {
			return netip.AddrPortFrom(address, dnsPort), true
		}
	}
	return netip.AddrPort{}, false
}

const dnsPort = 53
