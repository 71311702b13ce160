package node

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"time"

	"leat/flv"
	"leat/internal/config"
	"leat/internal/format"
	"leat/internal/format/mp4"
	"leat/internal/vod"
	"leat/internal/web"
	"leat/internal/web/hls"
	"leat/internal/web/stream"
	"leat/media"
)

// recordingStart returns where in its recording a request wants to begin, and whether it wants that, live or not: as a start of
// 0 and more over RTMP (RTMP 7.2.2.1).
func recordingStart(r *http.Request) (time.Duration, bool) {
	seconds, err := strconv.ParseFloat(r.URL.Query().Get("start"), 64)
	if err != nil || !(seconds >= 0) || seconds > 1e9 {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)), true
}

// serveRecording answers with a recording: playlists and segments, the file itself if it is one in the format that was asked
// for, or else what is made of it.
func (n *Node) serveRecording(w http.ResponseWriter, r *http.Request, q *webRequest, start time.Duration) error {
	title, err := n.openRecording(r.Context(), q)
	if err != nil {
		return err
	}
	defer title.Release()
	rec := &hls.Recording{File: title.File(), ID: title.ID(), Size: title.Size()}
	switch q.to.Ending {
	case web.EndingPlaylist, web.EndingFile:
		if n.Config().HLS.Mode == config.HLSOff {
			return errNoHLS
		}
		if q.to.Ending == web.EndingFile {
			return rec.ServeFile(w, r, q.to.File, q.token)
		}
		n.counters.plays.Add(1)
		q.log.Info("playing a recording")
		return rec.ServeMaster(w, r, q.to.RecordingPrefix(), q.token)
	}
	if stream.IsWebSocket(r) {
		return fs.ErrNotExist // there is nothing live, and a page reads recordings better by ranges
	}
	ending := ".flv"
	if q.to.Ending == web.EndingMP4 {
		ending = ".mp4"
	}
	n.counters.plays.Add(1)
	q.log.Info("playing a recording")
	if in, kind, changed, ok := title.Whole(); ok && kind == ending && start == 0 {
		serveFile(w, r, title, in, ending, changed, n.Config().Limits.WriteStall)
		return nil
	}
	return n.remux(w, r, q, title, start)
}

var fileTypes = map[string]string{".flv": "video/x-flv", ".mp4": "video/mp4"}

// serveFile answers with a file, or a range of it.
func serveFile(w http.ResponseWriter, r *http.Request, title *vod.Title, in format.Input, ending string, changed time.Time, stall time.Duration) {
	w.Header().Set("Content-Type", fileTypes[ending])
	w.Header().Set("ETag", strconv.Quote(title.ID()))
	w.Header().Set("Cache-Control", "private, no-cache")
	http.ServeContent(newPatient(w, stall), r, "", changed, io.NewSectionReader(in, 0, in.Size()))
}

// remux answers with what is made of a recording as it is read, from a time on. The client's reading sets the pace.
func (n *Node) remux(w http.ResponseWriter, r *http.Request, q *webRequest, title *vod.Title, start time.Duration) error {
	cursor := title.File().NewCursor()
	if start > 0 {
		if _, err := cursor.Seek(start); err != nil {
			return err
		}
	}
	out := newPatient(w, n.Config().Limits.WriteStall)
	var to interface {
		media.Writer
		Close() error
	}
	ending := ".flv"
	if q.to.Ending == web.EndingMP4 {
		ending = ".mp4"
		to = mp4.NewWriter(out, nil)
	} else {
		to = flv.NewWriter(out)
	}
	w.Header().Set("Content-Type", fileTypes[ending])
	if r.Method == http.MethodHead {
		return nil
	}
	// What is wrong from here on cannot be said any more: the answer has begun.
	if err := remuxAll(r.Context(), to, cursor); err != nil && r.Context().Err() == nil {
		q.log.Warn("the rest of a recording was not sent", "err", err)
		panic(http.ErrAbortHandler) // so that the client does not take it for the end
	}
	return nil
}

func remuxAll(ctx context.Context, to interface {
	media.Writer
	Close() error
}, from media.Reader,
) error {
	for {
		p, err := from.ReadPacket(ctx)
		if errors.Is(err, io.EOF) {
			return to.Close()
		}
		if err != nil {
			return err
		}
		err = to.WritePacket(ctx, p)
		if _, unsupported := errors.AsType[*mp4.UnsupportedError](err); unsupported {
			continue // MP4 has no form for one of the tracks
		}
		if err != nil {
			return err
		}
	}
}

// patient is a ResponseWriter that lets an answer take as long as it needs, as long as each write comes through in time.
type patient struct {
	http.ResponseWriter
	control *http.ResponseController
	stall   time.Duration
}

func newPatient(w http.ResponseWriter, stall time.Duration) *patient {
	return &patient{ResponseWriter: w, control: http.NewResponseController(w), stall: stall}
}

// Unwrap is for http.ResponseController.
func (p *patient) Unwrap() http.ResponseWriter { return p.ResponseWriter }

func (p *patient) Write(b []byte) (int, error) {
	if err := p.control.SetWriteDeadline(time.Now().Add(p.stall)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	return p.ResponseWriter.Write(b)
}
