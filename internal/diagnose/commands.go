package diagnose

import (
	"slices"
	"strings"

	"leat/amf"
	"leat/internal/wire/message"
	"leat/media"
	"leat/rtmp"
)

// command looks at a remote procedure call or its answer.
func (s *Session) command(from Direction, m *rtmp.TraceMessage) {
	parsed, err := message.Parse(message.Type(m.Type), m.Body, amf.Limits{})
	cmd, ok := parsed.(*message.Command)
	if !ok {
		s.report(CommandGarbled, from, m.StreamID, m.Timestamp, "a command of %d bytes cannot be decoded: %v; often the chunks before it have been misread", len(m.Body), err)
		return
	}
	if from == FromClient {
		s.connect.commands++
	}
	switch cmd.Name {
	case "connect":
		s.connects(from, cmd, m)
	case "publish", "play":
		s.stream(from, cmd, m)
	case "createStream":
		s.waits(from, cmd, m)
	case "seek", "pause", "pauseRaw", "play2":
		s.restart(m.StreamID)
	case "closeStream", "deleteStream", "FCUnpublish":
		s.closes(from, cmd, m)
	case "_result", "_error":
		s.answers(from, cmd, m)
	case "onStatus":
		s.status(from, cmd, m)
	}
	if from == FromClient && s.connect.commands == 1 && cmd.Name != "connect" && cmd.Name != "_result" {
		s.report(NoConnect, from, 0, m.Timestamp, "the first command is %s and not connect: servers close such a connection", printable(cmd.Name))
	}
}

func (s *Session) connects(from Direction, cmd *message.Command, m *rtmp.TraceMessage) {
	obj, _ := cmd.Object.(*amf.Object)
	c := &s.connect
	c.app, c.tcURL = strings.Clone(obj.Text("app")), strings.Clone(obj.Text("tcUrl")) // without the rest of the message
	c.caps, c.announced = announcedBy(obj)
	s.waits(from, cmd, m)
	app, _, _ := strings.Cut(c.app, "?")
	switch {
	case app == "":
		s.report(AppEmpty, from, 0, m.Timestamp, "connect names no application: the address is rtmp://HOST/APP and the key is what follows")
	case strings.HasPrefix(app, "/"), strings.HasSuffix(app, "/"), strings.Contains(app, "//"):
		s.report(AppSlash, from, 0, m.Timestamp, "the application is %s: a slash too many in the server address; some servers look for exactly that name", printable(app))
	}
	if u, err := rtmp.ParseURL(c.tcURL); err == nil && app != "" {
		path, _, _ := strings.Cut(c.tcURL, "?")
		if trimmed := strings.Trim(app, "/"); u.Host != "" && !strings.Contains(path, trimmed) {
			s.report(AppMismatch, from, 0, m.Timestamp, "app is %s, and tcUrl, %s, does not have it: servers that look at one of the two find another application", printable(trimmed), rtmp.RedactURL(c.tcURL))
		}
	}
}

// waits takes note of a command that must be answered.
func (s *Session) waits(from Direction, cmd *message.Command, m *rtmp.TraceMessage) {
	if s.cfg.Both && len(s.calls) < maxCalls {
		s.calls = append(s.calls, call{name: cmd.Name, from: from, txn: cmd.TransactionID, streamID: m.StreamID, at: s.now})
	}
}

// answered forgets a call and returns it.
func (s *Session) answered(is func(call) bool) (call, bool) {
	i := slices.IndexFunc(s.calls, is)
	if i < 0 {
		return call{}, false
	}
	c := s.calls[i]
	s.calls = slices.Delete(s.calls, i, i+1)
	return c, true
}

func (s *Session) answers(from Direction, cmd *message.Command, m *rtmp.TraceMessage) {
	c, ok := s.answered(func(c call) bool {
		return c.from != from && c.txn == cmd.TransactionID && (c.name == "connect" || c.name == "createStream")
	})
	switch {
	case !ok:
	case cmd.Name == "_result":
		s.connect.connected = s.connect.connected || c.name == "connect"
	default:
		s.refused(from, c.name, cmd, m)
	}
}

