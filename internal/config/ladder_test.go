package config

import "testing"

func TestRung(t *testing.T) {
	for _, test := range []struct {
		text string
		want Rung
		as   string // what String returns, if it is not text
		err  string
	}{
		{text: "1080p60 6000k", want: Rung{1080, 60, 6000, "h264"}},
		{text: "720p 2.5M", want: Rung{720, 0, 2500, "h264"}, as: "720p 2500k"},
		{text: "1440p60 9M hevc", want: Rung{1440, 60, 9000, "hevc"}, as: "1440p60 9000k hevc"},
		{text: "360p30 500k h264", want: Rung{360, 30, 500, "h264"}, as: "360p30 500k"},
		{text: "1080p60", err: rungShape},
		{text: "1080p60 6000", err: rungShape},
		{text: "1080i60 6000k", err: rungShape},
		{text: "1080p60 6000k vp9", err: rungShape},
		{text: "-1p60 6000k", err: rungShape},
		{text: "8640p60 6000k", err: "must have a height from 90 to 4320"},
		{text: "1080p999 6000k", err: "must have a frame rate of at most 240"},
		{text: "1080p60 1k", err: "must have a bit rate from 50k to 200M"},
		{text: "1080p60 201M", err: "must have a bit rate from 50k to 200M"},
	} {
		var r Rung
		err := r.UnmarshalText([]byte(test.text))
		if test.err != "" {
			if err == nil || err.Error() != test.err {
				t.Errorf("%q: %v, want %q", test.text, err, test.err)
			}
			continue
		}
		as := test.as
		if as == "" {
			as = test.text
		}
		if err != nil || r != test.want || r.String() != as {
			t.Errorf("%q: %+v (%s), %v; want %+v (%s)", test.text, r, r, err, test.want, as)
		}
	}
}

const rungShape = "must be height, frame rate, bit rate and codec, such as 1080p60 6000k, 720p 2.5M or 1440p60 9M hevc"
