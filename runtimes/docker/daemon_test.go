package docker

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// daemon is a Docker engine that exists in name only: it keeps lists of
// containers and volumes, and fails where a test tells it to.
type daemon struct {
	server *httptest.Server

	mu         sync.Mutex
	faults     map[string]fault // by route
	calls      []string         // routes in the order of the calls
	containers map[string]*fakeContainer
	volumes    map[string]map[string]string // labels
	archives   [][]byte
	events     []chan string
	image      string // asked for last
	hidden     bool   // no path of the server is seen
	made       int
}

type fakeContainer struct {
	id, name string
	labels   map[string]string
	running  bool
	started  bool
	body     map[string]any
	agent    net.Conn // the container's end of the link
}

// fault answers a call instead of the daemon.
type fault func(w http.ResponseWriter, r *http.Request)

func newDaemon(t *testing.T) *daemon {
	t.Helper()
	d := &daemon{
		faults: make(map[string]fault), containers: make(map[string]*fakeContainer),
		volumes: make(map[string]map[string]string),
	}
	d.server = httptest.NewServer(d)
	t.Cleanup(func() {
		d.cutEvents()
		d.mu.Lock()
		for _, c := range d.containers {
			d.removeLocked(c)
		}
		d.mu.Unlock()
		d.server.CloseClientConnections()
		d.server.Close()
	})
	return d
}

func (d *daemon) host() string { return "tcp://" + d.server.Listener.Addr().String() }

// lastImage is the name by which an image was asked for last.
func (d *daemon) lastImage() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.image
}

// fail makes a route fail from now on; nil heals it.
func (d *daemon) fail(route string, f fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults[route] = f
}

var routes = []struct {
	name, method string
	path         *regexp.Regexp
}{
	{"ping", "", regexp.MustCompile(`^/_ping$`)},
	{"version", "GET", regexp.MustCompile(`^/version$`)},
	{"info", "GET", regexp.MustCompile(`^/info$`)},
	{"events", "GET", regexp.MustCompile(`^/events$`)},
	{"image", "GET", regexp.MustCompile(`^/images/(.+)/json$`)},
	{"create", "POST", regexp.MustCompile(`^/containers/create$`)},
	{"start", "POST", regexp.MustCompile(`^/containers/([^/]+)/start$`)},
	{"inspect", "GET", regexp.MustCompile(`^/containers/([^/]+)/json$`)},
	{"attach", "POST", regexp.MustCompile(`^/containers/([^/]+)/attach$`)},
	{"list", "GET", regexp.MustCompile(`^/containers/json$`)},
	{"archive", "PUT", regexp.MustCompile(`^/containers/([^/]+)/archive$`)},
	{"remove", "DELETE", regexp.MustCompile(`^/containers/([^/]+)$`)},
	{"volumeCreate", "POST", regexp.MustCompile(`^/volumes/create$`)},
	{"volumeList", "GET", regexp.MustCompile(`^/volumes$`)},
	{"volumeRemove", "DELETE", regexp.MustCompile(`^/volumes/([^/]+)$`)},
}

var versionPrefix = regexp.MustCompile(`^/v[0-9.]+`)

func (d *daemon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := versionPrefix.ReplaceAllString(r.URL.Path, "")
	for _, route := range routes {
		match := route.path.FindStringSubmatch(path)
		if match == nil || route.method != "" && route.method != r.Method {
			continue
		}
		d.mu.Lock()
		d.calls = append(d.calls, route.name)
		f := d.faults[route.name]
		d.mu.Unlock()
		if f != nil {
			f(w, r)
			return
		}
		argument := ""
		if len(match) > 1 {
			argument = match[1]
		}
		d.serve(route.name, argument, w, r)
		return
	}
	reply(w, http.StatusNotImplemented, message("the fake daemon knows no "+r.Method+" "+path))
}

func (d *daemon) serve(route, argument string, w http.ResponseWriter, r *http.Request) {
	switch route {
	case "ping":
		w.Header().Set("Api-Version", "1.41")
		io.WriteString(w, "OK")
	case "version":
		reply(w, 200, map[string]any{"Version": "20.10.24", "Arch": "amd64", "Components": []any{
			map[string]any{"Name": "runc", "Version": "1.1.5+ds1"}}})
	case "info":
		reply(w, 200, map[string]any{"ID": "FAKE", "NCPU": 2, "SecurityOptions": []string{"name=seccomp,profile=default"}})
	case "image":
		d.mu.Lock()
		d.image = argument
		d.mu.Unlock()
		reply(w, 200, map[string]any{"Id": "sha256:" + argument, "Config": map[string]any{}})
	case "events":
		d.serveEvents(w, r)
	case "volumeCreate", "volumeList", "volumeRemove":
		d.serveVolume(route, argument, w, r)
	default:
		d.serveContainer(route, argument, w, r)
	}
}

