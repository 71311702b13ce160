package amf_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"leat/amf"
)

// The body of a command: its name, its transaction ID, and the command object.
func ExampleDecode() {
	body, err := amf.AppendValues(nil, "connect", 1, amf.NewObject("app", "live", "objectEncoding", 0))
	if err != nil {
		fmt.Println(err)
		return
	}
	vals, err := amf.Decode(body, amf.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if info, ok := vals[2].(*amf.Object); ok {
		fmt.Println(vals[0], vals[1], info.Text("app"))
	}
	// Output: connect 1 live
}

func ExampleMarshal() {
	type status struct {
		Level       string `amf:"level"`
		Code        string `amf:"code"`
		Description string `amf:"description,omitempty"`
	}
	b, err := amf.Marshal(status{Level: "status", Code: "NetStream.Play.Start"})
	fmt.Printf("%q %v\n", b, err)
	// Output: "\x03\x00\x05level\x02\x00\x06status\x00\x04code\x02\x00\x14NetStream.Play.Start\x00\x00\t" <nil>
}

func ExampleUnmarshal() {
	b, err := amf.Marshal(map[string]any{"width": 1280, "height": "720", "encoder": "example"})
	if err != nil {
		fmt.Println(err)
		return
	}
	var meta struct {
		Width  int `amf:"width"`
		Height int `amf:"height"` // sent as text: taken all the same
	}
	err = amf.Unmarshal(b, &meta)
	fmt.Println(meta.Width, meta.Height, err)
	// Output: 1280 720 <nil>
}

// A class of the application, in AMF3.
func ExampleRegistry() {
	type Point struct{ X, Y int }
	var registry amf.Registry
	registry.RegisterClass("org.Point", Point{})

	var b bytes.Buffer
	enc := amf.NewEncoder(&b)
	enc.Version, enc.Registry = amf.AMF3, &registry
	if err := enc.Encode([]any{Point{1, 2}, "text"}); err != nil {
		fmt.Println(err)
		return
	}

	dec := amf.NewDecoder(&b)
	dec.Version, dec.Registry = amf.AMF3, &registry
	var vals []any
	err := dec.DecodeInto(&vals)
	fmt.Printf("%+v %v %v\n", vals[0], vals[1], err)
	// Output: &{X:1 Y:2} text <nil>
}

func ExampleDecoder() {
	dec := amf.NewDecoder(bytes.NewReader([]byte("\x02\x00\x05hello\x01\x01\x02\x00")))
	for {
		v, err := dec.Decode()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Println(v)
	}
	// Output:
	// hello
	// true
	// amf: offset 11: message ends within a value
}

// Members keep their order, and the getters are safe on what is not there.
func ExampleObject() {
	info := amf.NewObject("level", "status", "code", "NetStream.Play.Start")
	info.Set("clientid", 7)
	fmt.Println(info.Text("code"))
	fmt.Println(info.Number("clientid"))
	fmt.Println(info.Object("nothing").Text("here") == "")
	b, err := amf.Append(nil, amf.NewObject("a", true))
	fmt.Printf("% x %v\n", b, err)
	// Output:
	// NetStream.Play.Start
	// 7 true
	// true
	// 03 00 01 61 01 01 00 00 09 <nil>
}
