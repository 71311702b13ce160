package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"leat/rtmp"
)

// swfRecord is what librtmp keeps of a SWF file in .swfinfo in the home directory:
//
//	url: http://host/path/file.swf
//	ctim: Sat, 21 Nov 2026 10:00:00 GMT
//	date: (Last-Modified of the file)
//	size: 0000abcd
//	hash: 64 hexadecimal digits
type swfRecord struct {
	url     string
	checked time.Time // ctim
	date    string
	swf     rtmp.SWF
}

// swfOf returns hash and size of a SWF file: one of the disk, or of the web, which is asked again after so many days only.
func swfOf(ctx context.Context, location string, age int, timeout time.Duration) (*rtmp.SWF, error) {
	if !strings.Contains(location, "://") {
		file, err := os.Open(location)
		if err != nil {
			return nil, err
		}
		f, err := rtmp.HashSWF(file)
		return &f, errors.Join(err, file.Close())
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, err
	}
	name := filepath.Join(home, ".swfinfo")
	records, err := readSWFRecords(name)
	if err != nil {
		return nil, err
	}
	location, _, _ = strings.Cut(location, "?")
	at := slices.IndexFunc(records, func(r swfRecord) bool { return swfKey(r.url) == swfKey(location) })
	if at < 0 {
		at = len(records)
		records = append(records, swfRecord{url: location})
	}
	r := &records[at]
	if time.Since(r.checked) < time.Duration(age)*24*time.Hour {
		return &r.swf, nil
	}
	if err := r.fetch(ctx, location, timeout); err != nil {
		return nil, fmt.Errorf("the SWF file cannot be verified: %w", err)
	}
	if err := writeSWFRecords(name, records); err != nil {
		return nil, err
	}
	return &r.swf, nil
}

// swfKey is what librtmp finds a file by: host and last segment, because the path between them often changes.
func swfKey(location string) string {
	scheme, rest, _ := strings.Cut(location, "://")
	host, path, _ := strings.Cut(rest, "/")
	return scheme + "://" + host + "/" + path[strings.LastIndexByte(path, '/')+1:]
}

// fetch asks the server for the file, unless it is the one that is known.
func (r *swfRecord) fetch(ctx context.Context, location string, timeout time.Duration) error {
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, location, nil)
	if err != nil {
		return err
	}
	referer := url.URL{Scheme: request.URL.Scheme, Host: request.URL.Host, Path: "/"}
	request.Header.Set("User-Agent", "Mozilla/5.0")
	request.Header.Set("Referer", referer.String())
	if r.date != "" && !r.checked.IsZero() {
		request.Header.Set("If-Modified-Since", r.date)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	now := time.Now().UTC().Truncate(time.Second)
	switch {
	case response.StatusCode == http.StatusNotModified && !r.checked.IsZero():
		r.checked = now
		return nil
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("the server answers %s", response.Status)
	}
	f, err := rtmp.HashSWF(response.Body)
	if err != nil {
		return err
	}
	date := response.Header.Get("Last-Modified")
	if _, err := http.ParseTime(date); err != nil {
		date = now.Format(http.TimeFormat)
	}
	r.checked, r.date, r.swf = now, date, f
	return nil
}

// maxSWFRecords is how long a file of records may be, bytes.
const maxSWFRecords = 1 << 20

func readSWFRecords(name string) ([]swfRecord, error) {
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && info.Size() > maxSWFRecords {
		err = fmt.Errorf("%s is longer than %d bytes", name, maxSWFRecords)
	}
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return parseSWFRecords(string(b)), nil
}

// parseSWFRecords reads records, each of which begins with its url. What makes no sense counts as not known.
func parseSWFRecords(s string) []swfRecord {
	var records []swfRecord
	for line := range strings.Lines(s) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if key == "url" {
			records = append(records, swfRecord{url: value})
		}
		if len(records) == 0 {
			continue
		}
		r := &records[len(records)-1]
		switch key {
		case "ctim":
			if t, err := http.ParseTime(value); err == nil {
				r.checked = t
			}
		case "date":
			r.date = value
		case "size":
			if n, err := strconv.ParseUint(value, 16, 32); err == nil {
				r.swf.Size = uint32(n)
			}
		case "hash":
			if hash, err := hex.DecodeString(value); err == nil && len(hash) == len(r.swf.Hash) {
				copy(r.swf.Hash[:], hash)
			}
		}
	}
	for i := range records {
		if r := &records[i]; r.swf.Size == 0 || r.swf.Hash == [32]byte{} {
			r.checked = time.Time{}
		}
	}
	return records
}

// writeSWFRecords replaces the file by another.
func writeSWFRecords(name string, records []swfRecord) error {
	var b bytes.Buffer
	for _, r := range records {
		fmt.Fprintf(&b, "url: %s\nctim: %s\ndate: %s\nsize: %08x\nhash: %x\n",
			r.url, r.checked.UTC().Format(http.TimeFormat), r.date, r.swf.Size, r.swf.Hash)
	}
	next := name + ".new"
	if err := os.WriteFile(next, b.Bytes(), 0o600); err != nil {
		return err
	}
	return os.Rename(next, name)
}
