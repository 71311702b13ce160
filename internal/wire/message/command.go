package message

import (
	"math"

	"leat/amf"
)

// Command is a remote procedure call, or the answer to one (RTMP 7.1.1).
type Command struct {
	// AMF3 chooses type 17 instead of 20. It may only be sent to a peer that agreed to object encoding 3. The
	// values are AMF0 in either form; wrap one in amf.AVMPlus to send it as AMF3.
	AMF3 bool
	// Name is the procedure, or "_result" or "_error".
	Name string
	// TransactionID relates an answer to its call; 0 when none is wanted.
	TransactionID float64
	// Object is the command object, nil for null. connect and _result have an *amf.Object here; peers may send
	// any other value.
	Object any
	// Args are the values behind the command object.
	Args []any
}

// Type returns TypeCommandAMF3 or TypeCommandAMF0.
func (m *Command) Type() Type { return choose(m.AMF3, TypeCommandAMF3, TypeCommandAMF0) }

// parseCommand parses types 17 and 20. A message that ends behind the name has transaction ID 0 and a null
// command object, as has one whose transaction ID is not a number. What stands before an undecodable value
// counts, because some peers add garbage at the end.
func parseCommand(t Type, body []byte, l amf.Limits) (Message, error) {
	m := &Command{AMF3: t == TypeCommandAMF3}
	switch {
	case m.AMF3:
		var err error
		if body, err = withoutSelector(t, body); err != nil {
			return nil, err
		}
	case len(body) > 0 && body[0] == formatAMF0:
		// Some clients with object encoding 3 send the selector of type 17 here, too. A name never begins
		// with this byte.
		body = body[1:]
	}
	values, err := amf.Decode(body, l)
	if err != nil {
		err = &Error{Type: t, Reason: err.Error(), Err: err}
	}
	if len(values) == 0 {
		if err == nil {
			err = tooShort(t, body)
		}
		return nil, err
	}
	name, ok := values[0].(string)
	if !ok {
		return nil, &Error{Type: t, Reason: "the name is not a string"}
	}
	m.Name = name
	if len(values) > 1 {
		m.TransactionID = transactionID(values[1])
	}
	if len(values) > 2 {
		m.Object = values[2]
	}
	if len(values) > 3 {
		m.Args = values[3:]
	}
	return m, err
}

func transactionID(v any) float64 {
	switch v := v.(type) {
	case float64:
		if !math.IsNaN(v) {
			return v
		}
	case int:
		return float64(v)
	}
	return 0
}

func (m *Command) append(dst []byte) ([]byte, error) {
	out := dst
	if m.AMF3 {
		out = append(out, formatAMF0)
	}
	out = amf.AppendString(out, m.Name)
	out = amf.AppendNumber(out, m.TransactionID)
	values := make([]any, 0, 1+len(m.Args))
	values = append(append(values, m.Object), m.Args...)
	out, err := amf.AppendValues(out, values...)
	if err != nil {
		return dst, err
	}
	return out, nil
}
