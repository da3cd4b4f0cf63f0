// Package workload is what the benchmark does with a server: the tasks of each
// runtime, with outputs that are verified. It speaks to the server as a client
// does, over one WebSocket.
package workload
