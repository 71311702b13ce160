package store

import (
	"encoding/binary"
	"fmt"

	"go.etcd.io/bbolt"
)

// SharedObjectKey names a persistent shared object. Its parts may hold any bytes, at most MaxName each.
type SharedObjectKey struct {
	App, Instance, Name string
}

// MaxName is how long an application, an instance, an object's name or a slot's name may be, bytes.
const MaxName = 4096

// SharedObject is a persistent shared object as it was saved last.
type SharedObject struct {
	Version uint32
	Slots   map[string][]byte // AMF0 values
}

// SharedObjectChange is what a change makes of an object. An object that is not there is made.
type SharedObjectChange struct {
	Key     SharedObjectKey
	Version uint32
	Set     map[string][]byte // slots that get these AMF0 values
	Remove  []string          // slots to remove; those that are not there are no error
}

// LoadSharedObject returns an object, and nil when there is none of this name. It reads the disk.
func (s *Store) LoadSharedObject(key SharedObjectKey) (*SharedObject, error) {
	k, err := key.bytes()
	if err != nil {
		return nil, err
	}
	var o *SharedObject
	err = s.db.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketSharedObjects).Bucket(k)
		if b == nil {
			return nil
		}
		o = &SharedObject{Slots: map[string][]byte{}}
		return b.ForEach(func(k, v []byte) error {
			switch {
			case k[0] == slotPrefix:
				o.Slots[string(k[1:])] = append([]byte(nil), v...)
			case len(v) == 4:
				o.Version = binary.BigEndian.Uint32(v)
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("store: reading a shared object: %w", err)
	}
	return o, nil
}

// SaveSharedObjects makes all of the changes, in one transaction, or none. When it returns nil they are on the disk. An
// error about the bound on the size wraps ErrFull; changes that do not grow what is there never meet it.
func (s *Store) SaveSharedObjects(changes []SharedObjectChange) error {
	err := s.db.Update(func(tx *bbolt.Tx) error {
		grown := int64(0)
		for i := range changes {
			n, err := saveSharedObject(tx.Bucket(bucketSharedObjects), &changes[i])
			if err != nil {
				return err
			}
			grown += n
		}
		return s.account(tx.Bucket(bucketMeta), grown)
	})
	if err != nil {
		return fmt.Errorf("store: saving shared objects: %w", err)
	}
	return nil
}

const slotPrefix = 's'

var keyVersion = []byte{'v'}

// saveSharedObject returns by how many bytes the object has grown.
func saveSharedObject(objects *bbolt.Bucket, c *SharedObjectChange) (grown int64, err error) {
	k, err := c.Key.bytes()
	if err != nil {
		return 0, err
	}
	b := objects.Bucket(k)
	if b == nil {
		if b, err = objects.CreateBucket(k); err != nil {
			return 0, err
		}
		grown = int64(len(k))
	}
	if err := b.Put(keyVersion, binary.BigEndian.AppendUint32(nil, c.Version)); err != nil {
		return 0, err
	}
	for name, value := range c.Set {
		if len(name) > MaxName {
			return 0, errLongName
		}
		key := slotKey(name)
		grown += size(key, value) - size(key, b.Get(key))
		if err := b.Put(key, value); err != nil {
			return 0, err
		}
	}
	for _, name := range c.Remove {
		key := slotKey(name)
		grown -= size(key, b.Get(key))
		if err := b.Delete(key); err != nil {
			return 0, err
		}
	}
	return grown, nil
}

// size is what a slot counts for; nothing when it is not there.
func size(key, value []byte) int64 {
	if value == nil {
		return 0
	}
	return int64(len(key) + len(value))
}

// account adds to the size of all shared objects, within the bound.
func (s *Store) account(meta *bbolt.Bucket, grown int64) error {
	total := grown
	if v := meta.Get(keySharedBytes); len(v) == 8 {
		total += int64(binary.BigEndian.Uint64(v))
	}
	if grown > 0 && total > s.maxBytes {
		return fmt.Errorf("%w: shared objects may take %d bytes", ErrFull, s.maxBytes)
	}
	return meta.Put(keySharedBytes, binary.BigEndian.AppendUint64(nil, uint64(max(total, 0))))
}

var errLongName = fmt.Errorf("store: a name is longer than %d bytes", MaxName)

func (k SharedObjectKey) bytes() ([]byte, error) {
	var b []byte
	for _, part := range []string{k.App, k.Instance, k.Name} {
		if len(part) > MaxName {
			return nil, errLongName
		}
		b = binary.BigEndian.AppendUint16(b, uint16(len(part)))
		b = append(b, part...)
	}
	return b, nil
}

func slotKey(name string) []byte { return append([]byte{slotPrefix}, name...) }
