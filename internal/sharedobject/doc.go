// Package sharedobject keeps the shared objects of a server's application instances (RTMP 7.1.3): named sets of slots that
// clients have in common. Objects is the rtmp.SharedObjectHandler.
//
// # What happens
//
//	client                            server                          the other users
//	Use (its version)             →
//	                              ←   UseSuccess, Clear, Change…
//	RequestChange (slot, value)   →   version + 1
//	                              ←   Success (slot)              →   Change (slot, value)
//	RequestRemove (slot)          →   version + 1
//	                              ←   Remove (slot)               →   Remove (slot)
//	SendMessage (handler, …)      →
//	                              ←   SendMessage                 →   SendMessage
//	Release                       →
//
// One message is one change: all of its slots are set, removed or refused together, and the version counts it once. The
// last writer wins. Setting a slot to null removes it; setting it to the value that it has succeeds without a change.
// A refusal is a Status, NoWriteAccess or another, and for each slot that was asked for what it still holds.
//
// A temporary object vanishes with its last user. A persistent one belongs to its instance for ever; the same name
// cannot be both, which is refused with BadPersistence.
//
// # What is stored when
//
// Changes of persistent objects are applied at once and told to nobody, not even to who asked for them, before they are on
// the disk. One goroutine saves whatever has changed since it began to save last, in one transaction: a group commit that
// lasts as long as the disk takes. So what a client was told, by Success or Change, survives kill -9. When saving fails, the
// object goes back to what is stored, those who asked get SharedObject.Flush.Failed, and all users its state anew.
//
// # Limits
//
// Limits bounds the objects of an instance, the slots, bytes and users of an object, and the bytes of all. Names are
// held to MaxName. What one message can make the server encode is bounded too: values may refer to each other.
package sharedobject
