package load

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// meter reads the server's metrics.
type meter struct {
	url    string
	key    string
	client *http.Client
}

// newMeter is for the server of a WebSocket address.
func newMeter(address, key string) *meter {
	address = strings.Replace(address, "ws", "http", 1)
	if i := strings.Index(address, "/ws/"); i > 0 {
		address = address[:i]
	}
	return &meter{url: address + "/metrics", key: key, client: &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{}}}
}

func (m *meter) close() { m.client.CloseIdleConnections() }

// megabytes is the resident memory of the server, zero when it does not say.
func (m *meter) megabytes(ctx context.Context) float64 {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, m.url, nil)
	if err != nil {
		return 0
	}
	if m.key != "" {
		request.Header.Set("Authorization", "Bearer "+m.key)
	}
	answer, err := m.client.Do(request)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	bytes, err := gauge(answer.Body, "process_resident_memory_bytes")
	if err != nil {
		return 0
	}
	return bytes / (1 << 20)
}

// gauge finds a value without labels in the text format of Prometheus.
func gauge(text io.Reader, name string) (float64, error) {
	for lines := bufio.NewScanner(text); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			return strconv.ParseFloat(strings.TrimSpace(value), 64)
		}
	}
	return 0, fmt.Errorf("there is no %s", name)
}
