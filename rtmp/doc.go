// Package rtmp implements Adobe's Real-Time Messaging Protocol, version 1.0: servers and clients in the shape
// of net/http.
//
// # What happens on a connection
//
// A client opens a TCP connection, exchanges the handshake (RTMP 5.2), and calls connect. From then on both sides
// send messages, each cut into chunks so that a long video frame does not hold up audio (RTMP 5.3). A client makes one
// message stream for each thing that it publishes or plays:
//
//	publishing                                 playing
//	C→S  connect                               C→S  connect
//	S→C  Window Ack Size, Set Peer Bandwidth,  S→C  the same
//	     Stream Begin 0, Set Chunk Size,
//	     _result, onBWDone
//	C→S  releaseStream, FCPublish
//	C→S  createStream                          C→S  createStream
//	S→C  _result (stream ID)                   S→C  _result (stream ID)
//	C→S  publish (name, "live")                C→S  play (name, start, duration, reset)
//	S→C  Stream Begin, Publish.Start           S→C  Stream Begin, Play.Reset, Play.Start
//	C→S  @setDataFrame onMetaData,             S→C  onMetaData, sequence headers,
//	     sequence headers, frames                   frames from a key frame on
//	C→S  FCUnpublish, deleteStream             S→C  Unpublish.Notify, Stream EOF
//
// # Serving
//
// A Server hands every stream to a Handler, whose methods block for as long as the stream lives. A PublishStream is a
// media.Reader, a PlayStream a media.Writer, and media.Copy does the rest. Add-on interfaces on the same value
// take part in connect (ConnectHandler), answer remote calls (CallHandler), tell how long recordings are (LengthHandler),
// keep shared objects (SharedObjectHandler) and hear of the end (DisconnectHandler).
// A PlayStream can be detached from its handler (PlayStream.Detach), for servers that send the same bytes to thousands of
// players.
//
// # Connecting
//
// Dial connects to an RTMP URL; Conn.Publish gives a Publisher, a media.Writer, Conn.Play a Player, a media.Reader.
// Conn.Call calls a method of the server, and Conn.SharedObject uses a shared object: slots that clients of an
// application have in common.
//
// # Enhanced RTMP
//
// Both ends say in connect what they know of it (Capabilities). From what a player has said follows the Form in which it gets a
// stream, and a Fitter brings packets into it: which tracks, which codecs, by FourCC or by number, with or without
// nanoseconds. Players with equal forms can share bytes. A server can ask clients to go elsewhere
// (Conn.RequestReconnect, DialConfig.OnReconnect); PublishURL and PlayURL go there with the stream.
//
// # Words
//
//   - app, instance, name: what a stream is called: the application, one of its instances, the stream in it (media.Key)
//   - csid: chunk stream ID, the lane on which a message's chunks travel; msid: message stream ID, the stream a message belongs to
//   - fmt: chunk message header format, 0 (full) to 3 (nothing)
//   - transaction ID: what relates an answer to its command
//   - status: the information object of onStatus: level, code, description (Status)
//
// # Limits
//
// Every number that a peer sends meets a limit before memory is allocated for it; see Limits.
package rtmp
