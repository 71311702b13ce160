package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/danielgtaylor/huma/v2/sse"
)

// Prefix is where the API stands.
const Prefix = "/api/v1"

// maxBody bounds requests, bytes.
const maxBody = 16 << 10

// Config is what a handler needs. Neither field may be nil.
type Config struct {
	Server Server
	Logger *slog.Logger
}

// Handler answers everything under Prefix. Whoever may call it may do all that it offers: keep others away from it.
func Handler(cfg Config) http.Handler {
	mux := http.NewServeMux()
	s := &service{server: cfg.Server, log: cfg.Logger}
	about := cfg.Server.About()
	spec := huma.DefaultConfig("Leat", about.Version)
	spec.Info.Description = "What a Leat server does now, and what an operator may do to it."
	spec.OpenAPIPath, spec.DocsPath, spec.SchemasPath, spec.CreateHooks = "", "", "", nil
	h := huma.NewAPI(spec, slashes{humago.NewAdapter(mux, "")})
	s.register(h)
	serveSpec(mux, "json", "application/openapi+json", sync.OnceValues(func() ([]byte, error) { return h.OpenAPI().MarshalJSON() }))
	serveSpec(mux, "yaml", "application/openapi+yaml", sync.OnceValues(func() ([]byte, error) { return h.OpenAPI().YAML() }))
	mux.HandleFunc(Prefix+"/", func(w http.ResponseWriter, r *http.Request) {
		problem(w, http.StatusNotFound, "There is no "+r.Method+" "+brief(r.URL.Path)+"; "+Prefix+"/openapi.json lists what there is.")
	})
	return mux
}

// brief bounds what is repeated of a request.
func brief(s string) string {
	const most = 200
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

func serveSpec(mux *http.ServeMux, ending, contentType string, text func() ([]byte, error)) {
	mux.HandleFunc("GET "+Prefix+"/openapi."+ending, func(w http.ResponseWriter, _ *http.Request) {
		b, err := text()
		if err != nil {
			problem(w, http.StatusInternalServerError, "The description could not be made: "+err.Error()+".")
			return
		}
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(b) // a client that has gone misses nothing
	})
}

// slashes lets the last parameter of a path hold slashes, as names of streams and recordings do. OpenAPI has no word for it.
type slashes struct{ huma.Adapter }

func (a slashes) Handle(op *huma.Operation, handler func(huma.Context)) {
	at := *op
	for _, name := range []string{"{name}", "{path}"} {
		if rest, ok := strings.CutSuffix(at.Path, name); ok {
			at.Path = rest + name[:len(name)-1] + "...}"
		}
	}
	a.Adapter.Handle(&at, handler)
}

// service holds the operations.
type service struct {
	server Server
	log    *slog.Logger
}

func (s *service) register(h huma.API) {
	huma.Register(h, get("about", "/server", "The server"), s.about)
	huma.Register(h, get("list-streams", "/streams", "All streams"), s.streams)
	huma.Register(h, get("get-stream", "/streams/{app}/{name}", "One stream, with its last minutes"), s.stream)
	huma.Register(h, get("list-players", "/players", "Players of live streams"), s.players)
	huma.Register(h, act("kick-viewer", http.MethodDelete, "/players/{viewer}", "End a player over HTTP"), s.kickViewer)
	huma.Register(h, get("list-connections", "/connections", "RTMP connections"), s.connections)
	huma.Register(h, get("get-connection", "/connections/{id}", "One connection"), s.connection)
	huma.Register(h, act("kick", http.MethodDelete, "/connections/{id}", "End a connection"), s.kick)
	huma.Register(h, act("reload", http.MethodPost, "/reload", "Read the configuration again"), s.reload)
	huma.Register(h, act("reconnect", http.MethodPost, "/reconnect", "Ask clients to connect again, here or elsewhere"), s.reconnect)
	huma.Register(h, get("list-relays", "/relays", "Streams on their way to and from other servers"), s.relays)
	huma.Register(h, act("start-relay", http.MethodPost, "/relays", "Push or pull a stream from now on"), s.startRelay)
	huma.Register(h, act("stop-relay", http.MethodDelete, "/relays/{id}", "End a push or pull"), s.stopRelay)
	huma.Register(h, get("list-recordings", "/recordings", "Recorded files"), s.recordings)
	huma.Register(h, act("delete-recording", http.MethodDelete, "/recordings/{path}", "Remove a recorded file"), s.deleteRecording)
	huma.Register(h, act("start-recording", http.MethodPost, "/recordings/start", "Record a live stream from now on"), s.startRecording)
	huma.Register(h, act("stop-recording", http.MethodPost, "/recordings/stop", "End the recording of a stream"), s.stopRecording)
	events := get("events", "/events", "Server-sent events: a snapshot each second, and news")
	events.Middlewares = huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) { s.listen(h, ctx, next) }}
	sse.Register(h, events,
		map[string]any{"snapshot": Snapshot{}, "event": Event{}}, s.events)
}

