package transport

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// post sends a body to /rpc and returns status and body of the answer.
func (w *world) post(t testing.TB, body string) (status int, answer string) {
	t.Helper()
	return w.do(t, http.MethodPost, "/rpc", body, nil)
}

// do makes a request without keeping the connection.
func (w *world) do(t testing.TB, method, path, body string, header map[string]string) (status int, answer string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+w.addr+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Close = true
	for name, value := range header {
		if name == "Host" {
			r.Host = value
		} else {
			r.Header.Set(name, value)
		}
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}
