package node

import (
	"errors"
	"io/fs"
	"net/http"

	"leat/internal/record"
	"leat/internal/store"
	"leat/internal/web/api"
	"leat/media"
)

// Recordings returns recorded files.
func (c control) Recordings(stream string, limit int) ([]api.Recording, int, error) {
	list, total := []api.Recording{}, 0
	all, err := c.n.openedRecordings()
	if all == nil {
		return list, 0, err
	}
	err = all.List(func(r *store.Recording) bool {
		name := media.Key(r.StreamKey).String()
		if stream != "" && name != stream {
			return true
		}
		if total++; total <= limit {
			list = append(list, api.Recording{
				Path: r.Path, Stream: name, Format: r.Format, Take: r.Take, Segment: r.Segment, Started: r.Started, Ended: r.Ended,
				DurationMS: r.Duration.Milliseconds(), Size: r.Size, Complete: r.Complete,
			})
		}
		return true
	})
	return list, total, err
}

// DeleteRecording removes a recorded file.
func (c control) DeleteRecording(path string) error {
	all, err := c.n.openedRecordings()
	if err != nil {
		return err
	}
	if all != nil {
		err = all.Delete(path)
	}
	switch {
	case all == nil, errors.Is(err, store.ErrNoRecording), errors.Is(err, fs.ErrNotExist):
		return &api.Problem{Status: http.StatusNotFound, Sentence: "There is no recording " + brief(path) + "."}
	case errors.Is(err, record.ErrInUse):
		return &api.Problem{Status: http.StatusConflict, Sentence: "The recording is being written: stop it first."}
	}
	if err == nil {
		c.n.log.Info("recording removed", "path", path)
	}
	return err
}

// StartRecording records a live stream from now on.
func (c control) StartRecording(stream string) error {
	key, err := c.key(stream)
	if err != nil {
		return err
	}
	switch err := c.n.StartRecording(key); {
	case errors.Is(err, record.ErrRecording):
		return &api.Problem{Status: http.StatusConflict, Sentence: "The stream is being recorded already."}
	case errors.Is(err, errNotLive):
		return &api.Problem{Status: http.StatusConflict, Sentence: "Nobody publishes the stream now."}
	case errors.Is(err, errRecordsNever):
		return &api.Problem{Status: http.StatusConflict, Sentence: "The configuration forbids recordings of this application: see record.when."}
	case errors.Is(err, record.ErrDiskLow):
		return &api.Problem{Status: http.StatusInsufficientStorage, Sentence: "The disk is nearly full: see recordings.min_free."}
	default:
		return err
	}
}

// StopRecording ends the recording of a stream.
func (c control) StopRecording(stream string) error {
	key, err := c.key(stream)
	if err != nil {
		return err
	}
	if err := c.n.StopRecording(key); errors.Is(err, record.ErrNotRecording) {
		return &api.Problem{Status: http.StatusConflict, Sentence: "The stream is not being recorded."}
	} else if err != nil {
		return err
	}
	return nil
}
