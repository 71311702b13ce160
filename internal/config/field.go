package config

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// A field is one place in a Config that has a name: limits, or limits.max_lag.
type field struct {
	path  string
	value reflect.Value
	info  reflect.StructField
}

// name returns the field's own key in the file.
func (f field) name() string { return f.info.Tag.Get("yaml") }

// variable returns the field's name in the environment.
func (f field) variable() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(f.path, ".", "_"))
}

// isSection reports whether the field only holds other fields.
func (f field) isSection() bool {
	_, text := reflect.TypeAssert[encoding.TextUnmarshaler](f.value.Addr())
	return f.value.Kind() == reflect.Struct && !text
}

// isNamed reports whether the field has a shape that only a file can hold: apps and vhosts, whose keys are names of the operator's
// choice, and the lists of pushes and pulls.
func (f field) isNamed() bool {
	switch f.value.Interface().(type) {
	case Apps, VHosts, Pushes, Pulls:
		return true
	}
	return false
}

// fieldsOf returns the fields of the struct v, whose own path is given, in their order.
func fieldsOf(v reflect.Value, path string) []field {
	fields := make([]field, 0, v.NumField())
	for info, value := range v.Fields() {
		f := field{path: info.Tag.Get("yaml"), value: value, info: info}
		if path != "" {
			f.path = path + "." + f.path
		}
		fields = append(fields, f)
	}
	return fields
}

// leavesOf returns the fields of v that hold a value, those of its sections included.
func leavesOf(v reflect.Value, path string) []field {
	var leaves []field
	for _, f := range fieldsOf(v, path) {
		if f.isSection() {
			leaves = append(leaves, leavesOf(f.value, f.path)...)
		} else {
			leaves = append(leaves, f)
		}
	}
	return leaves
}

// setText sets v from a text, the same for files, environment and flags. An error is a sentence that says what
// the text must be.
func setText(v reflect.Value, text string) error {
	if u, ok := reflect.TypeAssert[encoding.TextUnmarshaler](v.Addr()); ok {
		return u.UnmarshalText([]byte(text))
	}
	if d, ok := reflect.TypeAssert[*time.Duration](v.Addr()); ok {
		parsed, err := time.ParseDuration(text)
		if err != nil {
			return errors.New("must be a time such as 500ms, 10s or 5m")
		}
		*d = parsed
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		if text != "true" && text != "false" {
			return errors.New("must be true or false")
		}
		v.SetBool(text == "true")
	case reflect.Int:
		n, err := strconv.ParseInt(text, 10, 0)
		if err != nil {
			return errors.New("must be a whole number")
		}
		v.SetInt(n)
	case reflect.Uint32:
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return fmt.Errorf("must be a whole number from 0 to %d", uint32(math.MaxUint32))
		}
		v.SetUint(n)
	case reflect.Slice:
		return setList(v, strings.Split(text, ","))
	default:
		panic("config: no way to set a field of type " + v.Type().String())
	}
	return nil
}

// setList sets the slice v from the texts of its elements; empty ones are passed over.
func setList(v reflect.Value, texts []string) error {
	list := reflect.MakeSlice(v.Type(), 0, len(texts))
	for _, text := range texts {
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		element := reflect.New(v.Type().Elem()).Elem()
		if err := setText(element, text); err != nil {
			return fmt.Errorf("%w, not %q", err, text)
		}
		list = reflect.Append(list, element)
	}
	v.Set(list)
	return nil
}