// status looks at onStatus: the answer to publish and play, or news.
func (s *Session) status(from Direction, cmd *message.Command, m *rtmp.TraceMessage) {
	info := information(cmd)
	code := info.Text("code")
	if from == FromServer {
		s.ended(m.StreamID, info)
	}
	if strings.HasPrefix(code, "NetStream.Play.") || strings.HasPrefix(code, "NetStream.Publish.") || info.Text("level") == rtmp.LevelError {
		c, ok := s.answered(func(c call) bool {
			return c.from != from && (c.name == "publish" || c.name == "play") && (c.streamID == m.StreamID || m.StreamID == 0)
		})
		if info.Text("level") == rtmp.LevelError {
			name := "the last command"
			if ok {
				name = c.name
			}
			s.refused(from, name, cmd, m)
		}
	}
}

func (s *Session) refused(from Direction, name string, cmd *message.Command, m *rtmp.TraceMessage) {
	info := information(cmd)
	s.report(Refused, from, m.StreamID, m.Timestamp, "the %v refused %s: %s %s", from, name, printable(info.Text("code")), printable(info.Text("description")))
}

// information returns the object that says more in an answer; nil is safe.
func information(cmd *message.Command) *amf.Object {
	for _, a := range cmd.Args {
		if o, ok := a.(*amf.Object); ok {
			return o
		}
	}
	return nil
}

// unanswered says what is still waited for at the end.
func (s *Session) unanswered() {
	if !s.cfg.Both {
		return
	}
	const patience = 2e9 // a client that leaves at once has not waited
	for _, c := range s.calls {
		if c.name != "play" && s.now-c.at >= patience {
			s.report(NoAnswer, 1-c.from, c.streamID, 0, "the %v never answered %s: clients that wait for it hang until their own timeout", 1-c.from, c.name)
		}
	}
}

// stream looks at publish and play.
func (s *Session) stream(from Direction, cmd *message.Command, m *rtmp.TraceMessage) {
	var first any
	if len(cmd.Args) > 0 {
		first = cmd.Args[0]
	}
	key, ok := first.(string)
	if !ok { // publish(false) ends a publication
		s.closes(from, cmd, m)
		return
	}
	s.waits(from, cmd, m)
	if m.StreamID == 0 {
		s.report(WrongStream, from, 0, m.Timestamp, "%s is on message stream 0, which is the connection's: it belongs on the stream that createStream gave", cmd.Name)
	}
	s.key(from, cmd.Name, key, m)
	if cmd.Name == "play" {
		s.connect.codecs = s.takes()
		if s.cfg.Both {
			s.fresh(1-from, m)
		}
		return
	}
	if f := s.fresh(from, m); f != nil {
		f.publishes = true
	}
	s.publishType(from, cmd, m)
}

// restart says that what a player gets goes on elsewhere.
func (s *Session) restart(msid uint32) {
	for _, f := range s.flows {
		if f.from == FromServer && f.streamID == msid {
			f.restart()
		}
	}
}

func (s *Session) publishType(from Direction, cmd *message.Command, m *rtmp.TraceMessage) {
	if len(cmd.Args) < 2 {
		return
	}
	switch kind, _ := cmd.Args[1].(string); strings.ToLower(kind) {
	case "", "live", "record", "append", "appendwithgap":
	default:
		s.report(PublishType, from, m.StreamID, m.Timestamp, "publish has the type %s: it is live, record or append; servers take it for live, or refuse", printable(kind))
	}
}

// closes takes note that a stream was ended as it should be.
func (s *Session) closes(from Direction, cmd *message.Command, m *rtmp.TraceMessage) {
	msid := m.StreamID
	if len(cmd.Args) > 0 {
		if n, ok := cmd.Args[0].(float64); ok && cmd.Name == "deleteStream" {
			msid = uint32(max(0, min(n, 1<<31)))
		}
	}
	for _, f := range s.flows {
		if f.from == from && (f.streamID == msid || cmd.Name == "FCUnpublish") {
			f.closed = true
		}
	}
}

