// Package box makes namespace boxes: a process in mount, pid, network, ipc,
// uts and cgroup namespaces of its own whose root holds nothing but what a
// [Config] names.
//
// The server calls [Start], which clones the guest agent into the new
// namespaces with one end of a socket as its descriptor 3. The agent calls
// [Enter] with the Config it got over that socket: it builds a root on a
// tmpfs, moves there with pivot_root(2), lets go of the host's root and makes
// its own read-only. It has not dropped its privileges then; that is the
// agent's next step.
//
// A server that is root makes no user namespace: the agent starts as root and
// becomes the session's host uid later. For an ordinary user a user namespace
// gives the privileges that building takes; it maps one uid, the server's own.
//
// [Layers] tells by /proc what isolates a started box, from outside, without
// asking the agent. Elsewhere than on Linux every call fails with
// [ErrUnsupported].
package box
