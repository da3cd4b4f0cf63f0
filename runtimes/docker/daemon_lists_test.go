package docker

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// wanted reads the label filter of a list.
func wanted(r *http.Request, labels map[string]string) bool {
	var filter map[string]map[string]bool
	json.Unmarshal([]byte(r.URL.Query().Get("filters")), &filter)
	for want := range filter["label"] {
		key, value, _ := strings.Cut(want, "=")
		if labels[key] != value {
			return false
		}
	}
	return true
}

func (d *daemon) listLocked(r *http.Request) []any {
	list := []any{}
	for _, c := range d.containers {
		if wanted(r, c.labels) {
			state := "created"
			if c.running {
				state = "running"
			}
			list = append(list, map[string]any{"Id": c.id, "Names": []string{"/" + c.name}, "State": state, "Labels": c.labels})
		}
	}
	return list
}

func (d *daemon) serveVolume(route, argument string, w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch route {
	case "volumeCreate":
		var body struct {
			Name   string
			Labels map[string]string
		}
		json.NewDecoder(r.Body).Decode(&body)
		d.volumes[body.Name] = body.Labels
		reply(w, 201, map[string]any{"Name": body.Name})
	case "volumeList":
		list := []any{}
		for name, labels := range d.volumes {
			if wanted(r, labels) {
				list = append(list, map[string]any{"Name": name, "Labels": labels})
			}
		}
		reply(w, 200, map[string]any{"Volumes": list})
	case "volumeRemove":
		delete(d.volumes, argument)
		w.WriteHeader(204)
	}
}

func (d *daemon) serveEvents(w http.ResponseWriter, r *http.Request) {
	lines := make(chan string, 16)
	d.mu.Lock()
	d.events = append(d.events, lines)
	d.mu.Unlock()
	w.WriteHeader(200)
	w.(http.Flusher).Flush()
	for {
		select {
		case line, open := <-lines:
			if !open {
				return
			}
			io.WriteString(w, line+"\n")
			w.(http.Flusher).Flush()
		case <-r.Context().Done():
			return
		}
	}
}

// cutEvents ends the streams of events.
func (d *daemon) cutEvents() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, listener := range d.events {
		close(listener)
	}
	d.events = nil
}
