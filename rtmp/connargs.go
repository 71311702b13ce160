package rtmp

import (
	"strconv"
	"strings"

	"leat/amf"
)

// maxConnDepth bounds the nesting of objects in conn values, as the AMF decoders of peers do.
const maxConnDepth = 64

// ParseConn makes the values that follow connect's object from texts as librtmp's option conn and rtmpdump's -C take
// them, one text for each value:
//
//	B:0 or B:1   a boolean          N:1.5   a number          S:text   a string          Z:   null
//	O:1          opens an object    O:0     closes it
//
// Between O:1 and O:0 each value has a name, with an N in front: NB:flag:1, NN:code:1.23, NS:name:text,
// NZ:name:, and NO:name:1, which O:0 closes. An error is an *OptionError.
func ParseConn(texts []string) ([]any, error) {
	var values []any
	var open []*amf.Object
	for _, text := range texts {
		c, err := parseConnValue(text)
		if err != nil {
			return nil, err
		}
		switch {
		case c.closes && len(open) == 0:
			return nil, connError(text, "no object is open")
		case c.closes:
			open = open[:len(open)-1]
			continue
		case c.named != (len(open) > 0):
			return nil, connError(text, "a value has a name exactly if it is inside an object")
		case c.named:
			o := open[len(open)-1]
			o.Members = append(o.Members, amf.Member{Name: c.name, Value: c.value})
		default:
			values = append(values, c.value)
		}
		if o, ok := c.value.(*amf.Object); ok {
			if len(open) == maxConnDepth {
				return nil, connError(text, "objects are nested too deep")
			}
			open = append(open, o)
		}
	}
	if len(open) > 0 {
		return nil, &OptionError{Option: "conn", Reason: "an object is not closed by O:0"}
	}
	return values, nil
}

type connValue struct {
	named  bool
	name   string
	closes bool // O:0
	value  any  // an *amf.Object for O:1
}

func parseConnValue(text string) (connValue, error) {
	var c connValue
	kind, value, ok := strings.Cut(text, ":")
	if ok && len(kind) == 2 && kind[0] == 'N' {
		c.named, kind = true, kind[1:]
		c.name, value, ok = strings.Cut(value, ":")
	}
	if !ok {
		return c, connError(text, "not of the form TYPE:VALUE or NTYPE:NAME:VALUE")
	}
	switch kind {
	case "B":
		n, err := strconv.Atoi(value)
		if err != nil {
			return c, connError(text, "a boolean is 0 or 1")
		}
		c.value = n != 0
	case "N":
		f, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return c, connError(text, "not a number")
		}
		c.value = f
	case "S":
		c.value = value
	case "Z":
		c.value = nil
	case "O":
		c.closes = value == "0"
		if c.closes && c.named || !c.closes && value != "1" {
			return c, connError(text, "an object is opened by 1 and closed by O:0")
		}
		c.value = &amf.Object{}
	default:
		return c, connError(text, "the type is not one of B, N, S, Z and O")
	}
	return c, nil
}

func connError(text, reason string) error {
	return &OptionError{Option: "conn=" + text, Reason: reason}
}
