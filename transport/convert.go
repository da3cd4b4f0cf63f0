package transport

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// converter turns wire types into those of actors and runtimes. It holds what
// it checks against.
type converter struct {
	policy Policy
	served func() []string // languages served now
}

// integer checks an optional integer against bounds. Nil is preset.
func integer(member string, v *int64, preset, least, most int64) (int64, error) {
	if v == nil {
		return preset, nil
	}
	if *v < least || *v > most {
		return 0, rangeError(member, least, most)
	}
	return *v, nil
}

func rangeError[T int64 | float64](member string, least, most T) error {
	return paramError(member, "must be from %v to %v", least, most)
}

// minutes checks an optional number of minutes. Nil is preset.
func minutes(member string, v *float64, preset float64, most time.Duration) (time.Duration, error) {
	m := preset
	if v != nil {
		m = *v
	}
	d := time.Duration(m * float64(time.Minute))
	if !(m > 0) || m > most.Minutes() || d < time.Millisecond {
		return 0, paramError(member, "must be more than 0 and at most %v minutes", most.Minutes())
	}
	return d, nil
}

func float(member string, v *float64, preset, least, most float64) (float64, error) {
	if v == nil {
		return preset, nil
	}
	if !(*v >= least && *v <= most) || math.IsInf(*v, 0) {
		return 0, rangeError(member, least, most)
	}
	return *v, nil
}

// text checks a string that goes into the kernel or a name.
func text(member, v string, most int) error {
	switch {
	case len(v) > most:
		return paramError(member, "must not be longer than %d bytes", most)
	case strings.IndexByte(v, 0) >= 0:
		return paramError(member, "must not contain a NUL")
	}
	return nil
}

// required is text that must be there.
func required(member string, v *string, most int) (string, error) {
	if v == nil {
		return "", paramError(member, "is required")
	}
	if *v == "" {
		return "", paramError(member, "must not be empty")
	}
	return *v, text(member, *v, most)
}

// identifier checks the id of a session or an execution.
func identifier(member, v string) error {
	if v == "" {
		return paramError(member, "is required")
	}
	return text(member, v, maxIDBytes)
}

// decodeBytes is the bytes of a member in its encoding, up to a size limit.
func decodeBytes(member, v string, encoding protocol.Encoding, limit int64) ([]byte, error) {
	if encoding != protocol.Base64 {
		if int64(len(v)) > limit {
			return nil, &tooLargeError{member, limit}
		}
		return []byte(v), nil
	}
	// Base64 as tools write it comes in lines (RFC 2045, section 6.8), which
	// DecodeString skips; breaks count towards no limit.
	breaks := int64(strings.Count(v, "\n") + strings.Count(v, "\r"))
	if int64(base64.StdEncoding.DecodedLen(len(v)-int(breaks)))-2 > limit {
		return nil, &tooLargeError{member, limit}
	}
	b, err := base64.StdEncoding.Strict().DecodeString(v)
	if err != nil {
		return nil, paramError(member, "must be base64 (RFC 4648, section 4)")
	}
	if int64(len(b)) > limit {
		return nil, &tooLargeError{member, limit}
	}
	return b, nil
}

// environment checks variables and returns them as "KEY=value", sorted.
func environment(member string, vars map[string]string) ([]string, error) {
	if len(vars) == 0 {
		return nil, nil
	}
	if len(vars) > maxEnv {
		return nil, paramError(member, "must not have more than %d members", maxEnv)
	}
	list, total := make([]string, 0, len(vars)), 0
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		value := vars[name]
		at := member + "." + shown(name)
		if name == "" || strings.ContainsAny(name, "=\x00") || len(name) > maxEnvNameBytes {
			return nil, paramError(at, "is not a valid variable name: it must have 1 to %d bytes without = and NUL", maxEnvNameBytes)
		}
		if err := text(at, value, maxArgumentBytes-len(name)); err != nil {
			return nil, err
		}
		if total += len(name) + len(value) + 2; total > maxVectorBytes {
			return nil, paramError(member, "must not be larger than %d bytes", maxVectorBytes)
		}
		list = append(list, name+"="+value)
	}
	return list, nil
}

// labels checks labels and returns them.
func labels(set map[string]string) (map[string]string, error) {
	if len(set) > maxLabels {
		return nil, paramError("labels", "must not have more than %d members", maxLabels)
	}
	for name, value := range set {
		at := "labels." + shown(name)
		if name == "" {
			return nil, paramError(at, "must have a name")
		}
		for _, s := range []string{name, value} {
			if err := text(at, s, maxLabelBytes); err != nil {
				return nil, err
			}
		}
	}
	return set, nil
}

// shown is a client's own name within the path of a member.
func shown(name string) string {
	const most = 64
	if len(name) > most {
		name = strings.ToValidUTF8(name[:most], "") + "…"
	}
	for _, r := range name {
		if r < ' ' || r == 0x7f {
			return fmt.Sprintf("%q", name)
		}
	}
	return name
}

// orTrue is the value of an optional member whose default is true.
func orTrue(v *bool) bool { return v == nil || *v }

// decodeParams decodes into dst, which holds the zero value. An empty array,
// which some clients write for no params, is an empty object.
func decodeParams[T any](params jsonrpc.Raw, dst *T) error {
	if len(params) >= 2 && params[0] == '[' && len(bytes.TrimSpace(params[1:len(params)-1])) == 0 {
		return nil
	}
	return jsonrpc.DecodeParams(params, dst)
}

// indexed is the path of an element.
func indexed(member string, i int) string { return fmt.Sprintf("%s[%d]", member, i) }
