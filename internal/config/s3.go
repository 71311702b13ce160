package config

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// S3 says which object store complete recordings are brought to. default.yaml says what each field means.
type S3 struct {
	Endpoint      string        `yaml:"endpoint" reload:"restart"` // empty: recordings stay on the disk
	Bucket        string        `yaml:"bucket" reload:"restart"`
	Region        string        `yaml:"region" reload:"restart"`
	Prefix        string        `yaml:"prefix" reload:"restart"` // without "/" at either end; see Folder
	AccessKey     string        `yaml:"access_key" reload:"restart"`
	SecretKey     Secret        `yaml:"secret_key" reload:"restart"`
	SecretKeyFile string        `yaml:"secret_key_file" reload:"restart"`
	PathStyle     bool          `yaml:"path_style" reload:"restart"`
	KeepLocal     time.Duration `yaml:"keep_local" reload:"hot" min:"0s"` // 0: not at all
	Uploads       int           `yaml:"uploads" reload:"restart" min:"1" max:"64"`
	Cache         Size          `yaml:"cache" reload:"restart" min:"1MiB" max:"64GiB"`
}

// IsSet reports whether there is an object store.
func (s *S3) IsSet() bool { return s.Endpoint != "" }

// Folder is what the names of objects begin with: the prefix with "/" behind it, or nothing.
func (s *S3) Folder() string {
	if s.Prefix == "" {
		return ""
	}
	return s.Prefix + "/"
}

var (
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	prefixPath = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$`)
)

// validateS3 checks what is needed to use an object store.
func (l *loader) validateS3() {
	s := &l.config.Recordings.S3
	const section = "recordings.s3."
	if !s.IsSet() {
		if s.Bucket != "" {
			l.fail(section+"bucket", "needs "+section+"endpoint beside it, such as https://s3.example.org")
		}
		return
	}
	u, err := url.Parse(s.Endpoint)
	if err != nil || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" ||
		u.Scheme != "http" && u.Scheme != "https" {
		l.fail(section+"endpoint", "must be a URL of scheme and host only, such as https://s3.example.org")
	}
	if !bucketName.MatchString(s.Bucket) {
		l.fail(section+"bucket", fmt.Sprintf("must be the name of a bucket (3 to 63 of a-z, 0-9, \"-\" and \".\"), not %q", s.Bucket))
	}
	if s.Prefix != "" && !prefixPath.MatchString(s.Prefix) {
		l.fail(section+"prefix", fmt.Sprintf("must be a path of letters, digits, -, _ and . without / at its ends, such as leat/one, not %q", s.Prefix))
	}
	if s.AccessKey == "" {
		l.fail(section+"endpoint", "needs recordings.s3.access_key beside it")
	}
	if !s.SecretKey.IsSet() && s.SecretKeyFile == "" {
		l.fail(section+"endpoint", "needs recordings.s3.secret_key or recordings.s3.secret_key_file beside it")
	}
}
