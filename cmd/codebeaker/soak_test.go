package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// soakLines are programs that want to stay, to take, or to be in the way.
var soakLines = []string{
	"b() { b | b & }; b; while :; do sleep 1; done",
	"trap '' TERM INT HUP PIPE QUIT; while :; do sleep 1; done",
	"yes", "yes >&2", "cat /dev/zero", "kill -KILL -1", "kill -KILL 0", "kill -KILL $PPID; sleep 1",
	"(setsid sleep 1000 &); (setsid sh -c \"trap '' TERM; sleep 1000\" &); exit 3",
	"cat /dev/zero >big", "cat /dev/zero >/dev/shm/big", "i=0; while [ $i -lt 3000 ]; do : >f$i; i=$((i+1)); done",
	`x=$(head -c 400m /dev/zero | tr '\0' x); echo ${#x}`,
	"mkdir -p a/b/c; chmod 000 a; ln -s / out; mkfifo fifo", "exec <&- >&- 2>&-; sleep 1000", "kill -STOP $$", "while :; do :; done", "exit 7", "echo fine",
}

// K10: for a while (SOAK, 20 seconds when it is not set) random hostile programs,
// kills, closes and clients that vanish on every runtime at once. In the end the
// server is healthy and nothing is left. A seed (SOAK_SEED) repeats the choices,
// as far as a machine repeats itself.
func TestSoak(t *testing.T) {
	notShort(t)
	length, seed := 20*time.Second, uint64(time.Now().UnixNano())
	if text := os.Getenv("SOAK"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	if text := os.Getenv("SOAK_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Printf("SOAK_SEED=%d SOAK=%v\n", seed, length)
	p := startServer(t)
	s := &soak{t: t, p: p}
	var live []int
	for i, c := range each {
		if p.registry.Offer(c.kind).Availability.Available {
			live = append(live, i)
		} else if required(c.kind.String()) {
			t.Fatalf("%v is not available", c.kind)
		}
	}
	if len(live) == 0 {
		t.Skip("no runtime is available")
	}
	for _, i := range live { // what is made once
		s.healthy(i)
	}
	storm := func(length time.Duration, seed uint64) {
		s.end = time.Now().Add(length)
		var all sync.WaitGroup
		for n, i := range live {
			all.Go(func() { s.storm(i, rand.New(rand.NewPCG(seed, uint64(n)))) })
		}
		all.Wait()
	}
	storm(length/5, seed+1) // what is kept for the next session, such as idle workers, is there
	before := s.settled(usage{})
	storm(length-length/5, seed)
	t.Logf("%d sessions, %d commands, %d kills", s.sessions.Load(), s.commands.Load(), s.kills.Load())
	if s.sessions.Load() < int64(len(live)) || s.commands.Load() == 0 {
		t.Error("nothing was done")
	}
	if err := closeSessions(p); err != nil {
		t.Error(err)
	}
	for _, i := range live {
		s.healthy(i)
	}
	tracesOf(p).wantNone(t, "")
	if after := s.settled(before); after.exceeds(before) {
		stacks := make([]byte, 1<<20)
		t.Errorf("there are %+v, before it were %+v\n%s\n%s", after, before, strings.Join(descriptors(), "\n"), stacks[:runtime.Stack(stacks, true)])
	}
}

// usage is what a server has of its own process.
type usage struct{ goroutines, descriptors int }

// exceeds reports whether it is more than another by a twentieth, or by two.
func (u usage) exceeds(before usage) bool {
	more := func(now, then int) bool { return now > then+max(2, then/20) }
	return more(u.goroutines, before.goroutines) || more(u.descriptors, before.descriptors)
}

// descriptors say what each descriptor of this process is.
func descriptors() (all []string) {
	list, _ := os.ReadDir("/proc/self/fd")
	for _, fd := range list {
		to, _ := os.Readlink("/proc/self/fd/" + fd.Name())
		all = append(all, fd.Name()+" "+to)
	}
	return all
}

// settled is the usage once it is no more than was, or after ten seconds.
func (s *soak) settled(was usage) (u usage) {
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		list, _ := os.ReadDir("/proc/self/fd")
		u = usage{runtime.NumGoroutine(), len(list)}
		if was.goroutines == 0 && time.Until(end) < 8*time.Second || was.goroutines > 0 && !u.exceeds(was) || time.Now().After(end) {
			return u
		}
	}
}

type soak struct {
	t                         *testing.T
	p                         *Program
	end                       time.Time
	sessions, commands, kills atomic.Int64
}

// healthy creates a session of the runtime, runs a program and closes it.
func (s *soak) healthy(i int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := client.Dial(ctx, s.p.URL(), client.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	session, err := c.Create(ctx, protocol.SessionCreate{Language: each[i].language, RuntimeType: protocol.RuntimeType(each[i].kind.String())})
	if err != nil {
		s.t.Errorf("%v: %v", each[i].kind, err)
		return
	}
	var o outcome
	err = c.Call(ctx, protocol.MethodSessionExecute, object{"sessionId": session.SessionID, "command": shellLine("echo fine")}, &o)
	if err != nil || o.Result.Stdout != "fine\n" {
		s.t.Errorf("%v: %+v, %v", each[i].kind, o, err)
	}
	if err := c.CloseSession(ctx, session.SessionID); err != nil {
		s.t.Error(err)
	}
}

// storm makes sessions of one runtime until the end.
func (s *soak) storm(i int, random *rand.Rand) {
	for time.Now().Before(s.end) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		if err := s.one(ctx, i, random); err != nil {
			s.t.Errorf("%v: %v", each[i].kind, err)
		}
		cancel()
	}
}

// one is the life of a session.
func (s *soak) one(ctx context.Context, i int, random *rand.Rand) error {
	c, err := client.Dial(ctx, s.p.URL(), client.Options{})
	if err != nil {
		return err
	}
	defer c.Close()
	memory, processes, disk := int64(256), int64(64), int64(32)
	session, err := c.Create(ctx, protocol.SessionCreate{
		Language: each[i].language, RuntimeType: protocol.RuntimeType(each[i].kind.String()),
		MemoryLimitMB: &memory, ProcessLimit: &processes, DiskLimitMB: &disk, KillOnDisconnect: random.IntN(4) == 0,
	})
	if err != nil {
		return expected(err)
	}
	s.sessions.Add(1)
	for range 1 + random.IntN(5) {
		s.commands.Add(1)
		params := object{
			"sessionId": session.SessionID, "command": shellLine(soakLines[random.IntN(len(soakLines))]), "timeoutMs": 100 + random.IntN(900),
			"background": random.IntN(3) == 0, "stream": random.IntN(2) == 0,
		}
		switch random.IntN(12) {
		case 0:
			s.kill(session, random)
		case 1: // leaves in the middle
			go func() { _ = c.Call(ctx, protocol.MethodSessionExecute, params, nil) }()
			time.Sleep(time.Duration(random.IntN(100)) * time.Millisecond)
			c.Close()
			return s.close(session.SessionID)
		}
		var o json.RawMessage
		if err := c.Call(ctx, protocol.MethodSessionExecute, params, &o); err != nil {
			if err := expected(err); err != nil {
				return err
			}
		}
		if random.IntN(4) == 0 {
			path := fmt.Sprintf("f%d", random.IntN(5))
			command := object{"type": "write_file", "path": path, "content": strings.Repeat("x", random.IntN(1<<20))}
			if err := expected(c.Call(ctx, protocol.MethodSessionExecute, object{"sessionId": session.SessionID, "command": command}, nil)); err != nil {
				return err
			}
		}
	}
	return s.close(session.SessionID)
}

func (s *soak) close(id string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := client.Dial(ctx, s.p.URL(), client.Options{})
	if err != nil {
		return err
	}
	defer c.Close()
	return expected(c.CloseSession(ctx, id))
}

// kill ends an environment behind the server's back: the session's container, or
// any box.
func (s *soak) kill(session *protocol.Session, random *rand.Rand) {
	s.kills.Add(1)
	if session.ContainerID != "" {
		_ = exec.Command("docker", "rm", "--force", session.ContainerID).Run()
		return
	}
	if guests := (traces{}).processes(); len(guests) > 0 {
		guest := guests[random.IntN(len(guests))]
		if pid, err := strconv.Atoi(strings.TrimPrefix(strings.Fields(guest)[0], "/proc/")); err == nil {
			if p, err := os.FindProcess(pid); err == nil {
				_ = p.Kill()
			}
		}
	}
}

// expected is nil for what such clients may be told: that the session has ended
// or is ending, that there is no room, that an environment could not be made, which
// is killed as it is.
func expected(err error) error {
	var refused *client.RefusedError
	if errors.As(err, &refused) {
		switch refused.Reply.Code {
		case -32001, -32002, -32005, -32009, -32011:
			return nil
		}
	}
	return err
}
