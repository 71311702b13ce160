package node

import (
	"errors"
	"net/http"
	"strings"

	"leat/internal/relay"
	"leat/internal/web/api"
	"leat/media"
)

// Relays returns pushes and pulls.
func (c control) Relays() []api.Relay {
	list := []api.Relay{}
	add := func(kind string, all []relay.Status) {
		for i := range all {
			s := &all[i]
			list = append(list, api.Relay{
				ID: s.ID, Kind: kind, Stream: s.Stream.String(), Target: s.Target, Address: s.Address, State: string(s.State), Since: s.Since,
				RetryAt: s.RetryAt, Error: s.Error, Bytes: s.Bytes, Dropped: s.Dropped, Reconnects: s.Reconnects,
			})
		}
	}
	add(api.RelayPush, c.n.Pushes())
	add(api.RelayPull, c.n.Pulls())
	return list
}

// StartRelay pushes or pulls a stream.
func (c control) StartRelay(r *api.NewRelay) (string, error) {
	key, err := c.key(r.Stream)
	if err != nil { // it need not be live
		app, name, ok := strings.Cut(r.Stream, "/")
		if !ok || app == "" || name == "" {
			return "", &api.Problem{Sentence: "The stream must be an application and a name, as live/studio."}
		}
		key = media.Key{App: app, Name: name}
	}
	var id string
	if r.Kind == api.RelayPush {
		id, err = c.n.StartPush(key, relay.Target{URL: r.URL, Key: r.Key})
	} else {
		id, err = c.n.StartPull(key, relay.Pull{Origins: []string{r.URL}})
	}
	switch {
	case errors.Is(err, relay.ErrTooMany):
		return "", &api.Problem{Status: http.StatusConflict, Sentence: "There are as many pushes or pulls as a server has."}
	case errors.Is(err, relay.ErrClosed):
		return "", &api.Problem{Status: http.StatusServiceUnavailable, Sentence: "The server is shutting down."}
	case err != nil:
		return "", &api.Problem{Sentence: "The address cannot be used: " + strings.TrimPrefix(err.Error(), "relay: ") + "."}
	}
	return id, nil
}

// StopRelay ends a push or pull.
func (c control) StopRelay(id string) error {
	err := c.n.StopPush(id)
	if errors.Is(err, relay.ErrUnknown) {
		err = c.n.StopPull(id)
	}
	if errors.Is(err, relay.ErrUnknown) {
		return &api.Problem{Status: http.StatusNotFound, Sentence: "There is no push or pull with this ID."}
	}
	return err
}
