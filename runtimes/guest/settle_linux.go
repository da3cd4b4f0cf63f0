package guest

import (
	"encoding/json"
	"os"

	"github.com/codebeaker/codebeaker/runtimes/internal/box"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
)

// settle does what Hello says, in an order in which each step still has the
// privileges it needs, and reports what is in force.
func (a *agent) settle(payload []byte) (frame.Report, error) {
	if err := json.Unmarshal(payload, &a.hello); err != nil {
		return frame.Report{}, err
	}
	var err error
	if a.home, err = a.conn.take(a.hello.Descriptors); err != nil {
		return frame.Report{}, err
	}
	if len(a.hello.Box) > 0 {
		if err := enterBox(a.hello.Box); err != nil {
			return frame.Report{}, err
		}
	}
	a.table = newTable()
	a.starter = newStarter(a)
	return frame.Report{PID: os.Getpid(), UID: os.Getuid(), GID: os.Getgid()}, nil
}

func enterBox(raw json.RawMessage) error {
	var cfg box.Config
	if err := json.Unmarshal(raw, &cfg); err != nil {
		return err
	}
	return box.Enter(cfg)
}

// workspace is where programs start.
func (a *agent) workspace() string {
	if a.hello.Workspace == "" {
		return "/"
	}
	return a.hello.Workspace
}
