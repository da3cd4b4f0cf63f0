// Package frame is the language between the server and its agent in a box or a
// container: frames of a fixed header and a payload, on one stream of bytes.
//
// Both sides number executions; the number in a header says which one a frame
// is about, zero that it is about the link itself. Payloads are JSON where
// they are rare (Hello, Start) and plain bytes where they are many.
//
// Neither side ever waits for one execution with a frame of another in hand:
// output and input flow by credit (Grant, InputCredit), so that whoever reads
// the stream can always put away what it has read.
//
// The server trusts nothing it reads: Reader bounds every frame before it
// reserves memory.
package frame
