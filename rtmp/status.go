package rtmp

import "leat/amf"

// Status is the information object of onStatus, onPlayStatus, _result and _error (RTMP 7.2.2, 7.2.1.1).
type Status struct {
	Level       string // LevelStatus, LevelWarning or LevelError; empty means the level of Code
	Code        string // what happened; one of the Code constants, or an application's own
	Description string // one sentence for people; sent even when empty
	Details     any    // what it is about, mostly the stream's name; nil: not sent
	ClientID    string // the server's name for the connection; empty: not sent

	// Extra holds further members, such as ex, reason and objectEncoding, in the order in which they are sent.
	Extra []amf.Member
}

// Object returns s as it is sent: level, code, description, then details and clientid if they are set, then Extra.
func (s *Status) Object() *amf.Object {
	level := s.Level
	if level == "" {
		level = LevelOf(Code(s.Code))
	}
	o := &amf.Object{Members: make([]amf.Member, 0, 5+len(s.Extra))}
	o.Members = append(
		o.Members,
		amf.Member{Name: "level", Value: level},
		amf.Member{Name: "code", Value: s.Code},
		amf.Member{Name: "description", Value: s.Description},
	)
	if s.Details != nil {
		o.Members = append(o.Members, amf.Member{Name: "details", Value: s.Details})
	}
	if s.ClientID != "" {
		o.Members = append(o.Members, amf.Member{Name: "clientid", Value: s.ClientID})
	}
	o.Members = append(o.Members, s.Extra...)
	return o
}

// ParseStatus reads an information object. It reports false for a value that is no object or has no code, such as
// Null or a plain return value. A missing level is that of the code; members it does not know, or whose
// value has an unexpected type, go to Extra.
func ParseStatus(v any) (Status, bool) {
	o, ok := v.(*amf.Object)
	if !ok || o == nil {
		return Status{}, false
	}
	var s Status
	for _, m := range o.Members {
		text, isText := m.Value.(string)
		switch {
		case m.Name == "level" && isText:
			s.Level = text
		case m.Name == "code" && isText:
			s.Code = text
		case m.Name == "description" && isText:
			s.Description = text
		case m.Name == "details":
			s.Details = m.Value
		case (m.Name == "clientid" || m.Name == "clientId") && isText: // onPlayStatus spells it with a capital
			s.ClientID = text
		default:
			s.Extra = append(s.Extra, m)
		}
	}
	if s.Code == "" {
		return Status{}, false
	}
	if s.Level == "" {
		s.Level = LevelOf(Code(s.Code))
	}
	return s, true
}

// The values of Status.Level. FFmpeg leaves on every LevelError, so a server that means to go on sends LevelWarning.
const (
	LevelStatus  = "status"
	LevelWarning = "warning"
	LevelError   = "error"
)

// LevelOf returns the level that belongs to code. A code it does not know is LevelStatus, which no client takes for
// the end.
func LevelOf(code Code) string {
	if level, ok := levels[code]; ok {
		return level
	}
	return LevelStatus
}

// Code is the code of a Status: a name in three parts, the object, the operation and what came of it.
type Code string

// Codes of NetConnection: the connection and its calls.
const (
	CodeCallBadVersion          Code = "NetConnection.Call.BadVersion"          // encoded in an unknown format
	CodeCallFailed              Code = "NetConnection.Call.Failed"              // no such method, or it failed
	CodeCallProhibited          Code = "NetConnection.Call.Prohibited"          // refused for security
	CodeConnectAppShutdown      Code = "NetConnection.Connect.AppShutdown"      // the application is ending
	CodeConnectClosed           Code = "NetConnection.Connect.Closed"           // closed in an orderly way
	CodeConnectFailed           Code = "NetConnection.Connect.Failed"           // no connection
	CodeConnectIdleTimeout      Code = "NetConnection.Connect.IdleTimeout"      // silent for too long
	CodeConnectInvalidApp       Code = "NetConnection.Connect.InvalidApp"       // no such application
	CodeConnectNetworkChange    Code = "NetConnection.Connect.NetworkChange"    // seen by the client itself
	CodeConnectReconnectRequest Code = "NetConnection.Connect.ReconnectRequest" // E-RTMP v2, Reconnect Request
	CodeConnectRejected         Code = "NetConnection.Connect.Rejected"         // refused, redirected or asked for credentials
	CodeConnectSuccess          Code = "NetConnection.Connect.Success"
	CodeProxyNotResponding      Code = "NetConnection.Proxy.NotResponding"
	CodeAdminCommandFailed      Code = "NetConnection.Admin.CommandFailed"
)

