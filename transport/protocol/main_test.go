package protocol

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write the generated tables of docs/protocol.md anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
