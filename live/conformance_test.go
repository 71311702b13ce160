package live_test

import (
	"testing"

	"leat/live"
	"leat/media"
	"leat/media/mediatest"
)

var conformanceKey = media.Key{App: "live", Name: "conformance"}

func open(t *testing.T) (*live.Publication, *live.Subscription) {
	t.Helper()
	hub := live.NewHub(nil)
	t.Cleanup(hub.Close)
	sub := hub.Subscribe(conformanceKey, nil)
	t.Cleanup(sub.Close)
	pub, err := hub.Publish(conformanceKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	return pub, sub
}

func TestSubscriptionIsReader(t *testing.T) {
	mediatest.TestReader(t, func(t *testing.T, packets []*media.Packet, ends bool) media.Reader {
		pub, sub := open(t)
		for _, p := range packets {
			if err := pub.WritePacket(t.Context(), p); err != nil {
				t.Fatal(err)
			}
		}
		if ends {
			pub.Close(true)
		}
		return sub
	})
}

func TestPublicationIsWriter(t *testing.T) {
	mediatest.TestWriter(t, func(t *testing.T) media.Writer {
		pub, _ := open(t)
		return pub
	})
}
