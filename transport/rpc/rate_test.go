package rpc

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/transport"
	"github.com/codebeaker/codebeaker/transport/sessions"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// keyring is a keys file of a test.
type keyring struct {
	*transport.Keys
	t    testing.TB
	path string
}

func newKeyring(t testing.TB) *keyring {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys")
	keys, err := transport.OpenKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	return &keyring{keys, t, path}
}

// add makes a key and returns its secret.
func (k *keyring) add(key transport.Key) string {
	k.t.Helper()
	secret, _, err := k.Make(key)
	if err != nil {
		k.t.Fatal(err)
	}
	return secret
}

// as connects with a key.
func (w *world) as(secret string) *peer {
	return w.dial(websocket.DialOptions{Protocols: []string{transport.BearerProtocol + secret}})
}

const askList = `{"jsonrpc":"2.0","id":1,"method":"session.list"}`

// refused is the error of a reply.
func refused(t *testing.T, reply string) (code int, data struct {
	Limit        string
	Maximum      float64
	RetryAfterMs int64
	Member       string
	Reason       string
}) {
	t.Helper()
	var r struct {
		Error struct {
			Code int
			Data json.RawMessage
		}
	}
	if err := json.Unmarshal([]byte(reply), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Error.Data) > 0 {
		if err := json.Unmarshal(r.Error.Data, &data); err != nil {
			t.Fatal(err)
		}
	}
	return r.Error.Code, data
}

func TestCallsOverTheRateOfAKeyAreToldWhenToTryAgain(t *testing.T) {
	keys := newKeyring(t)
	slow, other := keys.add(transport.Key{Limits: sessions.Limits{Calls: 5}}), keys.add(transport.Key{})
	w := newWorld(t, setup{server: transport.Options{Keys: keys.Keys}})
	p := w.as(slow)
	for range 40 {
		p.send(askList)
	}
	served, over := 0, 0
	var wait int64
	for range 40 {
		reply := p.receive()
		if strings.Contains(reply, `"result"`) {
			served++
			continue
		}
		code, data := refused(t, reply)
		if code != -32008 || data.Limit != "calls" || data.Maximum != 5 || data.RetryAfterMs < 1 || data.RetryAfterMs > 200 {
			t.Fatalf("over the rate: %s", reply)
		}
		over, wait = over+1, data.RetryAfterMs
	}
	if served < 10 || served > 20 { // the burst, and what came while they were sent
		t.Errorf("%d served and %d refused", served, over)
	}
	// The rate is the key's, not the connection's, and nobody else's.
	if code, _ := refused(t, w.as(slow).ask(askList)); code != -32008 {
		t.Error("another connection of the key is served")
	}
	if got := w.as(other).ask(askList); !strings.Contains(got, `"result"`) {
		t.Errorf("another key: %s", got)
	}
	if status, got := w.do(t, http.MethodPost, "/rpc", askList, map[string]string{"Authorization": "Bearer " + slow}); !strings.Contains(got, "-32008") {
		t.Errorf("over HTTP: %d %s", status, got)
	}
	time.Sleep(time.Duration(wait)*time.Millisecond + 200*time.Millisecond)
	if got := p.ask(askList); !strings.Contains(got, `"result"`) {
		t.Errorf("after %d ms: %s", wait, got)
	}
}

func TestAMemberOfABatchCountsAsACall(t *testing.T) {
	keys := newKeyring(t)
	secret := keys.add(transport.Key{Limits: sessions.Limits{Calls: 1}})
	w := newWorld(t, setup{server: transport.Options{Keys: keys.Keys}})
	batch := "[" + strings.TrimSuffix(strings.Repeat(askList+",", 15), ",") + "]"
	got := w.as(secret).ask(batch)
	if served, over := strings.Count(got, `"result"`), strings.Count(got, "-32008"); served != 10 || over != 5 {
		t.Errorf("%d served, %d over the rate", served, over)
	}
}

