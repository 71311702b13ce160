package rtc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"leat/internal/format/codec"
	"leat/live"
	"leat/media"
)

// settleTime is how long a stream that has just begun may take until all its tracks have come.
const settleTime = time.Second

// maxLook is how many packets of a stream are looked at for the order of its frames.
const maxLook = 1024

// look returns the tracks of a stream, the lowest numbers first. It waits while a new stream may still bring others. The error is a
// *Refusal, or ctx's.
func look(ctx context.Context, hub *live.Hub, key media.Key) ([]live.TrackInfo, error) {
	sub := hub.Subscribe(key, &live.SubscribeOptions{Name: "webrtc offer", Start: live.Head, Passive: true})
	defer sub.Close()
	limit, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	for {
		tracks, settled := tracksOf(hub, key)
		if settled {
			return tracks, nil
		}
		_, err := sub.Next(limit)
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, io.EOF):
			return nil, refuse(http.StatusNotFound, "The stream is not live. Publish it, or correct the name.")
		case len(tracks) > 0:
			return tracks, nil
		default:
			return nil, refuse(http.StatusServiceUnavailable, "The stream has just begun, or sends nothing; ask again in a moment.")
		}
	}
}

// tracksOf returns the tracks that have told their codec, and whether no others are to be waited for.
func tracksOf(hub *live.Hub, key media.Key) (tracks []live.TrackInfo, settled bool) {
	info, ok := hub.Stream(key)
	if !ok || info.Publisher == nil {
		return nil, false
	}
	var audio, video bool
	for _, t := range info.Publisher.Tracks {
		if t.Kind == media.Data || t.Packets == 0 {
			continue
		}
		audio = audio || t.Kind == media.Audio
		video = video || t.Kind == media.Video
		tracks = append(tracks, t)
	}
	slices.SortStableFunc(tracks, func(a, b live.TrackInfo) int { return int(a.Track) - int(b.Track) })
	return tracks, audio && video || len(tracks) > 0 && time.Since(info.Publisher.Since) > settleTime
}

// wanted are the tracks that a peer can take.
type wanted struct {
	video, audio *carried // nil without
	leftOut      []string
}

// carried is a track and the codec of the offer that carries it.
type carried struct {
	track live.TrackInfo
	codec *knownCodec
	as    *offered
}

// choose finds one track of each kind that fits the offer. The error is a *Refusal when there is none.
func choose(o *offer, tracks []live.TrackInfo) (*wanted, error) {
	w := &wanted{}
	for _, kind := range []media.Kind{media.Video, media.Audio} {
		var found *carried
		var missing []string
		for _, t := range tracks {
			if t.Kind != kind || found != nil {
				continue
			}
			if found = carry(o, t); found == nil {
				missing = append(missing, describe(t))
			}
		}
		if kind == media.Video {
			w.video = found
		} else {
			w.audio = found
		}
		if found == nil {
			w.leftOut = append(w.leftOut, missing...)
		}
	}
	if w.video == nil && w.audio == nil {
		return nil, cannotCarry(w.leftOut)
	}
	return w, nil
}

// cannotCarry says what of a stream is in the way.
func cannotCarry(leftOut []string) *Refusal {
	return &Refusal{
		Status:   http.StatusNotAcceptable,
		Sentence: "WebRTC cannot carry this stream to this client: " + strings.Join(leftOut, ", ") + ". Play it as .m3u8, .flv or over RTMP, or publish H.264 and Opus.",
		LeftOut:  leftOut,
	}
}

// carry returns nil for a track that the peer cannot take.
func carry(o *offer, t live.TrackInfo) *carried {
	k := known(t.Codec)
	if k == nil || k.codec == media.CodecOpus && hasBytes(t.Config, 10) && t.Config.Data[9] > 2 {
		return nil
	}
	as := o.fit(k, t.Config)
	if as == nil {
		return nil
	}
	return &carried{t, k, as}
}

func describe(t live.TrackInfo) string {
	return fmt.Sprintf("%v track %d (%s)", t.Kind, t.Track, codec.Name(t.Codec))
}

// reordered reports whether a video track has frames that are shown in another order than they are sent in: B-frames.
func reordered(hub *live.Hub, key media.Key, track uint8) bool {
	recent, _ := hub.Recent(key, 0, maxLook)
	last := time.Duration(-1 << 62)
	for _, r := range recent {
		p := r.Packet
		if p.Kind != media.Video || p.Track != track || p.Config || len(p.Data) == 0 {
			continue
		}
		shown := p.Timestamp + p.Offset
		if shown < last {
			return true
		}
		last = shown
	}
	return false
}
