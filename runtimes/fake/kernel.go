package fake

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"strconv"
	"strings"
	"time"
)

// kernel is what "python3", "node", "bun" and "deno" are with a channel: it speaks the protocol of
// package kernel, and its code is a line for each thing to do:
//
//	print TEXT, complain TEXT   a line of output
//	show TYPE TEXT              a display of that MIME type
//	count                       the value is how many cells have run, this one too
//	value TEXT                  the value is that
//	variable NAME               the value is that of a variable that came with a cell
//	raise NAME TEXT             an exception
//	exit N                      exit(N), and the kernel lives on
//	read                        a message of open input, printed
//	sleep DURATION              SIGINT ends it
//	hang                        only SIGKILL ends it
//	die                         the kernel ends
type kernel struct {
	r     *Run
	cells int
	shown int64
	env   map[string]string
}

// message is one of the protocol's.
type message struct {
	Op     string `json:"op"`
	ID     int64  `json:"id,omitempty"`
	N      int64  `json:"n,omitempty"`
	Status string `json:"status,omitempty"`
	Exit   *int   `json:"exit,omitempty"`

	Env map[string]string `json:"env,omitempty"`

	Parts []part `json:"parts,omitempty"`

	Interrupted   bool   `json:"interrupted,omitempty"`
	ExceptionName string `json:"exceptionName,omitempty"`
}

type part struct {
	Name  string `json:"name"`
	Type  string `json:"type,omitempty"`
	Bytes int    `json:"bytes"`
}

func runKernel(r *Run) int {
	if r.p.channel == nil {
		return usage(r, "a program with a channel")
	}
	k := &kernel{r: r, env: map[string]string{}}
	r.Signals() // SIGINT interrupts a cell and does not end the kernel
	for {
		m, bodies, err := k.read()
		if err != nil {
			return 0
		}
		switch m.Op {
		case "load":
			k.write(message{Op: "ready"})
		case "run":
			if !k.run(m, string(bodies["code"])) {
				return 1
			}
		}
	}
}

func (k *kernel) read() (m message, bodies map[string][]byte, err error) {
	channel := k.r.Channel()
	sizes := make([]byte, 8)
	if _, err := io.ReadFull(channel, sizes); err != nil {
		return m, nil, err
	}
	head := make([]byte, binary.LittleEndian.Uint32(sizes))
	body := make([]byte, binary.LittleEndian.Uint32(sizes[4:]))
	if _, err := io.ReadFull(channel, head); err != nil {
		return m, nil, err
	}
	if _, err := io.ReadFull(channel, body); err != nil {
		return m, nil, err
	}
	if err := json.Unmarshal(head, &m); err != nil {
		return m, nil, err
	}
	bodies = map[string][]byte{}
	for _, p := range m.Parts {
		bodies[p.Name] = body[:p.Bytes]
		body = body[p.Bytes:]
	}
	return m, bodies, nil
}

func (k *kernel) write(m message, bodies ...string) {
	head, err := json.Marshal(m)
	if err != nil {
		panic(err) // there is nothing in it that does not encode
	}
	body := strings.Join(bodies, "")
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(head)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(body)))
	_, _ = k.r.Channel().Write(append(append(b, head...), body...))
}

var errDied = errors.New("the kernel has ended")

// run runs a cell; false ends the kernel.
func (k *kernel) run(m message, code string) bool {
	k.cells++
	maps.Copy(k.env, m.Env)
	result := message{Op: "result", ID: m.ID, Status: "ok"}
	value, said := "", ""
	for line := range strings.Lines(code) {
		word, rest, _ := strings.Cut(strings.TrimRight(line, "\n"), " ")
		switch word {
		case "count":
			value = strconv.Itoa(k.cells)
		case "value":
			value = rest
		case "variable":
			value = k.env[rest]
		default:
			if err := k.do(word, rest, &result, &said); errors.Is(err, errDied) {
				return false
			}
		}
		if result.Status != "ok" {
			break
		}
	}
	if value != "" {
		result.Parts = append(result.Parts, part{Name: "value", Bytes: len(value)})
	}
	if said != "" {
		result.Parts = append(result.Parts, part{Name: "message", Bytes: len(said)})
	}
	k.write(result, value, said)
	return true
}

func (k *kernel) do(word, rest string, result *message, said *string) error {
	switch word {
	case "print":
		_, _ = io.WriteString(k.r.Stdout(), rest+"\n")
	case "complain":
		_, _ = io.WriteString(k.r.Stderr(), rest+"\n")
	case "show":
		kind, data, _ := strings.Cut(rest, " ")
		k.shown++
		k.write(message{Op: "display", N: k.shown, Parts: []part{{"mime", kind, len(data)}}}, data)
		for m, _, err := k.read(); err == nil && m.Op != "ack"; m, _, err = k.read() {
		}
	case "raise":
		result.Status = "exception"
		name, text, _ := strings.Cut(rest, " ")
		result.ExceptionName, *said = name, text
	case "exit":
		n, _ := strconv.Atoi(rest)
		result.Status, result.Exit = "exit", &n
	case "read":
		m, bodies, err := k.read()
		if err != nil {
			return errDied
		}
		_, _ = io.WriteString(k.r.Stdout(), m.Op+":"+string(bodies["data"])+"\n")
	case "sleep":
		d, _ := time.ParseDuration(rest)
		return k.sleep(d, result)
	case "hang":
		<-k.r.Killed()
		return errDied
	case "die":
		return errDied
	}
	return nil
}

func (k *kernel) sleep(d time.Duration, result *message) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return nil
		case <-k.r.Killed():
			return errDied
		case sig := <-k.r.Signals():
			if sig == 2 { // SIGINT
				result.Status, result.ExceptionName, result.Interrupted = "exception", "KeyboardInterrupt", true
				return nil
			}
		}
	}
}
