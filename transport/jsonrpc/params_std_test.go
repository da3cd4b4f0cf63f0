//go:build codebeaker_stdjson

package jsonrpc_test

var paramCases = []struct{ params, member, reason string }{
	{`{"sessionId":7}`, "sessionId", "must be a string"},
	{`{"command":{"path":[]}}`, "command.path", "must be a string"},
	{`{"command":[]}`, "command", "must be an object"},
	{`{"command":{"args":"x"}}`, "command.args", "must be an array"},
	{`{"command":{"mode":3000000000}}`, "command.mode", "must be an integer from -2147483648 to 2147483647"},
	{`{"command":{"small":-1}}`, "command.small", "must be an integer from 0 to 255"},
	{`{"command":{"stream":"yes"}}`, "command.stream", "must be true or false"},
	{`[{"sessionId":"x"}]`, "", "must be an object with named members"},
}
