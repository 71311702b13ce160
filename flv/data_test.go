package flv

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// Pieces of data messages.
const (
	setFrame   = "02 000d 40736574446174614672616d65"
	clearFrame = "02 000f 40636c656172446174614672616d65"
	onMetaData = "02 000a 6f6e4d65746144617461"
	onTextData = "02 000a 6f6e5465787444617461"
	object     = "03 0001 61 05 000009"
)

func TestAppendPacketsData(t *testing.T) {
	const meta = "6f6e4d65746144617461"
	for _, test := range []struct {
		name string
		tag  TagType
		body string
		want string
	}{
		{"onMetaData", TagScript, onMetaData + object, "data config name=onMetaData data=0300016105000009"},
		{"onTextData", TagScript, onTextData + object, "data name=onTextData data=0300016105000009"},
		{"nothing behind the name", TagScript, onTextData, "data name=onTextData data="},
		{
			"@setDataFrame", TagScript, setFrame + onMetaData + object,
			"data config name=onMetaData data=0300016105000009 body=02000a" + meta + "0300016105000009",
		},
		{
			"@setDataFrame of another name", TagScript, setFrame + onTextData + object,
			"data config name=onTextData data=0300016105000009 body=02000a6f6e54657874446174610300016105000009",
		},
		{"@clearDataFrame", TagScript, clearFrame + onMetaData, "data config name=onMetaData data=nil body="},
		{
			"Uniview: two numbers in front", TagScript, "00 4000000000000000 00 3ff0000000000000" + setFrame + onMetaData + object,
			"data config name=onMetaData data=0300016105000009 body=02000a" + meta + "0300016105000009",
		},
		{
			"other scalars in front", TagScript, "01 01 05 06 0d 0b 0000000000000000 0000" + onTextData + object,
			"data name=onTextData data=0300016105000009 body=02000a6f6e54657874446174610300016105000009",
		},
		{"long string as name", TagScript, "0c 00000002 6f6e 05", "data name=on data=05"},
		{
			"AMF3 with the format byte", TagScriptAMF3, "00" + onMetaData + "11 01",
			"data config amf3 name=onMetaData data=1101 body=02000a" + meta + "1101",
		},
		{"AMF3 without the format byte", TagScriptAMF3, onMetaData + "11 01", "data config amf3 name=onMetaData data=1101"},
		{
			"AMF3 without the format byte, a number in front", TagScriptAMF3, "00 4000000000000000" + setFrame + onMetaData + object,
			"data config amf3 name=onMetaData data=0300016105000009 body=02000a" + meta + "0300016105000009",
		},
		{
			"AMF3 with both", TagScriptAMF3, "00 00 4000000000000000" + setFrame + onMetaData + object,
			"data config amf3 name=onMetaData data=0300016105000009 body=02000a" + meta + "0300016105000009",
		},
		{"FFmpeg timecode", TagScript, "00 01 02 03", "data data=nil"},
		{"as many values in front as may be", TagScript, strings.Repeat("05", maxSkipped) + onTextData, "data name=onTextData data= body=02000a6f6e5465787444617461"},
		{"too many values in front", TagScript, strings.Repeat("05", maxSkipped+1) + onTextData, "data data=nil"},
		{"a name that is too long", TagScript, "02 0401" + strings.Repeat("61", maxName+1), "data data=nil"},
		{"an object first", TagScript, object + onMetaData, "data data=nil"},
		{"name cut off", TagScript, "02 000a 6f6e", "data data=nil"},
		{"long name cut off", TagScript, "0c ffffffff 6f6e", "data data=nil"},
		{"empty", TagScript, "", "data data=nil"},
		{"AMF3 empty", TagScriptAMF3, "00", "data amf3 data=nil"},
	} {
		t.Run(test.name, func(t *testing.T) {
			body := unhex(t, test.body)
			packets, err := AppendPackets(nil, test.tag, at, body)
			if err != nil {
				t.Fatal(err)
			}
			checkPackets(t, packets, body, []string{test.want})
		})
	}
}

// TestSetDataFrameWithoutName: there is nothing to store; the message goes on as it came.
func TestSetDataFrameWithoutName(t *testing.T) {
	long := "02 0401" + strings.Repeat("61", maxName+1)
	for _, s := range []string{setFrame, clearFrame, setFrame + object, setFrame + long, clearFrame + long} {
		body := unhex(t, s)
		packets, err := AppendPackets(nil, TagScript, at, body)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%x: error %v", body, err)
		}
		if len(packets) != 1 || packets[0].Config || len(packets[0].Body) != len(body) {
			t.Errorf("%x: got %s", body, describe(packets[0], body))
		}
	}
}
