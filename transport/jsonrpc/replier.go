package jsonrpc

// Replier takes replies, from any goroutine: encode appends one reply to dst
// and returns it. encode is called before Reply returns, or not at all when
// nobody is there any more. It must not call the Replier.
type Replier interface {
	Reply(encode func(dst []byte) []byte)
}

// Expecter is a Replier that must know how many replies will come. Parse calls
// Expect once for each, before it can come.
type Expecter interface {
	Replier
	Expect()
}

func expect(to Replier) {
	if e, ok := to.(Expecter); ok {
		e.Expect()
	}
}
