package vod

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Name is a stream name as clients of recordings write it: with a prefix for the container (RTMP 7.2.2.1).
type Name struct {
	Prefix string // "flv", "mp4", "mp3", "id3", or "" without one
	Path   string // with slashes, and perhaps an extension
}

// extensions are the kinds of files by prefix, in the order in which they are tried. An extension in the name itself wins.
var extensions = map[string][]string{
	"":    {".flv", ".mp4", ".f4v", ".m4v", ".mov", ".mp3", ".m4a"},
	"flv": {".flv"},
	"mp4": {".mp4", ".f4v", ".m4v", ".mov", ".m4a"},
	"mp3": {".mp3"},
	"id3": {".mp3"},
}

// ParseName reads a stream name. The error wraps fs.ErrNotExist if the name can be none of a file: it goes up, or begins at
// the root, or holds bytes that no file name has.
func ParseName(text string) (Name, error) {
	n := Name{Path: text}
	if prefix, rest, ok := strings.Cut(text, ":"); ok {
		if _, known := extensions[prefix]; !known || prefix == "" {
			return Name{}, fmt.Errorf("vod: no files have the prefix %q: %w", prefix, fs.ErrNotExist)
		}
		n = Name{Prefix: prefix, Path: rest}
	}
	if !fs.ValidPath(n.Path) || n.Path == "." || strings.ContainsAny(n.Path, "\\\x00") {
		return Name{}, fmt.Errorf("vod: %q is no name of a file: %w", n.Path, fs.ErrNotExist)
	}
	return n, nil
}

// Files returns the paths that the name may mean, in the order in which they are to be tried.
func (n Name) Files() []string {
	known := extensions[n.Prefix]
	if ext := strings.ToLower(path.Ext(n.Path)); slices.Contains(known, ext) {
		return []string{n.Path}
	}
	files := make([]string, len(known))
	for i, ext := range known {
		files[i] = n.Path + ext
	}
	return files
}

// Stem is the name without prefix and extension: what a live stream was called when it was recorded.
func (n Name) Stem() string {
	if ext := path.Ext(n.Path); slices.Contains(extensions[n.Prefix], strings.ToLower(ext)) {
		return strings.TrimSuffix(n.Path, ext)
	}
	return n.Path
}

// TagsOnly reports whether the client wants nothing but the tags of an MP3 file.
func (n Name) TagsOnly() bool { return n.Prefix == "id3" }
