// Package baseline does the same work without the product, so that its figures
// have something to stand beside: the tool itself as a process, the system
// calls themselves, a bare socket, and the docker command as a user types it.
package baseline