// Whatever one connection floods with, it is read at its rate and nothing of it is
// lost; others are answered meanwhile.
func TestAFloodIsReadAtTheRateOfAConnection(t *testing.T) {
	const perSecond, messages = 200, 500
	for name, message := range map[string]string{
		"notifications": `{"jsonrpc":"2.0","method":"session.list"}`,
		"unknown":       `{"jsonrpc":"2.0","method":"no.such"}`,
		"malformed":     `{"jsonrpc":`,
		"requests":      askList,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{door: Options{MessagesPerSecond: perSecond}})
			p, other := w.dial(websocket.DialOptions{}), w.dial(websocket.DialOptions{})
			begin := time.Now()
			for range messages {
				p.send(message)
			}
			p.send(`{"jsonrpc":"2.0","id":7,"method":"initialize"}`)
			for range 20 {
				if got := other.ask(askList); !strings.Contains(got, `"result"`) {
					t.Fatalf("another connection: %s", got)
				}
			}
			if time.Since(begin) > time.Second {
				t.Error("another connection waits with the flood")
			}
			if !strings.Contains(p.reply(7), `"result"`) {
				t.Error("the call behind the flood is not served")
			}
			// The burst goes through at once.
			if took, least := time.Since(begin), time.Second*(messages-perSecond)/perSecond; took < least*9/10 {
				t.Errorf("%d messages took %v, at %d a second", messages, took, perSecond)
			}
		})
	}
}

// A flood of calls over the key's rate is not refused as fast as it comes.
func TestRefusalsHaveARateToo(t *testing.T) {
	keys := newKeyring(t)
	secret := keys.add(transport.Key{Limits: sessions.Limits{Calls: 1}})
	w := newWorld(t, setup{server: transport.Options{Keys: keys.Keys}})
	p := w.as(secret)
	begin := time.Now()
	for range 130 {
		p.send(askList)
	}
	for range 130 {
		p.receive()
	}
	// Ten are served, a hundred refused at once, the other twenty by ten a second.
	if took := time.Since(begin); took < 1500*time.Millisecond {
		t.Errorf("130 calls were answered within %v", took)
	}
}

func TestNotificationsOverTheRateWaitForTheirTurn(t *testing.T) {
	keys := newKeyring(t)
	secret := keys.add(transport.Key{Limits: sessions.Limits{Calls: 10}})
	w := newWorld(t, setup{server: transport.Options{Keys: keys.Keys}})
	p := w.as(secret)
	begin := time.Now()
	for range 30 { // twenty at once
		p.send(`{"jsonrpc":"2.0","method":"session.create","params":{"language":"python"}}`)
	}
	for count := 0; count < 30; time.Sleep(20 * time.Millisecond) {
		infos, err := w.count()
		if err != nil || time.Since(begin) > 10*time.Second {
			t.Fatalf("%d sessions: %v", infos, err)
		}
		count = infos
	}
	if took := time.Since(begin); took < 900*time.Millisecond {
		t.Errorf("30 notifications at 10 a second took %v", took)
	}
}

func TestBytesHaveARate(t *testing.T) {
	keys := newKeyring(t)
	secret := keys.add(transport.Key{Limits: sessions.Limits{Bytes: 100_000}})
	w := newWorld(t, setup{server: transport.Options{Keys: keys.Keys}})
	p := w.as(secret)
	padded := func(id int) string {
		return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"session.list","params":{"labels":{},"x":"%s"}}`, id, strings.Repeat("x", 60_000))
	}
	if got := p.ask(padded(1)); !strings.Contains(got, `"result"`) {
		t.Fatalf("within the burst: %s", got)
	}
	code, data := refused(t, p.ask(padded(2)))
	if code != -32008 || data.Limit != "bytes" || data.RetryAfterMs < 1 {
		t.Errorf("over the rate: %d %+v", code, data)
	}
	time.Sleep(time.Duration(data.RetryAfterMs)*time.Millisecond + 100*time.Millisecond)
	if got := p.ask(padded(3)); !strings.Contains(got, `"result"`) {
		t.Errorf("after %d ms: %s", data.RetryAfterMs, got)
	}
}

func TestCreatesHaveARate(t *testing.T) {
	keys := newKeyring(t)
	secret := keys.add(transport.Key{Limits: sessions.Limits{Creates: 0.5}})
	w := newWorld(t, setup{server: transport.Options{Keys: keys.Keys}})
	p := w.as(secret)
	p.create(`{"language":"python"}`)
	code, data := refused(t, p.ask(create(2, `{"language":"python"}`)))
	if code != -32008 || data.Limit != "creates" || data.RetryAfterMs < 1000 || data.RetryAfterMs > 2000 {
		t.Errorf("the second create: %d %+v", code, data)
	}
	if got := p.ask(askList); !strings.Contains(got, `"count":1`) {
		t.Errorf("what was refused has made a session: %s", got)
	}
}

func create(id int, params string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"session.create","params":%s}`, id, params)
}

