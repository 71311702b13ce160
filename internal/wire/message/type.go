package message

import "fmt"

// Type is a message type ID (RTMP 5.4, 7.1).
type Type uint8

// Message type IDs. 7 belongs to servers of one vendor among themselves; 10 to 14 and 21 are unknown.
const (
	TypeSetChunkSize     Type = 1  // RTMP 5.4.1
	TypeAbort            Type = 2  // RTMP 5.4.2
	TypeAcknowledgement  Type = 3  // RTMP 5.4.3
	TypeUserControl      Type = 4  // RTMP 6.2
	TypeWindowAckSize    Type = 5  // RTMP 5.4.4
	TypeSetPeerBandwidth Type = 6  // RTMP 5.4.5
	TypeAudio            Type = 8  // RTMP 7.1.4
	TypeVideo            Type = 9  // RTMP 7.1.5
	TypeDataAMF3         Type = 15 // RTMP 7.1.2
	TypeSharedObjectAMF3 Type = 16 // RTMP 7.1.3
	TypeCommandAMF3      Type = 17 // RTMP 7.1.1
	TypeDataAMF0         Type = 18 // RTMP 7.1.2
	TypeSharedObjectAMF0 Type = 19 // RTMP 7.1.3
	TypeCommandAMF0      Type = 20 // RTMP 7.1.1
	TypeAggregate        Type = 22 // RTMP 7.1.6
)

var typeNames = [...]string{
	TypeSetChunkSize:     "Set Chunk Size",
	TypeAbort:            "Abort",
	TypeAcknowledgement:  "Acknowledgement",
	TypeUserControl:      "User Control",
	TypeWindowAckSize:    "Window Acknowledgement Size",
	TypeSetPeerBandwidth: "Set Peer Bandwidth",
	TypeAudio:            "Audio",
	TypeVideo:            "Video",
	TypeDataAMF3:         "Data (AMF3)",
	TypeSharedObjectAMF3: "Shared Object (AMF3)",
	TypeCommandAMF3:      "Command (AMF3)",
	TypeDataAMF0:         "Data",
	TypeSharedObjectAMF0: "Shared Object",
	TypeCommandAMF0:      "Command",
	TypeAggregate:        "Aggregate",
}

// String returns the name that the specification gives the type, or its number.
func (t Type) String() string {
	if int(t) < len(typeNames) && typeNames[t] != "" {
		return typeNames[t]
	}
	return fmt.Sprintf("message type %d", uint8(t))
}

// choose returns the AMF3 or the AMF0 form of a type.
func choose(amf3 bool, with, without Type) Type {
	if amf3 {
		return with
	}
	return without
}
