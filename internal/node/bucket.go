package node

import (
	"context"
	"time"

	"leat/internal/config"
	"leat/internal/object"
	"leat/internal/record"
)

// openBucket returns the object store of the configuration; nil without an error if there is none.
func openBucket(cfg *config.Config) (*object.Bucket, error) {
	s := &cfg.Recordings.S3
	if !s.IsSet() {
		return nil, nil //nolint:nilnil // as documented
	}
	return object.New(object.Options{
		Endpoint: s.Endpoint, Bucket: s.Bucket, Region: s.Region, Prefix: s.Folder(),
		AccessKey: s.AccessKey, SecretKey: s.SecretKey.Reveal(), VirtualHost: !s.PathStyle,
		CacheSize: int64(s.Cache),
	})
}

// useBucket adds the object store to the options of recordings.
func (n *Node) useBucket(cfg *config.Config, o *record.Options) error {
	bucket, err := openBucket(cfg)
	if err != nil || bucket == nil {
		return err
	}
	o.Store, o.Uploads = bucket, cfg.Recordings.S3.Uploads
	o.KeepLocal = func() time.Duration { return n.Config().Recordings.S3.KeepLocal }
	n.archive.bucket = bucket
	n.closing.Go(func() { // ends with the answer, or with Close
		if err := bucket.Check(context.Background()); err != nil {
			n.log.Warn("the object store cannot be used: recordings stay on the disk until that is changed", "err", err)
			return
		}
		n.log.Info("recordings are brought to an object store", "store", bucket.String())
	})
	return nil
}

// closeBucket ends what is read from the object store, if there is one.
func (a *archive) closeBucket() {
	a.mu.Lock()
	bucket := a.bucket
	a.mu.Unlock()
	if bucket != nil {
		bucket.Close()
	}
}

// uploadStats counts what is brought to the object store.
func (n *Node) uploadStats() record.UploadStats {
	n.archive.mu.Lock()
	defer n.archive.mu.Unlock()
	if n.archive.all == nil {
		return record.UploadStats{}
	}
	return n.archive.all.Uploads()
}
