package config

import (
	"net"
	"path"
	"strings"
	"time"
)

// App is what an application allows. The zero value allows nobody anything: it comes from a Config.
type App struct {
	Policy           Policy  `yaml:"policy" reload:"hot"`
	PublishFrom      Sources `yaml:"publish_from" reload:"hot"`
	PlayFrom         Sources `yaml:"play_from" reload:"hot"`
	PublishToken     Secret  `yaml:"publish_token" reload:"hot"` // asked for in addition to PublishFrom; empty asks for none
	PublishTokenFile string  `yaml:"publish_token_file" reload:"hot"`
	PlayToken        Secret  `yaml:"play_token" reload:"hot"` // likewise
	PlayTokenFile    string  `yaml:"play_token_file" reload:"hot"`

	SharedObjects SharedObjects `yaml:"shared_objects" reload:"hot"` // for those who may play

	Record Record `yaml:"record"`

	Auth        AuthMode `yaml:"auth" reload:"hot"`
	Users       Users    `yaml:"users_file" reload:"hot"`   // who may publish, besides what is above; empty asks for nobody
	SecureToken Secret   `yaml:"secure_token" reload:"hot"` // key; empty does not ask
	SWF         Files    `yaml:"swf_files" reload:"hot"`    // empty does not ask

	// DVRWindow is how far players of live streams can go back; 0: not at all.
	DVRWindow time.Duration `yaml:"dvr_window" min:"0s" max:"24h" reload:"hot"`

	Listed bool   `yaml:"listed" reload:"hot"` // on the public door's front page
	Ladder Ladder `yaml:"ladder" reload:"hot"` // the best first; empty: encoders are told to send one rendition

	Push Pushes `yaml:"push" reload:"hot"`
	Pull Pulls  `yaml:"pull" reload:"hot"`

	PlayDir    string     `yaml:"play_dir" reload:"hot"` // folder with files to play; empty is none
	Renditions Renditions `yaml:"renditions" reload:"hot"`
}

// Files is paths. They count from the folder of the file that names them.
type Files []string

// A NamedApp is an App with the pattern of the names it is for.
type NamedApp struct {
	Pattern string // as path.Match has it: live, cam-*, *
	App
}

// Apps is applications in the order of the file. It may be empty: then every application is refused.
type Apps []NamedApp

// Lookup returns the first application whose pattern fits name, and false when there is none.
func (a Apps) Lookup(name string) (App, bool) {
	for _, app := range a {
		if fits(app.Pattern, name) {
			return app.App, true
		}
	}
	return App{}, false
}

// A VHost is applications of its own for clients that came by one host name.
type VHost struct {
	Host string // pattern as path.Match has it, lower case: example.org, *.example.org
	Apps Apps
}

// VHosts is virtual hosts in the order of the file.
type VHosts []VHost

// Lookup returns the application for a client that named host in its tcUrl, with or without a port, and the
// virtual host that it belongs to, which is empty for the applications of every other host. It returns false when
// no application there fits name: the client is to be refused.
func (c *Config) Lookup(host, name string) (vhost string, app App, ok bool) {
	if bare, _, err := net.SplitHostPort(host); err == nil {
		host = bare
	}
	host = strings.ToLower(host)
	for _, v := range c.VHosts {
		if fits(v.Host, host) {
			app, ok = v.Apps.Lookup(name)
			return v.Host, app, ok
		}
	}
	app, ok = c.Apps.Lookup(name)
	return "", app, ok
}

func fits(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil // patterns are checked when they are loaded
}