func TestQuotasOfAKeyAreHeldAndGivenBack(t *testing.T) {
	for _, c := range []struct {
		limit        string
		limits       sessions.Limits
		params, huge string
	}{
		{"keySessions", sessions.Limits{Sessions: 1}, `{"language":"python"}`, ""},
		{"keyMemoryMB", sessions.Limits{MemoryMB: 500}, `{"language":"python","memoryLimitMB":300}`, `{"language":"python","memoryLimitMB":501}`},
		{"keyCPUs", sessions.Limits{CPUs: 1.5}, `{"language":"python","cpus":1}`, `{"language":"python","cpus":2}`},
		{"keyDiskMB", sessions.Limits{DiskMB: 100}, `{"language":"python","diskLimitMB":60}`, `{"language":"python","diskLimitMB":101}`},
	} {
		t.Run(c.limit, func(t *testing.T) {
			keys := newKeyring(t)
			secret, other := keys.add(transport.Key{Limits: c.limits}), keys.add(transport.Key{})
			w := newWorld(t, setup{server: transport.Options{Keys: keys.Keys}})
			p := w.as(secret)
			id := p.create(c.params)
			code, data := refused(t, w.as(secret).ask(create(2, c.params)))
			if code != -32005 || data.Limit != c.limit || data.RetryAfterMs < 1 {
				t.Fatalf("a second one: %d %+v", code, data)
			}
			w.as(other).create(c.params)
			p.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":5,"method":"session.close","params":{"sessionId":"%s"}}`, id))
			p.reply(5)
			again := p.create(c.params)
			if again == id {
				t.Error("the closed session came back")
			}
			if c.huge == "" {
				return
			}
			if code, data := refused(t, p.ask(create(6, c.huge))); code != -32602 || !strings.Contains(data.Reason, c.limit) {
				t.Errorf("what can never be: %d %+v", code, data)
			}
		})
	}
}

// A create that fails gives back what it had taken.
func TestAFailedCreateLeavesTheQuota(t *testing.T) {
	keys := newKeyring(t)
	secret := keys.add(transport.Key{Limits: sessions.Limits{Sessions: 1}})
	w := newWorld(t, setup{server: transport.Options{Keys: keys.Keys}})
	p := w.as(secret)
	for range 3 {
		if code, _ := refused(t, p.ask(create(1, `{"language":"python","runtimeType":"Bun"}`))); code != -32003 {
			t.Fatalf("Bun does not serve python: %d", code)
		}
	}
	p.create(`{"language":"python"}`)
}

func TestUsageOfAKeyIsShown(t *testing.T) {
	keys := newKeyring(t)
	secret := keys.add(transport.Key{Limits: sessions.Limits{Calls: 100, MemoryMB: 2048, Sessions: -1}})
	w := newWorld(t, setup{server: transport.Options{Keys: keys.Keys}, limits: sessions.Limits{Sessions: 5, CPUs: 4}})
	p := w.as(secret)
	p.create(`{"language":"python","memoryLimitMB":300,"cpus":0.5,"diskLimitMB":64}`)
	p.create(`{"language":"python","memoryLimitMB":100,"cpus":0.25,"diskLimitMB":36}`)
	var reply struct {
		Result struct {
			Sessions, MemoryMB, CPUs, DiskMB, CallsPerSecond float64
			Limits                                           map[string]*float64
		}
	}
	if err := json.Unmarshal([]byte(w.as(secret).ask(`{"jsonrpc":"2.0","id":1,"method":"key.usage"}`)), &reply); err != nil {
		t.Fatal(err)
	}
	u := reply.Result
	if u.Sessions != 2 || u.MemoryMB != 400 || u.CPUs != 0.75 || u.DiskMB != 100 || u.CallsPerSecond < 1 {
		t.Errorf("usage %+v", u)
	}
	for name, want := range map[string]float64{"callsPerSecond": 100, "memoryMB": 2048, "cpus": 4, "sessions": 0, "diskMB": 0} {
		got, there := u.Limits[name]
		if !there || (got == nil) != (want == 0) || got != nil && *got != want {
			t.Errorf("limit %s: %v, not %v", name, got, want)
		}
	}
}

func TestWithoutKeysLimitsAreThoseOfTheAddress(t *testing.T) {
	w := newWorld(t, setup{limits: sessions.Limits{Sessions: 1}})
	w.dial(websocket.DialOptions{}).create(`{"language":"python"}`)
	if code, data := refused(t, w.dial(websocket.DialOptions{}).ask(create(1, `{"language":"python"}`))); code != -32005 || data.Limit != "keySessions" {
		t.Errorf("a second session from this address: %d %+v", code, data)
	}
}

