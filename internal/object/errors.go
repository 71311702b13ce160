package object

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"

	"github.com/minio/minio-go/v7"
)

var (
	// ErrUnavailable says that the store cannot be reached, or cannot do what it was asked just now.
	ErrUnavailable = errors.New("the object store cannot be used now")
	// ErrRefused says that the store does not let us in, or not do what was asked.
	ErrRefused = errors.New("the object store refuses us")
	// ErrNoBucket says that there is no such bucket.
	ErrNoBucket = errors.New("there is no such bucket")
	// ErrChanged says that an object is not any more what it was when it was opened.
	ErrChanged = errors.New("the object has changed")
)

// explanation is what the code of an S3 error means here.
type explanation struct {
	kind  error
	words string
}

// explanations are those of errors that an operator can do something about, or that code must tell.
var explanations = map[string]explanation{
	minio.NoSuchBucket:             {ErrNoBucket, "make it, or correct its name"},
	minio.InvalidBucketName:        {ErrNoBucket, "its name is not one that a bucket can have"},
	minio.NoSuchKey:                {fs.ErrNotExist, "there is no such object"},
	"NoSuchUpload":                 {fs.ErrNotExist, "there is no such upload"},
	"NotFound":                     {fs.ErrNotExist, "there is no such object"},
	"InvalidAccessKeyId":           {ErrRefused, "it does not know the access key"},
	"SignatureDoesNotMatch":        {ErrRefused, "the secret key is not that of the access key"},
	minio.AccessDenied:             {ErrRefused, "the access key may not do this in the bucket"},
	"AllAccessDisabled":            {ErrRefused, "the bucket is closed"},
	"AuthorizationHeaderMalformed": {ErrRefused, "the region is probably another one"},
	"InvalidRegion":                {ErrRefused, "the region is another one"},
	"PermanentRedirect":            {ErrRefused, "the bucket is in another region"},
	"RequestTimeTooSkewed":         {ErrRefused, "the clock of this machine is wrong"},
	"PreconditionFailed":           {ErrChanged, "it was replaced"},
	"BadDigest":                    {ErrUnavailable, "what was sent came to it damaged"},
	"XAmzContentSHA256Mismatch":    {ErrUnavailable, "what was sent came to it damaged"},
	"IncompleteBody":               {ErrUnavailable, "what was sent broke off"},
	"RequestTimeout":               {ErrUnavailable, "what was sent came too slowly"},
}

// explain makes a sentence of an error of a request, nil of nil. What ctx has to say goes before.
func (b *Bucket) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("object: %s: %w", b, context.Cause(ctx))
	}
	if b.ctx.Err() != nil {
		return fmt.Errorf("object: %s: closed: %w", b, context.Canceled)
	}
	if response, ok := errors.AsType[minio.ErrorResponse](err); ok {
		return b.explainResponse(&response)
	}
	if requested, ok := errors.AsType[*url.Error](err); ok {
		err = requested.Err // the rest is the address again
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.New("it does not answer in time")
	}
	return fmt.Errorf("object: %s: %w: %w", b, ErrUnavailable, err)
}

func (b *Bucket) explainResponse(r *minio.ErrorResponse) error {
	if e, ok := explanations[r.Code]; ok {
		return fmt.Errorf("object: %s: %w: %s", b, e.kind, e.words)
	}
	kind := ErrRefused
	switch {
	case r.StatusCode >= http.StatusInternalServerError, r.StatusCode == 0, r.StatusCode == http.StatusTooManyRequests:
		kind = ErrUnavailable
	case r.StatusCode == http.StatusPreconditionFailed:
		kind = ErrChanged
	case r.StatusCode == http.StatusNotFound:
		kind = fs.ErrNotExist
	}
	return fmt.Errorf("object: %s: %w: it answers %d (%.100s)", b, kind, r.StatusCode, r.Code)
}

func isNotThere(err error) bool { return errors.Is(err, fs.ErrNotExist) }
