// Package reason makes the sentences that tell clients and the operator why
// something cannot be used here and what to do. A sentence is one line, holds
// no program's text, and of what programs and the kernel say only a bounded
// part; the whole cause is the log's.
package reason
