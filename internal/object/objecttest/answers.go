package objecttest

import (
	"encoding/xml"
	"net/http"
	"time"
)

// The answers of S3 that have a body (Amazon S3 API Reference).
type (
	initiated struct {
		XMLName  xml.Name `xml:"InitiateMultipartUploadResult"`
		Bucket   string
		Key      string
		UploadID string `xml:"UploadId"`
	}
	completed struct {
		XMLName xml.Name `xml:"CompleteMultipartUploadResult"`
		Bucket  string
		Key     string
		ETag    string
	}
	listed struct {
		XMLName  xml.Name `xml:"ListBucketResult"`
		Name     string
		Prefix   string
		KeyCount int
		Contents []content
	}
	content struct {
		Key          string
		LastModified time.Time
		ETag         string
		Size         int64
	}
	listedUploads struct {
		XMLName xml.Name `xml:"ListMultipartUploadsResult"`
		Upload  []listedUpload
	}
	listedUpload struct {
		Key       string
		UploadID  string `xml:"UploadId"`
		Initiated time.Time
	}
	listedParts struct {
		XMLName  xml.Name `xml:"ListPartsResult"`
		UploadID string   `xml:"UploadId"`
		Part     []listedPart
	}
	listedPart struct {
		PartNumber   int
		ETag         string
		Size         int64
		LastModified time.Time
	}
	refused struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
		Message string
	}
)

func answer(w http.ResponseWriter, result any) { send(w, http.StatusOK, result) }

func refuse(w http.ResponseWriter, status int, code string) {
	send(w, status, &refused{Code: code, Message: "as the test wants it"})
}

// send writes an answer; a client that has gone does not want it.
func send(w http.ResponseWriter, status int, result any) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_ = xml.NewEncoder(w).Encode(result)
}
