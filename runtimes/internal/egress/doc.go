// Package egress lets a session reach the internet and nothing else.
//
// Its environment has no network of the host: one TUN device (package tunnel)
// in its own network namespace, and behind it a [Relay]. The relay is a
// process of its own, one for each such session, that runs a TCP/IP stack in
// user space (gVisor's), ends every connection of the session there and makes
// a new one from the host. So no firewall rule, bridge or forwarding of the host
// is touched, it works for a server that is an ordinary user, and where a
// connection may lead is decided by one function, [Policy.Check], on the
// address that is really dialled: a name that changes its address between a
// check and its use gains nothing.
//
// The relay reads packets that a hostile program wrote. It therefore is not
// the server: it has none of its open files and none of its memory, no
// capabilities and no way to gain any, the session's own uid where the server is
// root, one processor, a bound on its flows and their buffers, and it ends with
// the pipe from its server. When it dies it is started again; connections are
// lost then, nothing else. Where the server is an ordinary user the relay is
// that user, and what the user may read it might.
//
// What sessions get: TCP and UDP over IPv4, and the host's resolver at the
// router's address. What they do not get: IPv6, ICMP, incoming connections,
// and every address that is not public, the host's own included, unless the
// operator allows it.
//
// A program whose process is to serve as relay calls [RunRelay] first thing in
// main: the server's own binary, and tests.
package egress
