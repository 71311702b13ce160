module leat

go 1.26

require golang.org/x/crypto v0.54.0

require golang.org/x/tools v0.26.0 // indirect

require (
	github.com/alecthomas/kong v1.17.0 // indirect
	github.com/bluenviron/mediacommon/v2 v2.9.3
	github.com/fsnotify/fsnotify v1.10.1 // indirect
	github.com/goccy/go-yaml v1.19.2 // indirect
	github.com/lmittmann/tint v1.2.1 // indirect
	github.com/rogpeppe/go-internal v1.16.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
)
