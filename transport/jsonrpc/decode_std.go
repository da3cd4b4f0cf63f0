//go:build codebeaker_stdjson

package jsonrpc

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// decodeValue decodes raw into dst, a *ParamError when a member does not fit.
func decodeValue[T any](raw []byte, dst *T) error {
	if !json.Valid(raw) {
		return &ParamError{Reason: "must be valid JSON", Cause: errNotValid}
	}
	if err := decodeInto(raw, reflect.ValueOf(dst).Elem(), ""); err != nil {
		return err
	}
	return nil // no *ParamError, which would be an error
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// decodeInto walks objects and arrays itself: encoding/json folds the case of
// names and does not say which element was wrong. raw is valid JSON.
func decodeInto(raw []byte, dst reflect.Value, path string) *ParamError {
	raw = bytes.TrimSpace(raw)
	if !reflect.PointerTo(dst.Type()).Implements(unmarshaler) {
		switch {
		case raw[0] == 'n':
			dst.SetZero()
			return nil
		case dst.Kind() == reflect.Pointer:
			if dst.IsNil() {
				dst.Set(reflect.New(dst.Type().Elem()))
			}
			return decodeInto(raw, dst.Elem(), path)
		case dst.Kind() == reflect.Struct && raw[0] == '{':
			return decodeStruct(raw, dst, path)
		case dst.Kind() == reflect.Map && raw[0] == '{':
			return decodeMap(raw, dst, path)
		case dst.Kind() == reflect.Slice && dst.Type().Elem().Kind() != reflect.Uint8 && raw[0] == '[':
			return decodeSlice(raw, dst, path)
		}
	}
	return decodeLeaf(raw, dst, path)
}

func decodeLeaf(raw []byte, dst reflect.Value, path string) *ParamError {
	err := json.Unmarshal(raw, dst.Addr().Interface())
	if err == nil {
		return nil
	}
	if typed := (*json.UnmarshalTypeError)(nil); errors.As(err, &typed) {
		return &ParamError{Member: cut(path), Reason: mustBe(typed.Type, kind(raw) == '0')}
	}
	if corrupt := base64.CorruptInputError(0); errors.As(err, &corrupt) {
		return &ParamError{Member: cut(path), Reason: "must be base64", Cause: err}
	}
	return &ParamError{Member: cut(path), Reason: err.Error(), Cause: err}
}

func decodeStruct(raw []byte, dst reflect.Value, path string) *ParamError {
	for i := 1; ; {
		name, start, end, ok := member(raw, i)
		if !ok {
			return nil
		}
		text := string(unquoted(name))
		if field := fieldNamed(dst, text); field.IsValid() {
			if err := decodeInto(raw[start:end], field, below(path, text)); err != nil {
				return err
			}
		}
		i = end
	}
}

// fieldNamed is the field of a struct, or of one embedded in it, that has
// exactly this name in JSON.
func fieldNamed(v reflect.Value, name string) reflect.Value {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct {
			if found := fieldNamed(v.Field(i), name); found.IsValid() {
				return found
			}
		}
		if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); f.IsExported() && (tag == name || tag == "" && f.Name == name) {
			return v.Field(i)
		}
	}
	return reflect.Value{}
}

func decodeMap(raw []byte, dst reflect.Value, path string) *ParamError {
	if dst.IsNil() {
		dst.Set(reflect.MakeMap(dst.Type()))
	}
	for i := 1; ; {
		name, start, end, ok := member(raw, i)
		if !ok {
			return nil
		}
		text, value := string(unquoted(name)), reflect.New(dst.Type().Elem()).Elem()
		if err := decodeInto(raw[start:end], value, below(path, text)); err != nil {
			return err
		}
		dst.SetMapIndex(reflect.ValueOf(text).Convert(dst.Type().Key()), value)
		i = end
	}
}

func decodeSlice(raw []byte, dst reflect.Value, path string) *ParamError {
	dst.Set(reflect.MakeSlice(dst.Type(), 0, 0))
	for i, n := 1, 0; ; n++ {
		start, end, ok := element(raw, i)
		if !ok {
			return nil
		}
		value := reflect.New(dst.Type().Elem()).Elem()
		if err := decodeInto(raw[start:end], value, fmt.Sprintf("%s[%d]", path, n)); err != nil {
			return err
		}
		dst.Set(reflect.Append(dst, value))
		i = end
	}
}

func below(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