// Codes of NetStream: playing, publishing and recording.
const (
	CodeStreamFailed     Code = "NetStream.Failed" // any other failure; librtmp closes on it
	CodeStreamInvalidArg Code = "NetStream.InvalidArg"

	CodeBufferEmpty  Code = "NetStream.Buffer.Empty"
	CodeBufferFlush  Code = "NetStream.Buffer.Flush"
	CodeBufferFull   Code = "NetStream.Buffer.Full"
	CodeClearFailed  Code = "NetStream.Clear.Failed" // a recording could not be deleted
	CodeClearSuccess Code = "NetStream.Clear.Success"
	CodeDataStart    Code = "NetStream.Data.Start" // in a data message onStatus

	CodePauseNotify     Code = "NetStream.Pause.Notify"
	CodeUnpauseNotify   Code = "NetStream.Unpause.Notify"
	CodeSeekFailed      Code = "NetStream.Seek.Failed"
	CodeSeekInvalidTime Code = "NetStream.Seek.InvalidTime" // beyond the end; details hold the last valid second
	CodeSeekNotify      Code = "NetStream.Seek.Notify"
	CodeStepNotify      Code = "NetStream.Step.Notify"

	CodePlayComplete              Code = "NetStream.Play.Complete"             // in onPlayStatus
	CodePlayFailed                Code = "NetStream.Play.Failed"               // librtmp closes on it
	CodePlayFileStructureInvalid  Code = "NetStream.Play.FileStructureInvalid" // a broken MP4 file
	CodePlayInsufficientBW        Code = "NetStream.Play.InsufficientBW"       // the player is too slow
	CodePlayNoSupportedTrackFound Code = "NetStream.Play.NoSupportedTrackFound"
	CodePlayPublishNotify         Code = "NetStream.Play.PublishNotify" // a publisher came
	CodePlayReset                 Code = "NetStream.Play.Reset"
	CodePlayStart                 Code = "NetStream.Play.Start"
	CodePlayStop                  Code = "NetStream.Play.Stop"
	CodePlayStreamNotFound        Code = "NetStream.Play.StreamNotFound"
	CodePlaySwitch                Code = "NetStream.Play.Switch" // in onPlayStatus
	CodePlayTransition            Code = "NetStream.Play.Transition"
	CodePlayTransitionComplete    Code = "NetStream.Play.TransitionComplete" // in onPlayStatus
	CodePlayUnpublishNotify       Code = "NetStream.Play.UnpublishNotify"    // the publisher left
	CodeTransitionForced          Code = "NetStream.Transition.Forced"       // a reason in CodePlayTransition
	CodeTransitionSuccess         Code = "NetStream.Transition.Success"      // a reason in CodePlayTransition

	CodePublishBadName   Code = "NetStream.Publish.BadName" // in use, or not allowed
	CodePublishDenied    Code = "NetStream.Publish.Denied"  // not Adobe's; OBS knows it
	CodePublishIdle      Code = "NetStream.Publish.Idle"
	CodePublishRejected  Code = "NetStream.Publish.Rejected" // not Adobe's; OBS knows it
	CodePublishStart     Code = "NetStream.Publish.Start"
	CodeUnpublishSuccess Code = "NetStream.Unpublish.Success"

	CodeRecordAlreadyExists     Code = "NetStream.Record.AlreadyExists" // recorded elsewhere already
	CodeRecordDiskQuotaExceeded Code = "NetStream.Record.DiskQuotaExceeded"
	CodeRecordFailed            Code = "NetStream.Record.Failed"
	CodeRecordNoAccess          Code = "NetStream.Record.NoAccess"
	CodeRecordStart             Code = "NetStream.Record.Start"
	CodeRecordStop              Code = "NetStream.Record.Stop"

	CodeSecondScreenStart Code = "NetStream.SecondScreen.Start"
	CodeSecondScreenStop  Code = "NetStream.SecondScreen.Stop"
)

