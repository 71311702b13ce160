package object

import (
	"context"
	"crypto/md5" //nolint:gosec // the checksum that S3 prescribes
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
)

const (
	maxParts   = 10000 // of an upload (Amazon S3 User Guide, Multipart upload limits)
	maxUploads = 10000 // that were begun under one name, and are looked through
)

// Put sends size bytes of file, which nobody may change meanwhile, and replaces the object of that name. It goes on with an
// upload that was not finished: see the package's comment. It blocks until the store has all of it; each request has its deadline.
func (b *Bucket) Put(ctx context.Context, name string, file io.ReaderAt, size int64) (Info, error) {
	var err error
	if size <= b.opts.PartSize {
		err = b.putWhole(ctx, name, file, size)
	} else {
		err = b.putParts(ctx, name, file, size)
	}
	if err != nil {
		return Info{}, err
	}
	info, err := b.Stat(ctx, name)
	if err != nil {
		return Info{}, err
	}
	if info.Size != size {
		return Info{}, fmt.Errorf("object: %s: %w: it has %d bytes of %s instead of %d", b, ErrUnavailable, info.Size, name, size)
	}
	return info, nil
}

// digest is the checksums of a part.
type digest struct {
	md5    [md5.Size]byte
	sha256 [sha256.Size]byte
}

func digestOf(r io.Reader) (digest, error) {
	var d digest
	m, s := md5.New(), sha256.New() //nolint:gosec // as above
	if _, err := io.Copy(io.MultiWriter(m, s), r); err != nil {
		return d, fmt.Errorf("object: reading what is to be sent: %w", err)
	}
	m.Sum(d.md5[:0])
	s.Sum(d.sha256[:0])
	return d, nil
}

func (d *digest) contentMD5() string { return base64.StdEncoding.EncodeToString(d.md5[:]) }

// putWhole sends a file in one request.
func (b *Bucket) putWhole(ctx context.Context, name string, file io.ReaderAt, size int64) error {
	d, err := digestOf(io.NewSectionReader(file, 0, size))
	if err != nil {
		return err
	}
	return b.attempt(ctx, size, func(ctx context.Context) error {
		_, err := b.core.PutObject(ctx, b.opts.Bucket, b.key(name), io.NewSectionReader(file, 0, size), size,
			d.contentMD5(), hex.EncodeToString(d.sha256[:]), putOptions())
		return err
	})
}

func putOptions() minio.PutObjectOptions {
	return minio.PutObjectOptions{
		ContentType:          "application/octet-stream",
		DisableContentSha256: true, // it is given already, for the whole body
	}
}

// putParts sends a file in parts, but for those that the store has.
func (b *Bucket) putParts(ctx context.Context, name string, file io.ReaderAt, size int64) error {
	upload, err := b.unfinished(ctx, name)
	if err != nil {
		return err
	}
	has := map[int]minio.ObjectPart{}
	if upload != "" {
		has, err = b.partsOf(ctx, name, upload)
		if isNotThere(err) {
			upload, err = "", nil
		}
	}
	if err != nil {
		return err
	}
	if upload == "" {
		err = b.attempt(ctx, 0, func(ctx context.Context) error {
			upload, err = b.core.NewMultipartUpload(ctx, b.opts.Bucket, b.key(name), putOptions())
			return err
		})
		if err != nil {
			return err
		}
	}
	var parts []minio.CompletePart
	partSize := b.partSize(size)
	for at := int64(0); at < size; at += partSize {
		number := len(parts) + 1
		part := io.NewSectionReader(file, at, min(partSize, size-at))
		etag, err := b.putPart(ctx, name, upload, number, part, has[number])
		if err != nil {
			return err
		}
		parts = append(parts, minio.CompletePart{PartNumber: number, ETag: etag})
	}
	return b.attempt(ctx, 0, func(ctx context.Context) error {
		_, err := b.core.CompleteMultipartUpload(ctx, b.opts.Bucket, b.key(name), upload, parts, minio.PutObjectOptions{})
		return err
	})
}

// partSize is that of a file of some size.
func (b *Bucket) partSize(size int64) int64 {
	const mebibyte = 1 << 20
	least := (size + maxParts - 1) / maxParts
	if least <= b.opts.PartSize {
		return b.opts.PartSize
	}
	return (least + mebibyte - 1) / mebibyte * mebibyte
}

// putPart sends a part unless the store has it, and returns its entity tag.
func (b *Bucket) putPart(ctx context.Context, name, upload string, number int, part *io.SectionReader, has minio.ObjectPart) (string, error) {
	d, err := digestOf(part)
	if err != nil {
		return "", err
	}
	if etag := strings.Trim(has.ETag, `"`); has.Size == part.Size() && strings.EqualFold(etag, hex.EncodeToString(d.md5[:])) {
		return etag, nil
	}
	var sent minio.ObjectPart
	err = b.attempt(ctx, part.Size(), func(ctx context.Context) error {
		if _, err := part.Seek(0, io.SeekStart); err != nil {
			return err
		}
		var err error
		sent, err = b.core.PutObjectPart(ctx, b.opts.Bucket, b.key(name), upload, number, part, part.Size(), minio.PutObjectPartOptions{
			Md5Base64: d.contentMD5(), Sha256Hex: hex.EncodeToString(d.sha256[:]), DisableContentSha256: true,
		})
		return err
	})
	return sent.ETag, err
}

// unfinished returns the newest upload of an object that was begun and not finished; "" if there is none.
func (b *Bucket) unfinished(ctx context.Context, name string) (string, error) {
	key := b.key(name)
	newest, begun := "", time.Time{}
	keyMarker, uploadMarker := "", ""
	for seen := 0; seen < maxUploads; {
		var page minio.ListMultipartUploadsResult
		err := b.attempt(ctx, 0, func(ctx context.Context) error {
			var err error
			page, err = b.core.ListMultipartUploads(ctx, b.opts.Bucket, key, keyMarker, uploadMarker, "", 0)
			return err
		})
		if isNotThere(err) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		for _, u := range page.Uploads {
			if u.Key == key && !u.Initiated.Before(begun) {
				newest, begun = u.UploadID, u.Initiated
			}
		}
		if !page.IsTruncated || len(page.Uploads) == 0 {
			break
		}
		seen += len(page.Uploads)
		keyMarker, uploadMarker = page.NextKeyMarker, page.NextUploadIDMarker
	}
	return newest, nil
}

// partsOf returns what the store has of an upload.
func (b *Bucket) partsOf(ctx context.Context, name, upload string) (map[int]minio.ObjectPart, error) {
	parts := map[int]minio.ObjectPart{}
	for marker := 0; ; {
		var page minio.ListObjectPartsResult
		err := b.attempt(ctx, 0, func(ctx context.Context) error {
			var err error
			page, err = b.core.ListObjectParts(ctx, b.opts.Bucket, b.key(name), upload, marker, 0)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, p := range page.ObjectParts {
			parts[p.PartNumber] = p
		}
		if !page.IsTruncated || page.NextPartNumberMarker <= marker || len(parts) >= maxParts {
			return parts, nil
		}
		marker = page.NextPartNumberMarker
	}
}
