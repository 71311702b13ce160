package multitrack

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
)

// Path is where the handler stands at the public door: as at the service for which it was invented, and under a name that no
// application can have.
const Path = "/api/v3/GetClientConfiguration"

// Ingest is where a client publishes, and what.
type Ingest struct {
	App       string
	Ladder    []Rung     // the best first; empty: nothing
	Endpoints []Endpoint // the one to prefer first
}

// Refusal is why a client may not publish: a sentence for the person who uses it.
type Refusal string

// Error returns the sentence.
func (r Refusal) Error() string { return string(r) }

// Config sets up a handler. Both fields are required.
type Config struct {
	// Ingest says where the client of r publishes with a stream key, whose query may hold a token. An error is a Refusal or the
	// server's own. It must not wait for the network.
	Ingest func(r *http.Request, name, query string) (Ingest, error)
	Logger *slog.Logger
}

// Handler answers POST, and tells who only looks what it is for.
func Handler(cfg Config) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "OBS asks here which renditions to send, if it was started with --config-url and this address.", http.StatusMethodNotAllowed)
			return
		}
		q, err := readRequest(r.Body)
		switch {
		case errors.Is(err, errTooLong):
			http.Error(w, "The request is longer than 64 KiB.", http.StatusRequestEntityTooLarge)
			return
		case err != nil:
			http.Error(w, "The request is not the JSON document that OBS sends.", http.StatusBadRequest)
			return
		}
		a, err := cfg.answer(r, q)
		var b []byte
		if err == nil {
			b, err = json.Marshal(a)
		}
		if err != nil {
			cfg.Logger.Error("OBS could not be told what to send", "remote", r.RemoteAddr, "err", err)
			http.Error(w, "The server failed; its log says why.", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(b) // a client that has gone misses nothing
	})
}

// answer decides.
func (cfg *Config) answer(r *http.Request, q *request) (*answer, error) {
	name, query, _ := strings.Cut(q.Authentication, "?")
	log := cfg.Logger.With("remote", r.RemoteAddr, "client", brief(q.Client.Name+" "+q.Client.Version))
	refuse := func(result, sentence string) *answer {
		log.Warn("OBS was not told what to send", "reason", sentence)
		return newAnswer(q, result, sentence)
	}
	if name == "" {
		return refuse(resultError, "The stream key is empty: set one in OBS, Settings, Stream."), nil
	}
	in, err := cfg.Ingest(r, name, query)
	if refusal, ok := errors.AsType[Refusal](err); ok {
		return refuse(resultError, string(refusal)), nil
	}
	if err != nil {
		return nil, err
	}
	picture, ok := q.Preferences.main()
	switch {
	case !ok:
		return refuse(resultError, "The request has no canvas that can be sent: look at OBS, Settings, Video."), nil
	case len(in.Ladder) == 0:
		return refuse(resultWarning, "This server takes one rendition only: its ladder is empty. Turn Multitrack Video off."), nil
	}
	list, wanted := choose(in.Ladder, picture, q)
	if len(list) == 0 {
		least := in.Ladder[len(in.Ladder)-1].Bitrate + audioBitrate
		return refuse(resultWarning, fmt.Sprintf("The bit rate that OBS may use is below the least that the server asks for, %d kbit/s.", least)), nil
	}
	a := newAnswer(q, resultSuccess, "")
	switch {
	case len(q.Preferences.Canvases) > 1:
		a.Status = status{resultWarning, "Only the main canvas is streamed: this server knows nothing of others."}
	case wanted > len(list):
		a.Status = status{resultWarning, fmt.Sprintf("Without the encoder of a graphics card this machine can send %d of %d renditions.", len(list), wanted)}
	}
	if err := a.add(list, in.Endpoints, &q.Preferences); err != nil {
		return nil, err
	}
	log.Info("OBS was told what to send", "app", in.App, "renditions", len(list), "encoder", list[0].encoder, "config", a.Meta.ConfigID)
	return a, nil
}

// brief bounds what is repeated of a request.
func brief(s string) string {
	const most = 100
	return strings.TrimSpace(s[:min(len(s), most)])
}
