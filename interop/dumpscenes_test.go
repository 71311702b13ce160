//go:build interop

package interop

import (
	"net"
	"testing"
	"time"

	"leat/amf"
	"leat/flv"
	"leat/internal/wire/message"
	"leat/media"
	"leat/rtmp"
)

// step is a part of a scene.
type step func(s *stage) error

func scene(steps ...step) func(s *stage) error {
	return func(s *stage) error {
		for _, do := range steps {
			if err := do(s); err != nil {
				return err
			}
		}
		return nil
	}
}

const (
	all  = time.Hour // more than the recording has
	half = 2 * time.Second
)

func shows(from, to time.Duration) step {
	return func(s *stage) error { return s.film(from, to, 0) }
}

// frames shows the audio and video of a part.
func frames(from, to time.Duration) step {
	return func(s *stage) error {
		for _, p := range s.packets {
			if p.Kind == media.Data || p.Timestamp < from || p.Timestamp >= to {
				continue
			}
			if err := s.packet(p, p.Timestamp); err != nil {
				return err
			}
		}
		return nil
	}
}

func awaitsBuffer(s *stage) error { return s.awaitEvent(message.EventSetBufferLength) }

func tells(all ...message.Message) step {
	return func(s *stage) error { return s.tell(all...) }
}

// sends a message whose body need not make sense.
func sends(kind message.Type, timestamp uint32, body string) step {
	return func(s *stage) error { return s.raw(1, kind, timestamp, []byte(body)) }
}

func asks(s *stage) error {
	_, err := s.asked()
	return err
}

func begins(s *stage) error { return s.begun() }

// ends says that all was sent.
var ends = tells(event(message.EventStreamEOF), onStatus(rtmp.CodePlayStop))

// hangsUp sends nothing more and still listens.
func hangsUp(s *stage) error {
	s.deaf = true
	return s.nc.(*net.TCPConn).CloseWrite()
}

// closes says goodbye by a command.
func closes(s *stage) error {
	s.deaf = true
	return s.tell(call("close"))
}

func awaits(name string) step {
	return func(s *stage) error {
		_, err := s.await(name)
		return err
	}
}

// refuses answers a command by _error.
func refuses(name string, before step) step {
	return func(s *stage) error {
		if before != nil {
			if err := before(s); err != nil {
				return err
			}
		}
		id, err := s.await(name)
		if err != nil {
			return err
		}
		return s.tell(&message.Command{
			Name: "_error", TransactionID: id,
			Args: []any{amf.NewObject("level", "error", "code", "NetConnection.Connect.Rejected", "description", "no")},
		})
	}
}

func connects(s *stage) error { return s.connected() }

// aggregate sends a part of the recording in one message.
func aggregate(from, to time.Duration) step {
	return func(s *stage) error {
		var subs []message.Sub
		for _, p := range s.packets {
			if p.Kind != media.Data && p.Timestamp >= from && p.Timestamp < to {
				kind, at := message.Type(flv.PacketTag(p)), uint32(p.Timestamp.Milliseconds())
				subs = append(subs, message.Sub{Type: kind, Timestamp: at, Body: p.Body})
			}
		}
		body, err := message.AppendAggregate(nil, subs...)
		if err != nil {
			return err
		}
		return s.raw(1, message.TypeAggregate, subs[0].Timestamp, body)
	}
}

// data sends a data message.
func data(values ...any) step {
	return func(s *stage) error {
		var body []byte
		for _, v := range values {
			var err error
			if body, err = amf.Append(body, v); err != nil {
				return err
			}
		}
		return s.raw(1, message.TypeDataAMF0, 0, body)
	}
}

// metadata is an onMetaData of a recording of so many seconds.
func metadata(seconds float64) step {
	return data(media.NameMetadata, amf.NewObject("duration", seconds, "videocodecid", 7.0))
}

// pauses is what makes a server go on that has sent all of the buffer: it says so, is paused and resumed.
var pauses = scene(
	tells(event(message.EventBufferEmpty)),
	awaits("pause"),
	tells(event(message.EventStreamEOF), onStatus(rtmp.CodePauseNotify)),
	awaits("pause"),
	tells(event(message.EventStreamBegin), onStatus(rtmp.CodeUnpauseNotify)),
)