func (d *daemon) serveContainer(route, argument string, w http.ResponseWriter, r *http.Request) {
	if route == "create" {
		d.createContainer(w, r)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if route == "list" {
		reply(w, 200, d.listLocked(r))
		return
	}
	c := d.findLocked(argument)
	if c == nil {
		reply(w, 404, message("No such container"))
		return
	}
	switch route {
	case "start":
		c.running, c.started = true, true
		if err := c.dial(); err != nil {
			reply(w, 500, message(err.Error()))
			return
		}
		w.WriteHeader(204)
	case "attach":
		c.agent, _, _ = w.(http.Hijacker).Hijack()
		io.WriteString(c.agent, "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
	case "inspect":
		reply(w, 200, map[string]any{"Id": c.id, "State": map[string]any{"Running": c.running}, "HostConfig": map[string]any{}})
	case "archive":
		body, _ := io.ReadAll(r.Body)
		d.archives = append(d.archives, body)
		if c.started {
			reply(w, 500, message("an archive for a container that was started"))
			return
		}
		w.WriteHeader(200)
	case "remove":
		d.removeLocked(c)
		w.WriteHeader(204)
	}
}

func (d *daemon) removeLocked(c *fakeContainer) {
	delete(d.containers, c.id)
	if c.agent != nil {
		c.agent.Close()
	}
}

// dial does what the agent would: connect to the socket that was bound in.
func (c *fakeContainer) dial() (err error) {
	var body struct {
		HostConfig struct {
			Mounts []struct{ Source, Target string }
		}
	}
	text, _ := json.Marshal(c.body)
	json.Unmarshal(text, &body)
	for _, m := range body.HostConfig.Mounts {
		if m.Target == linkTarget {
			short, done, shortErr := shortPath(m.Source)
			if shortErr != nil {
				return shortErr
			}
			c.agent, err = net.Dial("unix", filepath.Join(short, socketName))
			done()
		}
	}
	return err
}

func (d *daemon) createContainer(w http.ResponseWriter, r *http.Request) {
	var body map[string]any
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		reply(w, 400, message(err.Error()))
		return
	}
	if d.hidden && strings.Contains(fmt.Sprint(body["HostConfig"]), "/marker") {
		reply(w, 400, message(`invalid mount config for type "bind": bind source path does not exist`))
		return
	}
	reply(w, 201, map[string]any{"Id": d.add(r.URL.Query().Get("name"), body)})
}

// add makes a container and tells those who listen.
func (d *daemon) add(name string, body map[string]any) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.made++
	c := &fakeContainer{id: fmt.Sprintf("id%d", d.made), name: name, labels: map[string]string{}, body: body}
	labels, _ := body["Labels"].(map[string]any)
	for key, value := range labels {
		c.labels[key] = fmt.Sprint(value)
	}
	d.containers[c.id] = c
	d.tellLocked("create", c)
	return c.id
}

// tellLocked sends an event to those who listen.
func (d *daemon) tellLocked(action string, c *fakeContainer) {
	line := fmt.Sprintf(`{"Type":"container","Action":%q,"Actor":{"ID":%q,"Attributes":{"name":%q}}}`, action, c.id, c.name)
	for _, listener := range d.events {
		select {
		case listener <- line:
		default:
		}
	}
}

func (d *daemon) findLocked(reference string) *fakeContainer {
	for _, c := range d.containers {
		if c.id == reference || c.name == reference {
			return c
		}
	}
	return nil
}

// left lists containers and volumes.
func (d *daemon) left() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	names := []string{}
	for _, c := range d.containers {
		names = append(names, c.name)
	}
	for name := range d.volumes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// called counts the calls of a route.
func (d *daemon) called(route string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	count := 0
	for _, call := range d.calls {
		if call == route {
			count++
		}
	}
	return count
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

func message(text string) map[string]string { return map[string]string{"message": text} }
