module leat

go 1.26

require (
	github.com/fsnotify/fsnotify v1.10.1 // indirect
	github.com/goccy/go-yaml v1.19.2 // indirect
	golang.org/x/crypto v0.54.0
	golang.org/x/sys v0.47.0 // indirect
)