func get(id, path, summary string) huma.Operation {
	return huma.Operation{OperationID: id, Method: http.MethodGet, Path: Prefix + path, Summary: summary}
}

func act(id, method, path, summary string) huma.Operation {
	op := huma.Operation{
		OperationID: id, Method: method, Path: Prefix + path, Summary: summary, MaxBodyBytes: maxBody,
		Errors: []int{http.StatusNotFound, http.StatusConflict},
	}
	if method == http.MethodDelete {
		op.DefaultStatus = http.StatusNoContent
	}
	return op
}

// fail turns an error into an answer.
func (s *service) fail(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	code, sentence := status(err)
	if code == http.StatusInternalServerError {
		s.log.WarnContext(ctx, "a request to the API failed", "err", err)
	}
	return huma.NewError(code, sentence)
}

// problem answers what has not come as far as huma.
func problem(w http.ResponseWriter, code int, sentence string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(code)
	_ = huma.DefaultJSONFormat.Marshal(w, huma.NewError(code, sentence)) // a client that has gone misses nothing
}

// output is an answer with a body of JSON.
type output[T any] struct{ Body T }

func answer[T any](body T) *output[T] { return &output[T]{Body: body} }

// ListQuery bounds a list. It has a name of its own, as ByID has, because huma fills in exported fields only.
type ListQuery struct {
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"200" doc:"How many at most."`
}

// ofStream asks for what concerns one stream.
type ofStream struct {
	ListQuery
	Stream string `query:"stream" maxLength:"1024" example:"live/studio" doc:"Only of this stream."`
}

// list is a part of a list.
type list[T any] struct {
	Total int `json:"total" doc:"How many there are, listed or not."`
	Items []T `json:"items"`
}

func (s *service) about(context.Context, *struct{}) (*output[About], error) {
	return answer(s.server.About()), nil
}

func (s *service) streams(_ context.Context, in *ListQuery) (*output[list[Stream]], error) {
	all := s.server.Streams()
	return answer(list[Stream]{Total: len(all), Items: all[:min(len(all), in.Limit)]}), nil
}

func (s *service) stream(_ context.Context, in *struct {
	App  string `path:"app"`
	Name string `path:"name" doc:"With an application instance before it if there is one; it may hold slashes."`
},
) (*output[Stream], error) {
	name := in.App + "/" + in.Name
	stream, ok := s.server.Stream(name)
	if !ok {
		return nil, huma.Error404NotFound("There is no stream " + brief(name) + ": nobody publishes or plays it.")
	}
	return answer(stream), nil
}

func (s *service) players(_ context.Context, in *ofStream) (*output[list[Player]], error) {
	items, total := s.server.Players(in.Stream, in.Limit)
	return answer(list[Player]{Total: total, Items: items}), nil
}

func (s *service) connections(_ context.Context, in *ListQuery) (*output[list[Connection]], error) {
	items, total := s.server.Connections(in.Limit)
	return answer(list[Connection]{Total: total, Items: items}), nil
}

// ByID names a connection.
type ByID struct {
	ID uint64 `path:"id" doc:"The conn of the log lines."`
}

func (s *service) connection(_ context.Context, in *ByID) (*output[Connection], error) {
	c, ok := s.server.Connection(in.ID)
	if !ok {
		return nil, huma.Error404NotFound("There is no connection of that number: it has ended, or has not finished connect.")
	}
	return answer(c), nil
}

func (s *service) kick(ctx context.Context, in *struct {
	ByID
	Reason string `query:"reason" maxLength:"200" doc:"For the log."`
},
) (*struct{}, error) {
	return nil, s.fail(ctx, s.server.Kick(in.ID, cmp.Or(in.Reason, "an operator ended it")))
}

func (s *service) kickViewer(ctx context.Context, in *struct {
	Viewer uint64 `path:"viewer" doc:"As the list of players has it."`
	Reason string `query:"reason" maxLength:"200" doc:"For the log."`
},
) (*struct{}, error) {
	return nil, s.fail(ctx, s.server.KickViewer(in.Viewer, cmp.Or(in.Reason, "no reason was given")))
}

func (s *service) reload(ctx context.Context, _ *struct{}) (*struct{}, error) {
	return nil, s.fail(ctx, s.server.Reload())
}

// Reconnect is what clients are asked.
type Reconnect struct {
	Stream string `json:"stream,omitempty" maxLength:"1024" doc:"Only who publishes or plays this stream; absent: everybody."`
	URL    string `json:"url,omitempty" maxLength:"1024" doc:"Where to go on, absolute or relative to the address they used; absent: the same."`
	Reason string `json:"reason,omitempty" maxLength:"200" doc:"For the clients."`
}

// Asked says how many clients were asked. Those that do not know the request are not.
type Asked struct {
	Asked int `json:"asked"`
}

func (s *service) reconnect(ctx context.Context, in *output[Reconnect]) (*output[Asked], error) {
	asked, err := s.server.Reconnect(in.Body.Stream, in.Body.URL, in.Body.Reason)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return answer(Asked{asked}), nil
}

func (s *service) relays(_ context.Context, in *ListQuery) (*output[list[Relay]], error) {
	all := s.server.Relays()
	return answer(list[Relay]{Total: len(all), Items: all[:min(len(all), in.Limit)]}), nil
}

// Started names a relay that has begun.
type Started struct {
	ID string `json:"id"`
}

func (s *service) startRelay(ctx context.Context, in *output[NewRelay]) (*output[Started], error) {
	id, err := s.server.StartRelay(&in.Body)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return answer(Started{id}), nil
}

func (s *service) stopRelay(ctx context.Context, in *struct {
	ID string `path:"id"`
},
) (*struct{}, error) {
	return nil, s.fail(ctx, s.server.StopRelay(in.ID))
}

func (s *service) recordings(ctx context.Context, in *ofStream) (*output[list[Recording]], error) {
	items, total, err := s.server.Recordings(in.Stream, in.Limit)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return answer(list[Recording]{Total: total, Items: items}), nil
}

func (s *service) deleteRecording(ctx context.Context, in *struct {
	Path string `path:"path" doc:"As the list has it, slashes and all."`
},
) (*struct{}, error) {
	return nil, s.fail(ctx, s.server.DeleteRecording(in.Path))
}

// Target names a stream.
type Target struct {
	Stream string `json:"stream" minLength:"1" maxLength:"1024" example:"live/studio"`
}

func (s *service) startRecording(ctx context.Context, in *output[Target]) (*struct{}, error) {
	return nil, s.fail(ctx, s.server.StartRecording(in.Body.Stream))
}

func (s *service) stopRecording(ctx context.Context, in *output[Target]) (*struct{}, error) {
	return nil, s.fail(ctx, s.server.StopRecording(in.Body.Stream))
}

// listenerKey is where listen puts the listener for events.
type listenerKey struct{}

// listen takes a place among the listeners before anything is answered, or turns away whom there is none for.
func (s *service) listen(h huma.API, ctx huma.Context, next func(huma.Context)) {
	news := s.server.News()
	l, err := news.listen()
	switch {
	case errors.Is(err, errManyListeners):
		err = huma.WriteErr(h, ctx, http.StatusServiceUnavailable, fmt.Sprintf("There are %d listeners already, as many as the server takes.", maxListeners))
	case err != nil:
		err = huma.WriteErr(h, ctx, http.StatusServiceUnavailable, "The server is shutting down.")
	default:
		defer news.leave(l)
		next(huma.WithValue(ctx, listenerKey{}, l))
	}
	if err != nil {
		s.log.DebugContext(ctx.Context(), "an answer was not sent", "err", err)
	}
}

// events sends until the client leaves, is too slow, or the server ends. Recent events come first.
func (s *service) events(ctx context.Context, _ *struct{}, send sse.Sender) {
	l := ctx.Value(listenerKey{}).(*listener) // listen was here first
	var err error
	for err == nil {
		select {
		case <-ctx.Done():
			return
		case <-l.over:
			return
		case snapshot := <-l.snapshot:
			err = send.Data(snapshot)
		case event := <-l.events:
			err = send.Data(event)
		}
	}
}