// TestDumpScenes: whatever librtmp has a branch for, rtmpdump and leat dump say the same to the server, byte for byte, write
// the same file, say the same to the user and end with the same code.
func TestDumpScenes(t *testing.T) {
	t.Parallel()
	proves(t)
	for _, test := range []struct {
		name  string
		flags []string
		code  int
		play  func(s *stage) error
	}{
		{"it begins by PublishNotify", nil, 0, scene(asks, tells(onStatus(rtmp.CodePlayPublishNotify)), shows(0, all), ends)},
		{"it begins by an answer to play", nil, 0, scene(func(s *stage) error {
			id, err := s.asked()
			if err != nil {
				return err
			}
			return s.tell(answer(id+9, nil, 1.0), answer(id, nil, 1.0))
		}, shows(0, all), ends)},
		{"media before the start is thrown away", nil, 0, scene(asks, shows(0, half), tells(onStatus(rtmp.CodePlayReset), onStatus(rtmp.CodePlayStart)), shows(0, all), ends)},

		{"Failed instead of a start", nil, 1, scene(asks, tells(onStatus(rtmp.CodeStreamFailed)))},
		{"Play.Failed instead of a start", nil, 1, scene(asks, tells(onStatus(rtmp.CodePlayFailed)))},
		{"StreamNotFound", nil, 1, scene(asks, tells(onStatus(rtmp.CodePlayStreamNotFound)))},
		{"InvalidApp", nil, 1, scene(asks, tells(onStatus(rtmp.CodeConnectInvalidApp)))},
		{"Play.Stop instead of a start", nil, 1, scene(asks, tells(onStatus(rtmp.CodePlayStop)))},
		{"onFCUnsubscribe instead of a start", nil, 1, scene(asks, tells(call("onFCUnsubscribe")))},
		{"close instead of a start", nil, 1, scene(asks, closes)},
		{"the end of the connection instead of a start", nil, 1, scene(asks, hangsUp)},
		{"silence instead of a start", []string{"-m", "1"}, 1, scene(asks)},
		{"connect is refused", nil, 1, scene(refuses("connect", nil), closes)},
		{"createStream is refused", nil, 1, scene(refuses("createStream", connects), closes)},
		{"_error to play is only logged", nil, 0, scene(refuses("play", func(s *stage) error {
			if err := s.connected(); err != nil {
				return err
			}
			id, err := s.await("createStream")
			if err != nil {
				return err
			}
			return s.tell(answer(id, nil, 1.0))
		}), tells(onStatus(rtmp.CodePlayStart)), shows(0, all), ends)},

		{"Play.Complete ends it", nil, 0, scene(begins, shows(0, all), tells(onStatus(rtmp.CodePlayComplete)))},
		{"UnpublishNotify ends it", []string{"-v"}, 2, scene(begins, shows(0, half), tells(onStatus(rtmp.CodePlayUnpublishNotify)))},
		{"Play.Stop too early", nil, 2, scene(begins, shows(0, half), ends)},
		{"onFCUnsubscribe ends it", nil, 0, scene(begins, shows(0, all), tells(call("onFCUnsubscribe")))},
		{"Failed in the middle", nil, 2, scene(begins, shows(0, half), tells(onStatus(rtmp.CodeStreamFailed)))},
		{"close in the middle", nil, 2, scene(begins, shows(0, half), closes)},
		{"close at the end", nil, 0, scene(begins, shows(0, all), closes)},
		{"the connection ends in the middle", nil, 2, scene(begins, shows(0, half), hangsUp)},
		{"the connection ends at the end", nil, 0, scene(begins, shows(0, all), hangsUp)},
		{"other news do no harm", nil, 0, scene(begins, shows(0, half),
			tells(onStatus(rtmp.CodePublishBadName), onStatus(rtmp.CodePlayInsufficientBW), onStatus("NetStream.Play.Dance"), onStatus(rtmp.CodeSeekNotify), onStatus(rtmp.CodePauseNotify)),
			shows(half, all), ends)},
		{"neither onPlayStatus nor Stream EOF is the end", nil, 0, scene(begins, shows(0, half),
			data("onPlayStatus", amf.NewObject("level", "status", "code", string(rtmp.CodePlayComplete))), tells(event(message.EventStreamEOF)),
			shows(half, all), ends)},

		{"calls", nil, 0, scene(begins, shows(0, half),
			tells(&message.Command{Name: "ping", TransactionID: 7}, call("onBWDone"), call("onFCSubscribe"), call("playlist_ready"), call("dance")),
			awaits("_checkbw"),
			tells(&message.Command{Name: "_onbwcheck", TransactionID: 8}, &message.Command{Name: "_onbwcheck", TransactionID: 9, Args: []any{"payload"}}, call("onBWDone"), call("_onbwdone")),
			shows(half, all), ends)},
		{"commands of type 17", nil, 0, scene(asks, func(s *stage) error {
			body, err := message.Append(nil, onStatus(rtmp.CodePlayStart))
			if err != nil {
				return err
			}
			return s.raw(1, message.TypeCommandAMF3, 0, append([]byte{0}, body...))
		}, shows(0, all), ends)},
		{"commands that are none", nil, 0, scene(begins, shows(0, half),
			sends(message.TypeCommandAMF0, 0, "\x00\x40\x00\x00\x00\x00\x00\x00\x00"), sends(message.TypeCommandAMF0, 0, "\x02\x00\xffclose"), sends(message.TypeCommandAMF0, 0, ""),
			sends(message.TypeCommandAMF0, 0, "\x02\x00\x08onStatus\x00\x00\x00\x00\x00\x00\x00\x00\x00\x05"),
			shows(half, all), ends)},
		{"user control", nil, 0, scene(begins, shows(0, half),
			tells(&message.UserControl{Event: message.EventPingRequest, Value: 0xfedcba98}, event(message.EventStreamIsRecorded), event(message.EventStreamDry), event(message.EventBufferReady),
				&message.UserControl{Event: 99, Data: []byte{1, 2, 3, 4}}, &message.UserControl{Event: message.EventSWFVerifyRequest, Data: []byte{2}}, &message.UserControl{Event: message.EventSWFVerifyRequest}),
			shows(half, all), ends)},
		{"what is not supported is left out", nil, 0, scene(begins, shows(0, half),
			sends(message.TypeDataAMF3, 0, "\x00\x02\x00\x06onText"), sends(message.TypeSharedObjectAMF0, 0, "\x00\x01a"), sends(message.TypeSharedObjectAMF3, 0, "\x00\x00\x01a"), sends(99, 0, "?"),
			tells(&message.SetPeerBandwidth{Size: 100_000, Limit: message.LimitDynamic}, &message.WindowAckSize{Size: 50_000}),
			shows(half, all), ends)},
		{"the shortest messages are left out", nil, 0, scene(begins, shows(0, half),
			sends(message.TypeVideo, 2000, "\x17\x02\x00\x00\x00"), sends(message.TypeAudio, 2000, "\xaf"), sends(message.TypeVideo, 2000, ""), sends(message.TypeAudio, 2000, ""),
			shows(half, all), ends)},
		{"data other than metadata is left out", nil, 0, scene(begins, shows(0, half),
			data("onCuePoint", amf.NewObject("name", "a")), data("onTextData", "a"),
			metadata(99), shows(half, all), ends)},
		{"aggregates", nil, 0, scene(begins, shows(0, half), aggregate(half, 2*half), shows(2*half, all), ends)},
		{"chunk sizes", nil, 0, scene(begins, shows(0, time.Second), tells(&message.SetChunkSize{Size: 1000}), shows(time.Second, half), tells(&message.SetChunkSize{Size: 1}), shows(half, 3*time.Second),
			tells(&message.SetChunkSize{Size: 1 << 20}), shows(3*time.Second, all), ends)},
		{"times with an extended field", nil, 0, scene(begins, func(s *stage) error { return s.film(0, all, -5*time.Hour) }, ends)},
		{"times across 2^32", []string{"-v"}, 2, scene(begins, func(s *stage) error { return s.film(0, all, -(1<<32-2000)*time.Millisecond) }, ends)},

		{"an empty buffer", nil, 0, scene(begins, shows(0, half), pauses, shows(half-500*time.Millisecond, 2*half), pauses, shows(2*half-200*time.Millisecond, all), ends)},
		{"an empty buffer, said after the pause", nil, 0, scene(begins, shows(0, half),
			tells(event(message.EventBufferEmpty)), awaits("pause"), tells(event(message.EventStreamEOF), event(message.EventBufferEmpty)), awaits("pause"),
			shows(half, all), ends)},
		{"an empty buffer in real time", []string{"-R"}, 0, scene(begins, shows(0, half), tells(event(message.EventBufferEmpty)), shows(half, all), ends)},
		{"an empty buffer of a live stream", []string{"-v"}, 0, scene(begins, shows(0, half), tells(event(message.EventBufferEmpty)), shows(half, all), ends)},
		{"a recording stalls and goes on", []string{"-m", "1"}, 0, scene(begins, shows(0, half), awaits("pause"), awaits("pause"), shows(half, all), ends)},
		{"a live stream stalls", []string{"-v", "-m", "1"}, 2, scene(begins, shows(0, half))},

		{"a recording longer than the buffer", nil, 2, scene(begins, metadata(50_000), frames(0, time.Second), awaitsBuffer, frames(time.Second, half), ends)},
		{"a recording longer than the buffer of the user", []string{"-b", "1000"}, 2, scene(begins, metadata(50_000), frames(0, half), ends)},
		{"in real time", []string{"-R", "-B", "2"}, 2, scene(begins, shows(0, half), ends)},
		{"a part", []string{"-A", "1", "-B", "3"}, 2, scene(begins, shows(0, half), ends)},
		{"the end before the begin", []string{"-A", "3", "-B", "2"}, 0, scene(connects)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			compareScene(t, test.flags, nil, test.code, test.play)
		})
	}
}

