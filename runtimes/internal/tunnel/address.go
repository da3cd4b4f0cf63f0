package tunnel

import "net/netip"

// The network that a session sees: itself and a router, which is its resolver
// too. It is of a block that nobody routes (TEST-NET-2, RFC 5737), so that it
// hides no address that exists.
var (
	Session = netip.MustParsePrefix("198.51.100.2/30")
	Router  = netip.MustParseAddr("198.51.100.1")
)

// MTU is the largest packet, in bytes. The device is memory on both sides: a
// large packet costs little more than a small one.
const MTU = 65520

// Device is the name of the interface.
const Device = "net0"

// ResolverFile is the content of the session's /etc/resolv.conf.
var ResolverFile = "nameserver " + Router.String() + "\noptions timeout:3 attempts:2\n"