// ended takes note that the server has ended a stream, if that is what it says: the client does not cut it off then.
func (s *Session) ended(msid uint32, info *amf.Object) {
	if info.Text("level") != rtmp.LevelError && info.Text("code") != string(rtmp.CodeUnpublishSuccess) {
		return
	}
	for _, f := range s.flows {
		if f.from == FromClient && f.streamID == msid {
			f.closed = true
		}
	}
}

// key looks at a stream name. It is a secret on many servers, so no sentence repeats it.
func (s *Session) key(from Direction, command, key string, m *rtmp.TraceMessage) {
	report := func(code Code, format string, args ...any) {
		s.report(code, from, m.StreamID, m.Timestamp, format, args...)
	}
	app, _, _ := strings.Cut(strings.Trim(s.connect.app, "/"), "?")
	name, query, hasQuery := strings.Cut(key, "?")
	switch {
	case strings.TrimSpace(key) == "":
		report(KeyMissing, "%s names no stream: the stream key is empty; perhaps it was written into the server address of the encoder instead", command)
		return
	case strings.Contains(name, "://"):
		report(KeyURL, "the stream key is a whole URL: write rtmp://HOST/APP into the server field of the encoder, and only what follows into the stream key")
	case strings.HasPrefix(name, "/"), strings.HasSuffix(name, "/"), strings.Contains(name, "//"):
		report(KeySlash, "the stream key has a slash too many, at an end or doubled: servers that do not clean it up know the stream by another name")
	case app != "" && strings.HasPrefix(name, app+"/"):
		report(KeyHasApp, "the stream key begins with the application, %s, which the server address has already: the stream gets another name than is meant", printable(app))
	case command == "publish" && slices.Contains([]string{"live", "app", "rtmp"}, name) && !slices.Contains([]string{"live", "app", "rtmp"}, app):
		report(KeySwapped, "the stream is called %s and the application is not: perhaps server address and stream key were exchanged in the encoder", printable(name))
	}
	if strings.TrimSpace(key) != key {
		report(KeySpace, "the stream key begins or ends with a space or line break, probably from copying: the server sees another key than a person does")
	}
	if hasQuery && strings.Contains(query, "?") {
		report(KeyQuery, "the stream key has two question marks: parameters behind the first are joined by &, and the server takes the second for part of a value")
	}
}

// announcedBy reads what a client says of Enhanced RTMP.
func announcedBy(obj *amf.Object) (rtmp.Capabilities, bool) {
	var c rtmp.Capabilities
	if list, ok := obj.Get("fourCcList"); ok {
		values, _ := list.([]any)
		for _, v := range values[:min(len(values), 64)] {
			if name, ok := v.(string); ok {
				c.FourCCList = append(c.FourCCList, name)
			}
		}
	}
	for _, name := range []string{"videoFourCcInfoMap", "audioFourCcInfoMap"} {
		if o := obj.Object(name); o != nil {
			for _, member := range o.Members[:min(len(o.Members), 64)] {
				c.FourCCList = append(c.FourCCList, member.Name)
			}
		}
	}
	return c, len(c.FourCCList) > 0
}

// takes returns the codecs that a player knows: those of old, and those that it has announced.
func (s *Session) takes() rtmp.CodecSet {
	known := []media.FourCC{media.CodecAVC, media.CodecAAC, media.CodecMP3}
	for _, name := range s.connect.caps.FourCCList {
		if name == "*" {
			return rtmp.CodecSet{}
		}
		if len(name) == 4 {
			known = append(known, media.FourCC(uint32(name[0])<<24|uint32(name[1])<<16|uint32(name[2])<<8|uint32(name[3])))
		}
	}
	return rtmp.Codecs(known...)
}
