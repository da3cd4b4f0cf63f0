package guest

import (
	"encoding/json"
	"fmt"

	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
)

// greet waits for Hello, settles as it says and answers. A step that fails is
// told to the server before the agent ends: half a confinement is none.
func (a *agent) greet() error {
	h, payload, err := a.reader.Next()
	if err != nil {
		return fmt.Errorf("wait for hello: %w", err)
	}
	if h.Kind != frame.KindHello {
		return fmt.Errorf("the first frame is a %v", h.Kind)
	}
	report, err := a.settle(payload)
	if err != nil {
		a.conn.send(frame.Header{Kind: frame.KindFailed}, []byte(err.Error()))
		return err
	}
	answer, err := json.Marshal(report)
	if err != nil {
		return err
	}
	a.conn.send(frame.Header{Kind: frame.KindReady}, answer)
	return nil
}
