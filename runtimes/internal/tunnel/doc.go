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
