package diagnose

import "slices"

// Kind is a kind of finding.
type Kind struct {
	Code     Code
	Severity Severity
	Title    string // what is wrong, for a table
}

// The codes of findings.
const (
	NotRTMP          Code = "not-rtmp"
	HandshakeVersion Code = "handshake-version"
	ChunkGarbage     Code = "chunk-garbage"
	ChunkUnannounced Code = "chunk-size-unannounced"
	ChunkSmall       Code = "chunk-size-small"
	ChunkLate        Code = "chunk-size-late"
	ChunkHuge        Code = "chunk-size-huge"
	ExtendedOmitted  Code = "extended-timestamp-omitted"
	ExtendedBlank    Code = "extended-timestamp-blank"
	FreshShort       Code = "chunk-stream-opened-short"
	MessageCut       Code = "message-cut"
	HighChunkStream  Code = "chunk-stream-high"
	UnknownType      Code = "message-type-unknown"
	WindowZero       Code = "window-zero"
	AckMissing       Code = "acknowledgement-missing"
	NotReading       Code = "peer-not-reading"
	CutOff           Code = "cut-off"

	NoConnect        Code = "connect-missing"
	AppEmpty         Code = "app-empty"
	AppSlash         Code = "app-slash"
	AppMismatch      Code = "app-tcurl-differ"
	KeyMissing       Code = "key-missing"
	KeySpace         Code = "key-space"
	KeyURL           Code = "key-url"
	KeySlash         Code = "key-slash"
	KeyHasApp        Code = "key-has-app"
	KeySwapped       Code = "key-app-swapped"
	KeyQuery         Code = "key-query"
	PublishType      Code = "publish-type"
	CommandGarbled   Code = "command-garbled"
	WrongStream      Code = "command-wrong-stream"
	Refused          Code = "refused"
	NoAnswer         Code = "answer-missing"
	MediaUnpublished Code = "media-unpublished"

	ConfigMissing  Code = "sequence-header-missing"
	ConfigLate     Code = "sequence-header-late"
	ConfigRepeated Code = "sequence-header-repeated"
	ConfigChanged  Code = "sequence-header-changed"
	ConfigBroken   Code = "sequence-header-broken"
	CodecChanged   Code = "codec-changed"
	LegacyNumber   Code = "codec-private-number"
	NotAnnounced   Code = "codec-not-announced"
	ADTS           Code = "aac-adts"
	AnnexB         Code = "avc-start-codes"
	NALULength     Code = "avc-lengths"
	EmptyFrame     Code = "frame-empty"
	OffsetOdd      Code = "composition-offset"
	BodyMalformed  Code = "body-malformed"
	PixelFormat    Code = "pixel-format"

	Backwards    Code = "timestamp-backwards"
	Jump         Code = "timestamp-jump"
	Stuck        Code = "timestamp-stuck"
	Gap          Code = "media-gap"
	TooFast      Code = "faster-than-real-time"
	TooSlow      Code = "slower-than-real-time"
	Skew         Code = "av-skew"
	Stopped      Code = "track-stopped"
	NoKeyFrame   Code = "key-frame-missing"
	KeyLong      Code = "key-frame-interval-long"
	KeyIrregular Code = "key-frame-interval-irregular"

	MetadataMissing Code = "metadata-missing"
	MetadataPlain   Code = "metadata-not-stored"
	MetadataSize    Code = "metadata-size"
	MetadataCodec   Code = "metadata-codec"
	MetadataRate    Code = "metadata-frame-rate"
	MetadataBits    Code = "metadata-bit-rate"
	TrackMissing    Code = "track-missing"
)

// Kinds returns all kinds of findings, in the order in which they are documented.
func Kinds() []Kind { return slices.Clone(kinds[:]) }