func TestRolesSayWhatAKeyIsFor(t *testing.T) {
	keys := newKeyring(t)
	admin := keys.add(transport.Key{Roles: []transport.Role{transport.RoleAdmin}})
	user := keys.add(transport.Key{Roles: []transport.Role{transport.RoleUser}})
	scraper := keys.add(transport.Key{Roles: []transport.Role{transport.RoleMetrics}})
	old := keys.add(transport.Key{})
	w := newWorld(t, setup{server: transport.Options{Keys: keys.Keys}})
	for _, c := range []struct {
		name, secret string
		metrics, rpc int
	}{
		{"admin", admin, 200, 200}, {"user", user, 403, 200}, {"metrics", scraper, 200, 403}, {"without a role", old, 200, 200},
	} {
		header := map[string]string{"Authorization": "Bearer " + c.secret}
		if status, _ := w.do(t, http.MethodGet, "/metrics", "", header); status != c.metrics {
			t.Errorf("%s: /metrics answers %d", c.name, status)
		}
		if status, got := w.do(t, http.MethodPost, "/rpc", askList, header); status != c.rpc {
			t.Errorf("%s: /rpc answers %d %s", c.name, status, got)
		}
	}
	mine := w.as(user).create(`{"language":"python"}`)
	theirs := w.as(old).create(`{"language":"python"}`)
	a := w.as(admin)
	list := a.ask(askList)
	if !strings.Contains(list, `"count":2`) || !strings.Contains(list, mine) || !strings.Contains(list, theirs) || strings.Count(list, `"key":"`) != 2 {
		t.Errorf("what the admin sees: %s", list)
	}
	if got := w.as(user).ask(askList); !strings.Contains(got, `"count":1`) || strings.Contains(got, `"key":"`) {
		t.Errorf("what the user sees: %s", got)
	}
	if got := a.ask(fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"session.close","params":{"sessionId":"%s"}}`, mine)); !strings.Contains(got, `"closed":true`) {
		t.Errorf("the admin's close: %s", got)
	}
	if got := a.ask(askList); !strings.Contains(got, `"count":1`) {
		t.Errorf("after the admin's close: %s", got)
	}
}

func TestAKeyThatExpiresIsNoneAnyMore(t *testing.T) {
	keys := newKeyring(t)
	end := time.Now().Add(1500 * time.Millisecond)
	secret := keys.add(transport.Key{Expires: end})
	w := newWorld(t, setup{server: transport.Options{Keys: keys.Keys}})
	p := w.as(secret)
	if got := p.ask(askList); !strings.Contains(got, `"result"`) {
		t.Fatalf("before: %s", got)
	}
	time.Sleep(time.Until(end) + 10*time.Millisecond)
	if status, _ := w.do(t, http.MethodPost, "/rpc", askList, map[string]string{"Authorization": "Bearer " + secret}); status != 401 {
		t.Errorf("afterwards: %d", status)
	}
	p.send(askList)
	if err := p.closeError(); err == nil || err.Code != websocket.CodePolicy {
		t.Errorf("its open connection: %v", err)
	}
}

func TestKeysOfEarlierVersionsAreRead(t *testing.T) {
	keys := newKeyring(t)
	line := fmt.Sprintf(`{"id":"01ABC","name":"old","created":"2025-01-02T03:04:05Z","sha256":"%064d"}`, 7)
	if err := os.WriteFile(keys.path, []byte(line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	keys.add(transport.Key{Name: "new", Roles: []transport.Role{transport.RoleAdmin}, Expires: time.Now().Add(time.Hour), Limits: sessions.Limits{Calls: 3}})
	list, err := keys.List()
	if err != nil || len(list) != 2 || list[0].ID != "01ABC" || !list[0].Is(transport.RoleMetrics) || list[0].Is(transport.RoleAdmin) || list[1].Limits.Calls != 3 {
		t.Fatalf("%+v %v", list, err)
	}
	text, err := os.ReadFile(keys.path)
	if err != nil || !strings.HasPrefix(string(text), line+"\n") {
		t.Errorf("the old line has changed: %s %v", text, err)
	}
	if err := os.WriteFile(keys.path, []byte(strings.Replace(line, `"name"`, `"roles":["root"],"name"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := transport.OpenKeys(keys.path); err == nil || !strings.Contains(err.Error(), `"root" is not a role`) {
		t.Errorf("a role that there is not: %v", err)
	}
}
