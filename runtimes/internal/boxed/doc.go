// Package boxed makes runtimes out of a namespace box and the tools of the
// host: Bun, Deno and Native differ in their [Flavor] only.
//
// An environment is a box (package box) with the guest agent as its first
// process, a link to it (package guestlink), a control group where the server
// may make some (package cgroup) and the session's workspace (package
// workspace). It is lost when the link or the agent ends, and the kernel
// removes the whole box with the agent.
//
// A server that is root gives each session a host uid of its own. For an
// ordinary user the same box stands in a user namespace. What no control group
// limits, resource limits do; Environment.Limits and Environment.Isolation say
// the difference. What an ordinary user's groups may
// read stays readable to a box, as far as the box shows it at all.
//
// A box has a loopback of its own. With Spec.Network Internet its agent makes a
// TUN device besides (package tunnel), and a relay behind it (package egress)
// lets programs reach public addresses and nothing of the host.
package boxed
