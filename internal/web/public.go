package web

import "net/http"

// Public returns the handler of the public door.
func Public() http.Handler {
	mux := http.NewServeMux()
	const what = "This is a Leat server. Streams are published and played with rtmp:// addresses; there are no web pages here yet."
	mux.HandleFunc("GET /{$}", sayer(http.StatusOK, what))
	mux.HandleFunc("GET /", sayer(http.StatusNotFound, "There is no such page. "+what))
	return mux
}