// Codes of RTMFP, which leat does not speak; they arrive from servers that do.
const (
	CodeStreamConnectClosed   Code = "NetStream.Connect.Closed"
	CodeStreamConnectFailed   Code = "NetStream.Connect.Failed"
	CodeStreamConnectRejected Code = "NetStream.Connect.Rejected"
	CodeStreamConnectSuccess  Code = "NetStream.Connect.Success"
	CodeMulticastStreamReset  Code = "NetStream.MulticastStream.Reset"
)

// Codes of shared objects.
const (
	CodeSharedObjectBadPersistence       Code = "SharedObject.BadPersistence"
	CodeSharedObjectFlushFailed          Code = "SharedObject.Flush.Failed"
	CodeSharedObjectFlushSuccess         Code = "SharedObject.Flush.Success"
	CodeSharedObjectNoReadAccess         Code = "SharedObject.NoReadAccess"
	CodeSharedObjectNoWriteAccess        Code = "SharedObject.NoWriteAccess"
	CodeSharedObjectObjectCreationFailed Code = "SharedObject.ObjectCreationFailed"
	CodeSharedObjectObjectDeletionFailed Code = "SharedObject.ObjectDeletionFailed"
	CodeSharedObjectURIMismatch          Code = "SharedObject.UriMismatch"
)

// Codes of applications; servers use them among themselves.
const (
	CodeApplicationGC            Code = "Application.GC"
	CodeApplicationLowMemory     Code = "Application.Resource.LowMemory"
	CodeApplicationScriptError   Code = "Application.Script.Error"
	CodeApplicationScriptWarning Code = "Application.Script.Warning"
	CodeApplicationShutdown      Code = "Application.Shutdown"
)

// levels holds the codes that tell of anything but success.
var levels = map[Code]string{
	CodeCallBadVersion:            LevelError,
	CodeCallFailed:                LevelError,
	CodeCallProhibited:            LevelError,
	CodeConnectAppShutdown:        LevelError,
	CodeConnectFailed:             LevelError,
	CodeConnectInvalidApp:         LevelError,
	CodeConnectRejected:           LevelError,
	CodeProxyNotResponding:        LevelError,
	CodeAdminCommandFailed:        LevelError,
	CodeStreamFailed:              LevelError,
	CodeStreamInvalidArg:          LevelError,
	CodeClearFailed:               LevelError,
	CodeSeekFailed:                LevelError,
	CodeSeekInvalidTime:           LevelError,
	CodePlayFailed:                LevelError,
	CodePlayFileStructureInvalid:  LevelError,
	CodePlayInsufficientBW:        LevelWarning,
	CodePlayNoSupportedTrackFound: LevelError,
	CodePlayStreamNotFound:        LevelError,
	CodePublishBadName:            LevelError,
	CodePublishDenied:             LevelError,
	CodePublishRejected:           LevelError,
	CodeRecordDiskQuotaExceeded:   LevelError,
	CodeRecordFailed:              LevelError,
	CodeRecordNoAccess:            LevelError,

	CodeStreamConnectFailed:   LevelError,
	CodeStreamConnectRejected: LevelError,

	CodeSharedObjectBadPersistence:       LevelError,
	CodeSharedObjectFlushFailed:          LevelError,
	CodeSharedObjectNoReadAccess:         LevelError,
	CodeSharedObjectNoWriteAccess:        LevelError,
	CodeSharedObjectObjectCreationFailed: LevelError,
	CodeSharedObjectObjectDeletionFailed: LevelError,
	CodeSharedObjectURIMismatch:          LevelError,

	CodeApplicationLowMemory:     LevelWarning,
	CodeApplicationScriptError:   LevelError,
	CodeApplicationScriptWarning: LevelWarning,
}
