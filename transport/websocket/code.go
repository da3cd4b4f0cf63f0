package websocket

import (
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// Status codes of a close frame (RFC 6455, section 7.4.1, and the IANA registry
// for 1012 to 1014).
const (
	CodeNormal        uint16 = 1000
	CodeGoingAway     uint16 = 1001 // the server shuts down
	CodeProtocolError uint16 = 1002
	CodeNoStatus      uint16 = 1005 // never sent: the close frame had no code
	CodeAbnormal      uint16 = 1006 // never sent: the connection broke
	CodeInvalidText   uint16 = 1007 // a text message is not UTF-8
	CodePolicy        uint16 = 1008
	CodeTooBig        uint16 = 1009
	CodeInternal      uint16 = 1011
	CodeTryAgainLater uint16 = 1013 // a slow consumer
)

// maxReason is what a control frame leaves for the reason (RFC 6455, section 5.5).
const maxReason = ws.MaxControlFramePayloadSize - 2

// cutReason cuts a reason to what a close frame can hold, between characters.
func cutReason(s string) string {
	if len(s) <= maxReason {
		return s
	}
	end := maxReason
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

// checkClose checks the payload of a close frame that came, and returns what it
// says. The error is a *CloseError to answer with.
func checkClose(payload []byte) (code uint16, reason string, err error) {
	if len(payload) == 0 {
		return CodeNoStatus, "", nil
	}
	if len(payload) == 1 {
		// RFC 6455, 5.5.1: the first two bytes of a body are the code.
		return 0, "", protocolError("close frame with one byte")
	}
	status, reason := ws.ParseCloseFrameData(payload)
	if !utf8.ValidString(reason) {
		return 0, "", &CloseError{Code: CodeInvalidText, Reason: "close reason is not UTF-8"}
	}
	if status >= 1012 && status <= 1014 {
		return uint16(status), reason, nil // registered after gobwas' table
	}
	if status > ws.StatusRangePrivate.Max { // RFC 6455, 7.4.2 ends at 4999
		return 0, "", protocolError("close code is not in use")
	}
	if err := ws.CheckCloseFrameData(status, reason); err != nil {
		return 0, "", protocolError(err.Error())
	}
	return uint16(status), reason, nil
}
