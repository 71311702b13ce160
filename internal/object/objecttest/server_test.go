package objecttest

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// do sends a request and returns the answer with its body.
func do(t *testing.T, s *Server, method, path, body string, header http.Header) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	answer, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(b)
}

// TestObjects: what was put is read by ranges, as it is when the entity tag is the one expected.
func TestObjects(t *testing.T) {
	s := New()
	defer s.Close()
	s.Put("live/cam.flv", []byte("0123456789"))
	path := "/" + Bucket + "/live/cam.flv"
	answer, body := do(t, s, http.MethodGet, path, "", http.Header{"Range": {"bytes=2-4"}, "If-Match": {`"` + s.ETag("live/cam.flv") + `"`}})
	if answer.StatusCode != http.StatusPartialContent || body != "234" {
		t.Errorf("%s: %q", answer.Status, body)
	}
	if answer, _ := do(t, s, http.MethodGet, path, "", http.Header{"If-Match": {`"another"`}}); answer.StatusCode != http.StatusPreconditionFailed {
		t.Errorf("of another version: %s", answer.Status)
	}
	if bytes, requests := s.Sent(http.MethodGet); bytes != 3 || requests != 2 {
		t.Errorf("%d bytes in %d requests were counted", bytes, requests)
	}
	if answer, _ := do(t, s, http.MethodDelete, path, "", nil); answer.StatusCode != http.StatusNoContent || s.Object("live/cam.flv") != nil {
		t.Errorf("deleting: %s", answer.Status)
	}
	if answer, body := do(t, s, http.MethodGet, path, "", nil); answer.StatusCode != http.StatusNotFound || !strings.Contains(body, "NoSuchKey") {
		t.Errorf("of what is gone: %s: %s", answer.Status, body)
	}
	if answer, body := do(t, s, http.MethodGet, "/elsewhere/x", "", nil); answer.StatusCode != http.StatusNotFound || !strings.Contains(body, "NoSuchBucket") {
		t.Errorf("in another bucket: %s: %s", answer.Status, body)
	}
}

// TestUpload: the parts of an upload become an object, in the order of the list that completes it, and not before.
func TestUpload(t *testing.T) {
	s := New()
	defer s.Close()
	path := "/" + Bucket + "/film.mp4"
	_, body := do(t, s, http.MethodPost, path+"?uploads", "", nil)
	var begun struct {
		ID string `xml:"UploadId"`
	}
	if err := xml.Unmarshal([]byte(body), &begun); err != nil {
		t.Fatal(err)
	}
	query := path + "?uploadId=" + begun.ID
	var list strings.Builder
	for i, part := range []string{"one ", "two"} {
		answer, _ := do(t, s, http.MethodPut, fmt.Sprintf("%s&partNumber=%d", query, i+1), part, nil)
		fmt.Fprintf(&list, "<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", i+1, answer.Header.Get("ETag"))
	}
	if s.Uploads() != 1 || len(s.Names()) != 0 {
		t.Errorf("before the end: %d uploads, objects %v", s.Uploads(), s.Names())
	}
	wrong := strings.Replace(list.String(), "<PartNumber>1<", "<PartNumber>2<", 1)
	if answer, _ := do(t, s, http.MethodPost, query, "<Complete>"+wrong+"</Complete>", nil); answer.StatusCode != http.StatusBadRequest {
		t.Errorf("a list with a wrong entity tag: %s", answer.Status)
	}
	if answer, body := do(t, s, http.MethodPost, query, "<Complete>"+list.String()+"</Complete>", nil); answer.StatusCode != http.StatusOK {
		t.Fatalf("completing: %s: %s", answer.Status, body)
	}
	if got := string(s.Object("film.mp4")); got != "one two" || s.Uploads() != 0 || !slices.Equal(s.Names(), []string{"film.mp4"}) {
		t.Errorf("the object is %q; %d uploads, objects %v", got, s.Uploads(), s.Names())
	}
}

// TestFail: requests fail as ordered until that is taken back.
func TestFail(t *testing.T) {
	s := New()
	defer s.Close()
	s.Put("x", []byte("here"))
	s.Fail(Down)
	if answer, body := do(t, s, http.MethodGet, "/"+Bucket+"/x", "", nil); answer.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "SlowDown") {
		t.Errorf("down: %s: %s", answer.Status, body)
	}
	s.Fail(nil)
	if answer, body := do(t, s, http.MethodGet, "/"+Bucket+"/x", "", nil); answer.StatusCode != http.StatusOK || body != "here" {
		t.Errorf("up again: %s: %s", answer.Status, body)
	}
}
