package sharedobject

import (
	"slices"
	"strings"
	"testing"

	"leat/amf"
	"leat/internal/wire/message"
	"leat/rtmp"
)

const (
	amf0 = message.TypeSharedObjectAMF0
	amf3 = message.TypeSharedObjectAMF3

	head  = "0004 63686174 | " // "chat"
	flags = " | 00000000 00000000 | "
	title = "0005 7469746c65"

	useEvent     = "01 00000000"
	onMsg        = "06 00000016 02 0005 6f6e4d7367 02 0002 6869 00 401c000000000000"
	noWrite      = "07 00000023 001a 5368617265644f626a6563742e4e6f5772697465416363657373 0005 6572726f72"
	emptyReply   = head + "00000000" + flags + "0b 00000000 | 08 00000000"
	setBye       = head + "00000000" + flags + "03 0000000d" + title + "02 0003 627965"
	successEvent = "05 00000007" + title
)

// The bytes of every event, as they are on the wire, in both forms.
func TestGolden(t *testing.T) {
	for _, form := range []struct {
		name     string
		typ      message.Type
		encoding float64
		prefix   string
	}{{"AMF0", amf0, 0, ""}, {"AMF3", amf3, 3, "00"}} {
		t.Run(form.name, func(t *testing.T) {
			srv, objects := serve(t, Config{Access: func(u *rtmp.SharedObjectUser) Access {
				return Access{Read: true, Write: u.Version() != 99, Create: true}
			}})
			a, b := dialRaw(t, srv, form.encoding), dialRaw(t, srv, form.encoding)
			sends := func(p *peer, body string) { t.Helper(); p.sends(form.typ, form.prefix+body) }
			gets := func(p *peer, body string) { t.Helper(); p.gets(form.typ, form.prefix+body) }
			both := func(body string) { t.Helper(); gets(a, body); gets(b, body) }

			sends(a, head+"00000000"+flags+useEvent)
			gets(a, emptyReply)
			sends(a, head+"00000000"+flags+"03 0000000f"+title+"02 0005 68656c6c6f")
			gets(a, head+"00000001"+flags+successEvent)
			sends(b, head+"00000000"+flags+useEvent)
			gets(b, head+"00000001"+flags+"0b 00000000 | 08 00000000 | 04 0000000f"+title+"02 0005 68656c6c6f")

			// Several pairs in one event are answered one by one, in one message.
			sends(a, head+"00000001"+flags+"03 00000011"+title+"02 0003 627965 | 0001 78 05")
			gets(a, head+"00000002"+flags+successEvent+"| 05 00000003 0001 78")
			gets(b, head+"00000002"+flags+"04 0000000d"+title+"02 0003 627965")

			sends(b, head+"00000002"+flags+onMsg)
			both(head + "00000002" + flags + onMsg)
			sends(b, head+"00000002"+flags+"0a 00000007"+title)
			both(head + "00000003" + flags + "09 00000007" + title)

			h, err := objects.Open(Key{App: "live", Name: "chat"}, false)
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			if err := h.Clear(t.Context()); err != nil {
				t.Fatal(err)
			}
			both(head + "00000003" + flags + "08 00000000")

			c := dialRaw(t, srv, form.encoding)
			sends(c, head+"00000063"+flags+useEvent)
			gets(c, head+"00000003"+flags+"0b 00000000 | 08 00000000")
			sends(c, head+"00000003"+flags+"03 0000000d"+title+"02 0003 627965")
			gets(c, head+"00000003"+flags+noWrite+"| 09 00000007"+title)

			sends(b, head+"00000003"+flags+"02 00000000")
			sends(b, head+"00000003"+flags+onMsg) // it is no user any more
			sends(a, head+"00000003"+flags+onMsg)
			gets(a, head+"00000003"+flags+onMsg)
		})
	}
}

// Values behind 0x11 are understood; type 16 without object encoding 3 is answered by type 19.
func TestAMF3Values(t *testing.T) {
	srv, _ := serve(t, Config{})
	a := dialRaw(t, srv, 0)
	a.sends(amf3, "00"+head+"00000000"+flags+useEvent)
	a.gets(amf0, emptyReply)
	// Two slots: the AMF3 string "ab", and a reference to it.
	a.sends(amf3, "00"+head+"00000000"+flags+"03 00000008 0001 78 11 06 05 6162 | 03 00000006 0001 79 11 06 00")
	a.gets(amf0, head+"00000001"+flags+"05 00000003 0001 78 | 05 00000003 0001 79")
	b := dialRaw(t, srv, 3)
	b.sends(amf3, "00"+head+"00000000"+flags+useEvent)
	b.gets(amf3, "00"+head+"00000001"+flags+"0b 00000000 | 08 00000000 | 04 00000008 0001 78 02 0002 6162 | 04 00000008 0001 79 02 0002 6162")
}

// To use what one uses already gives its state anew, and a temporary object lives on.
func TestUseAgain(t *testing.T) {
	srv, objects := serve(t, Config{})
	a := dialRaw(t, srv, 0)
	a.sends(amf0, head+"00000000"+flags+useEvent)
	a.gets(amf0, emptyReply)
	a.sends(amf0, setBye)
	a.gets(amf0, head+"00000001"+flags+successEvent)
	a.sends(amf0, head+"00000001"+flags+useEvent)
	a.gets(amf0, head+"00000001"+flags+"0b 00000000 | 08 00000000 | 04 0000000d"+title+"02 0003 627965")
	a.sends(amf0, head+"00000001"+flags+onMsg)
	a.gets(amf0, head+"00000001"+flags+onMsg)
	if users := objects.List()[0].Users; users != 1 {
		t.Errorf("%d users, want 1", users)
	}
}

