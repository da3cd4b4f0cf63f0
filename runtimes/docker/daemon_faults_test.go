package docker

import (
	"io"
	"net/http"
	"time"
)

// The faults a daemon may show.
func status(code int) fault {
	return func(w http.ResponseWriter, _ *http.Request) {
		reply(w, code, message("a message of the daemon: /var/lib/secret"))
	}
}

func garbage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, "\x00\xff{{{")
}

func cut(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "4096")
	io.WriteString(w, `{"Id": "`)
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		conn.Close()
	}
}

// stall answers nothing until the client leaves.
func stall(_ http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	select {
	case <-r.Context().Done():
	case <-time.After(time.Minute):
	}
}
