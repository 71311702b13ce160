// Package web is a server's two HTTP doors.
//
// The admin door (Admin) is for the operator and the monitoring: the console and its API, /metrics, /healthz (the process lives),
// /readyz (it takes clients) and /debug/pprof. It has no passwords; its address keeps it private. Pages of other sites that
// the operator's browser shows are refused, by the origin that the browser names and by the host that they call the door.
//
// The public door (Public) knows the addresses of streams and recordings, "/{app}/{name}" with the endings of formats, and
// hands what they mean to whoever joins the rooms below: hls and stream. It says CORS for players on other sites. What is not
// a stream goes to the pages, or is answered with one sentence that tells nothing that an operator may want to keep to
// themselves.
//
// NewServer and Limit give both the deadlines and limits that keep slow and greedy clients harmless. Whoever calls it owns the server:
// it ends with http.Server.Shutdown or Close.
package web