var kinds = [...]Kind{
	{NotRTMP, Error, "the connection begins with another protocol: TLS, HTTP, …"},
	{HandshakeVersion, Info, "the client asks for a version of the protocol that does not exist"},
	{ChunkGarbage, Error, "the chunk stream makes no sense"},
	{ChunkUnannounced, Error, "chunks are larger than announced: Set Chunk Size is missing or came too late"},
	{ChunkSmall, Info, "video goes in chunks of 128 bytes"},
	{ChunkLate, Info, "Set Chunk Size came after the first media"},
	{ChunkHuge, Warning, "the chunk size is larger than some servers take"},
	{ExtendedOmitted, Warning, "the extended timestamp is left out of continuing chunks"},
	{ExtendedBlank, Info, "the extended timestamp is repeated as zero"},
	{FreshShort, Warning, "a chunk stream begins with a header that refers to an earlier one"},
	{MessageCut, Warning, "a message was given up in the middle"},
	{HighChunkStream, Info, "a chunk stream ID above 63 is used"},
	{UnknownType, Info, "a message has a type that does not exist"},
	{WindowZero, Warning, "a window or bandwidth of 0 is set"},
	{AckMissing, Info, "acknowledgements that were asked for do not come"},
	{NotReading, Warning, "one side has stopped to read"},
	{CutOff, Info, "the connection ended in the middle of a stream"},
	{NoConnect, Error, "the first command is not connect"},
	{AppEmpty, Warning, "connect names no application"},
	{AppSlash, Info, "the application has a slash too many"},
	{AppMismatch, Info, "app and tcUrl name different applications"},
	{KeyMissing, Error, "the stream key is empty"},
	{KeySpace, Warning, "the stream key has a space or a line break at its ends"},
	{KeyURL, Warning, "the stream key is a whole URL"},
	{KeySlash, Info, "the stream key has a slash too many"},
	{KeyHasApp, Info, "the stream key repeats the application"},
	{KeySwapped, Info, "server address and stream key look exchanged"},
	{KeyQuery, Warning, "the stream key has two question marks"},
	{PublishType, Info, "publish has an unknown type"},
	{CommandGarbled, Warning, "a command cannot be decoded"},
	{WrongStream, Warning, "publish or play is on message stream 0"},
	{Refused, Error, "the other side said no"},
	{NoAnswer, Error, "a command was never answered"},
	{MediaUnpublished, Warning, "media comes before publish"},
	{ConfigMissing, Error, "frames come without a sequence header"},
	{ConfigLate, Warning, "the sequence header came after the first frames"},
	{ConfigRepeated, Info, "the same sequence header comes again and again"},
	{ConfigChanged, Info, "the sequence header has changed"},
	{ConfigBroken, Error, "the sequence header cannot be read"},
	{PixelFormat, Info, "the video is not 4:2:0, which many players want"},
	{CodecChanged, Warning, "the codec has changed"},
	{LegacyNumber, Warning, "a codec comes by an old private number"},
	{NotAnnounced, Warning, "the player gets a codec that it did not announce"},
	{ADTS, Error, "AAC frames begin with an ADTS header"},
	{AnnexB, Error, "H.264 or H.265 comes with start codes"},
	{NALULength, Error, "the lengths of NAL units do not add up"},
	{EmptyFrame, Warning, "video frames are empty"},
	{OffsetOdd, Warning, "a frame is shown long before or after it is decoded"},
	{BodyMalformed, Warning, "an audio, video or data message cannot be read"},
	{Backwards, Warning, "timestamps go back"},
	{Jump, Warning, "timestamps jump ahead of the clock"},
	{Stuck, Error, "timestamps stand still"},
	{Gap, Warning, "nothing came for a while"},
	{TooFast, Warning, "the stream comes faster than it plays"},
	{TooSlow, Warning, "the stream comes slower than it plays"},
	{Skew, Warning, "audio and video drift apart"},
	{Stopped, Warning, "audio or video has stopped and the other goes on"},
	{NoKeyFrame, Error, "no key frame comes"},
	{KeyLong, Warning, "key frames are far apart"},
	{KeyIrregular, Info, "key frames come irregularly"},
	{MetadataMissing, Info, "there is no onMetaData"},
	{MetadataPlain, Info, "onMetaData comes without @setDataFrame"},
	{MetadataSize, Warning, "the picture size in onMetaData is not that of the stream"},
	{MetadataCodec, Warning, "the codec in onMetaData is not that of the stream"},
	{MetadataRate, Info, "the frame rate in onMetaData is not that of the stream"},
	{MetadataBits, Warning, "the bit rate is far above that in onMetaData"},
	{TrackMissing, Warning, "onMetaData announces audio or video that does not come"},
}

func severity(c Code) Severity {
	i := slices.IndexFunc(kinds[:], func(k Kind) bool { return k.Code == c })
	return kinds[i].Severity // every code is in the table: a test
}
