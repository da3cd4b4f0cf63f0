// Command guest is the agent, the first process of every container and box;
// see package runtimes/guest.
//
//	guest             the stream is descriptor 3
//	guest -dial PATH  the stream is a unix socket to connect to
//	guest -stdio      the stream is standard input and output
//	guest -tunnel PATH  makes a network interface, passes it to the socket and ends
package main

import (
	"os"

	"github.com/codebeaker/codebeaker/runtimes/guest"
)

func main() { os.Exit(guest.Main(os.Args[1:])) }
