// Package tunnel makes the one network interface of a session that may reach
// the internet: a TUN device in the session's own network namespace. Whoever
// holds its file reads the packets that programs send and writes those that
// they receive (tun.rst of the kernel's documentation); package egress does.
//
// The file can be passed over a unix socket, for in a box only the agent has
// the right to make the device and only the server may reach the network.
//
// It is Linux only, and imports nothing heavy: the agent uses it.
package tunnel

import (
	"net/netip"
)

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