// What makes no sense is ignored, and harms neither the connection nor another.
func TestMalformed(t *testing.T) {
	srv, _ := serve(t, Config{})
	other := use(t, srv, "chat", rtmp.SharedObjectOptions{})
	a := dialRaw(t, srv, 3)
	a.sends(amf0, head+"00000000"+flags+useEvent)
	a.gets(amf0, emptyReply)
	for _, body := range []string{
		"", "00", "0004 6368", head, head + "00000000", head + "00000000" + flags, // no events are no error
		head + "00000000" + flags + "03", head + "00000000" + flags + "03 ffffffff",
		head + "00000000" + flags + "03 00000003 0001 78",               // no value
		head + "00000000" + flags + "03 00000004 0001 78 11",            // half an AMF3 value
		head + "00000000" + flags + "03 00000006 0001 78 11 06 7e",      // a reference to nowhere
		head + "00000000" + flags + "03 00000004 0001 78 ff",            // no such marker
		head + "00000000" + flags + "06 00000001 05",                    // the handler is null
		head + "00000000" + flags + "0a 00000002 0005",                  // the name is missing
		head + "00000000" + flags + "04 00000005 0001 78 01 01",         // events of servers
		head + "00000000" + flags + "0b 00000000 | 08 00000000",         //
		head + "00000000" + flags + "63 00000002 0102",                  // no such event
		"0005 6f74686572 | 00000000" + flags + "02 00000000",            // release of what is not used
		"0005 6f74686572 | 00000000" + flags + "03 00000004 0001 78 05", // change of it
	} {
		a.sends(amf0, body)
		a.sends(amf3, "00"+body)
		a.sends(amf3, "ff"+body)
	}
	deep := strings.Repeat("0a 00000001 ", 100) + "05"
	a.sends(amf0, head+"00000000"+flags+"03 000001f8 0001 78"+deep)
	a.sends(amf0, setBye)
	a.gets(amf0, head+"00000001"+flags+successEvent)
	other.hears("clear", "change title=bye")
}

func TestBeforeConnect(t *testing.T) {
	srv, objects := serve(t, Config{})
	p := dialRaw(t, srv, 0)
	q := &peer{t: t, chunks: p.chunks}
	nc, err := srv.Listener.DialContext(t.Context(), "tcp", "")
	if err != nil {
		t.Fatal(err)
	}
	q.nc = nc
	q.write(append([]byte{3}, make([]byte, 2*1536)...))
	q.sends(amf0, head+"00000000"+flags+useEvent)
	buf := make([]byte, 4096)
	for err == nil {
		_, err = nc.Read(buf) // until the server has closed it
	}
	if got := objects.List(); len(got) != 0 {
		t.Errorf("objects %v", got)
	}
	if err := nc.Close(); err != nil {
		t.Fatal(err)
	}
}

// Values that refer to each other must not make the server encode more than a message can ask for.
func TestReferencesAreBounded(t *testing.T) {
	srv, _ := serve(t, Config{})
	a := dialRaw(t, srv, 0)
	a.sends(amf0, head+"00000000"+flags+useEvent)
	a.gets(amf0, emptyReply)
	big, err := amf.Append(nil, amf.NewObject("a", strings.Repeat("x", 200_000)))
	if err != nil {
		t.Fatal(err)
	}
	event := func(typ byte, data ...byte) []byte {
		return append([]byte{typ, 0, byte(len(data) >> 16), byte(len(data) >> 8), byte(len(data))}, data...)
	}
	body := unhex(t, head+"00000000"+flags)
	body = append(body, event(3, slices.Concat([]byte{0, 1, 'x'}, big)...)...)
	for range 10_000 {
		body = append(body, event(3, 0, 1, 'x', 7, 0, 0)...)
	}
	a.send(amf0, body)
	a.gets(amf0, head+"00000000"+flags+noWrite+"| 09 00000003 0001 78")
	body = unhex(t, head+"00000000"+flags)
	body = append(body, event(6, slices.Concat([]byte{2, 0, 1, 'h'}, big)...)...)
	for range 10_000 {
		body = append(body, event(6, 2, 0, 1, 'h', 7, 0, 0)...)
	}
	a.send(amf0, body)
	a.gets(amf0, head+"00000000"+flags+noWrite)
}

func FuzzRequests(f *testing.F) {
	for _, seed := range []string{
		head + "00000000" + flags + useEvent, setBye, head + "00000000" + flags + onMsg,
		head + "00000000" + flags + "03 00000011" + title + "02 0003 627965 | 0001 78 05",
		head + "00000000" + flags + "0a 00000007" + title + "| 02 00000000 |" + useEvent,
		"0001 70 | 00000000 | 00000002 00000000 |" + useEvent + "| 03 00000004 0001 78 05",
		head + "00000000" + flags + "03 00000008 0001 78 11 06 05 6162",
	} {
		f.Add(unhex(f, seed))
	}
	st := newStore(f)
	// Whatever a client sends, it is answered or ignored; then it is served as before, and so is the other.
	f.Fuzz(func(t *testing.T, body []byte) {
		srv, objects := serve(t, Config{Store: st, Limits: Limits{Slots: 16, Bytes: 4096}})
		other := use(t, srv, "other", rtmp.SharedObjectOptions{})
		a := dialRaw(t, srv, 0)
		a.sends(amf0, head+"00000000"+flags+useEvent)
		a.gets(amf0, emptyReply)
		a.send(amf0, body)
		a.sends(amf0, "0003 656e64 | 00000000"+flags+useEvent)
		for string(a.next(amf0)[2:5]) != "end" {
		}
		other.set("alive", true)
		for _, i := range objects.List() {
			if i.Slots > 16 || i.Bytes > 4096 {
				t.Fatalf("an object beyond the limits: %+v", i)
			}
		}
	})
}
