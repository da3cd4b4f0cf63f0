// Package docker runs sessions in containers of a Docker engine, one container
// per environment.
//
// The container has no network, no capabilities, a read-only root, a seccomp
// allow-list, limits of memory, processes and CPU, and one writable tree: the
// session's workspace. Its first process is the guest agent (cmd/guest), which
// starts and watches the programs; the engine's own exec is not used, for it
// takes fifty times as long and nothing ends an exec once it runs.
//
// Where the engine shares the server's files, which is proven by a marker file
// and not assumed, the workspace is a directory of the server bound into the
// container and the agent dials a unix socket in a second, read-only one. Where
// it does not (an engine elsewhere, Docker Desktop, a server in a container),
// the agent speaks over the container's standard streams, its binary and the
// workspace are volumes, and file commands go through the agent.
//
// Everything made carries the labels of [Options.Mark], so that an earlier life
// of the server can be swept and two servers on one engine leave each other
// alone. This is the only package that imports the Docker client.
package docker
