// Package web is a server's two HTTP doors.
//
// The admin door (Admin) is for the operator and the monitoring: /metrics, /healthz (the process lives), /readyz (it takes
// clients) and /debug/pprof. It has no passwords; its address keeps it private, and pages of other sites that a
// browser on the same machine shows are refused.
//
// The public door (Public) has no pages yet: it says what the server is, in one sentence, and nothing that an operator
// may want to keep to themselves.
//
// NewServer gives both the deadlines and limits that keep slow and greedy clients harmless. Whoever calls it owns the server:
// it ends with http.Server.Shutdown or Close.
package web
