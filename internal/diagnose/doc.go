// Package diagnose listens to RTMP conversations and says what is wrong with them, in sentences for people.
//
//	bytes of both sides ──► Conversation ──► messages ──► Session ──► Finding, Summary
//	       │                     └──────────────────────► Printer ──► Output
//	CaptureWriter, CaptureReader, Replay
//
// A Session is the heart: it is told messages, by an rtmp.Trace inside a server or by a Conversation that reads along, and
// makes findings of them. It looks at headers, and into the bodies of commands, metadata, sequence headers and a few frames. Each
// kind of finding has a code, and is told once for each side and message stream, then counted; Kinds lists them, and
// docs/guide/diagnose.md shows the list to users.
//
// A Conversation understands the bytes of both directions without taking part. What it cannot follow it says once, with the
// byte, and reads no further on that side. A Printer makes lines of what a Conversation understands, with secrets masked. Captures
// (docs/wire/capture.md) keep bytes and times; a Replay sends the client's half of one to a server again.
//
// # Limits
//
// Everything is bounded by constants, whatever the peers send: findings, message streams and calls of a Session, values and
// lengths of printed lines, records of a capture. A Session keeps sums and never messages.
//
// # Locks
//
// Session and Output have one each, both leaves. Config.OnFinding is called without.
package diagnose
