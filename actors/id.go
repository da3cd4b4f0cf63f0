package actors

import (
	"encoding/binary"
	"math/rand/v2"
	"time"

	"github.com/oklog/ulid/v2"
)

// newID returns a ULID: unique, and sorted by the millisecond in which it was
// made. An id is no secret.
func newID() string {
	var id ulid.ULID
	_ = id.SetTime(ulid.Timestamp(time.Now())) // fails in the year 10889
	binary.BigEndian.PutUint16(id[6:], uint16(rand.Uint32()))
	binary.BigEndian.PutUint64(id[8:], rand.Uint64())
	var text [ulid.EncodedSize]byte
	_ = id.MarshalTextTo(text[:]) // fails for a buffer of another size
	return string(text[:])
}