// TestDumpDiffers: where leat dump ends otherwise, on purpose.
func TestDumpDiffers(t *testing.T) {
	t.Parallel()
	proves(t)
	goesOn := func(s *stage) error {
		if _, err := s.askedAgain(); err != nil {
			return err
		}
		return s.tell(onStatus(rtmp.CodePlayStart))
	}
	const stalledAt = 1984 * time.Millisecond // the last message before half
	stalls := scene(begins, shows(0, half), awaits("pause"), awaits("pause"), goesOn)
	part := performTo(t, dumpPrograms()["rtmpdump"], nil, nil, scene(begins, shows(0, half+time.Second), ends)).file
	for _, test := range []struct {
		name     string
		rtmpdump int
		leat     int
		flags    []string
		play     func(s *stage) error
	}{
		{"a stream without a message is no success", 0, 1, nil, scene(begins, ends)},
		{"nor is one with metadata only", 0, 2, nil, scene(begins, metadata(5), ends)},
		{
			"what is played anew goes on where it stalled, if the server counts from 0 there", 0, 0,
			[]string{"-m", "1"},
			scene(stalls, func(s *stage) error { return s.film(stalledAt, all, stalledAt) }, ends),
		},
		{"what stalls for good is no success", 0, 2, []string{"-m", "1"}, stalls},
		{"a file is resumed within an aggregate", 2, 0, []string{"-e"}, scene(begins, aggregate(half, all), ends)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			programs := dumpPrograms()
			want := performTo(t, programs["rtmpdump"], test.flags, part, test.play)
			got := performTo(t, programs["leat dump"], test.flags, part, test.play)
			if want.code != test.rtmpdump || got.code != test.leat {
				t.Errorf("rtmpdump ends with code %d, want %d; leat with %d, want %d", want.code, test.rtmpdump, got.code, test.leat)
			}
			compareLists(t, "leat says to the server", got.heard, want.heard)
		})
	}
}
