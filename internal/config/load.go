package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// envPrefix begins the names of the variables that set fields.
const envPrefix = "LEAT_"

// An Override is a field that a flag of the command line sets.
type Override struct {
	Field string // limits.max_lag
	Value string // as the file would have it; lists with commas
	Flag  string // as the user wrote it, for error messages: --max-lag
}

// Load reads the file at path over the defaults, then the variables of env that begin with LEAT_ (env is as
// os.Environ returns it), then the overrides, which an unknown Field makes panic. An empty path means no file.
//
// All mistakes are returned together, each an *Error; a file that cannot be read is ErrUnreadable. A variable that sets no field is left alone, as other
// programs may have named it, unless it is a slip of one that does.
func Load(path string, env []string, overrides ...Override) (*Config, error) {
	if path == "" {
		return parse("", nil, env, overrides)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return parse(path, text, env, overrides)
}

// Parse reads text over the defaults. file names it in errors, and the paths in it count from file's folder.
func Parse(file string, text []byte) (*Config, error) {
	return parse(file, text, nil, nil)
}

func parse(file string, text []byte, env []string, overrides []Override) (*Config, error) {
	l := &loader{origins: make(map[string]origin)}
	l.document(origin{layer: layerDefault, file: "default.yaml"}, DefaultYAML)
	if file != "" {
		l.folder = filepath.Dir(file)
		l.document(origin{layer: layerFile, file: file}, text)
	}
	l.environment(env)
	l.override(overrides)
	l.finish()
	if len(l.errs) == 0 {
		return &l.config, nil
	}
	slices.SortStableFunc(l.errs, func(a, b *Error) int { return a.Line - b.Line })
	errs := make([]error, len(l.errs))
	for i, err := range l.errs {
		errs[i] = err
	}
	return nil, errors.Join(errs...)
}

// Layers in the order in which they win.
const (
	layerDefault = iota
	layerFile
	layerEnvironment
	layerFlag
)

// An origin is where a value came from.
type origin struct {
	layer int
	file  string
	line  int
	name  string // of the variable or flag
}

// A loader lays one source of values over another and collects what is wrong with them.
type loader struct {
	config  Config
	folder  string            // relative paths count from here; empty is the working directory
	origins map[string]origin // by field
	errs    []*Error

	// Applications take over what defaults says in the end, so they are decoded after everything else. The last
	// source that has any counts.
	apps, vhosts pending
}

// fail notes a mistake in a field, at the place where it was set.
func (l *loader) fail(path, reason string) { l.failAt(l.origins[path], path, reason) }

func (l *loader) failAt(from origin, path, reason string) {
	e := &Error{File: from.file, Line: from.line, Field: path, Reason: reason}
	if from.name != "" {
		e.Field = from.name
	}
	l.errs = append(l.errs, e)
}

// set gives a leaf its value.
func (l *loader) set(f field, from origin, text string) {
	l.origins[f.path] = from
	if err := setText(f.value, text); err != nil {
		reason := err.Error()
		if f.value.Kind() != reflect.Slice { // lists name the element themselves
			reason = fmt.Sprintf("%s, not %q", reason, text)
		}
		l.failAt(from, f.path, reason)
	}
}

// settable returns the leaves that a variable or a flag can set, by a name that key makes.
func (l *loader) settable(key func(field) string) map[string]field {
	fields := make(map[string]field)
	for _, f := range leavesOf(reflect.ValueOf(&l.config).Elem(), "") {
		if !f.isNamed() {
			fields[key(f)] = f
		}
	}
	return fields
}

func (l *loader) environment(env []string) {
	fields := l.settable(field.variable)
	names := slices.Sorted(maps.Keys(fields))
	for _, variable := range env {
		name, value, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, envPrefix) {
			continue
		}
		from := origin{layer: layerEnvironment, name: name}
		if f, ok := fields[name]; ok {
			l.set(f, from, value)
		} else if hint := didYouMean(name, names); hint != "" {
			l.failAt(from, name, "sets no field"+hint)
		}
	}
}

func (l *loader) override(overrides []Override) {
	fields := l.settable(func(f field) string { return f.path })
	for _, o := range overrides {
		f, ok := fields[o.Field]
		if !ok {
			panic("config: an override names no field: " + o.Field)
		}
		l.set(f, origin{layer: layerFlag, name: o.Flag}, o.Value)
	}
}

// finish fills in what depends on other fields and checks the whole.
func (l *loader) finish() {
	l.resolve(&l.config.TLS.Cert)
	l.resolve(&l.config.TLS.Key)
	s3 := &l.config.Recordings.S3
	l.token(&s3.SecretKey, &s3.SecretKeyFile, "recordings.s3.secret_key")
	rtc := &l.config.RTC
	l.token(&rtc.ICEPassword, &rtc.ICEPasswordFile, "rtc.ice_password")
	l.tokens(&l.config.Defaults, "defaults")
	l.config.Apps = l.decodeApps(l.apps)
	l.config.VHosts = l.decodeVHosts(l.vhosts)
	l.validate()
}

// resolve makes a path in the file count from the file's folder.
func (l *loader) resolve(path *string) {
	if *path != "" && !filepath.IsAbs(*path) {
		*path = filepath.Join(l.folder, *path)
	}
}

// tokens reads the tokens of an application that stand in files.
func (l *loader) tokens(app *App, path string) {
	l.token(&app.PublishToken, &app.PublishTokenFile, path+".publish_token")
	l.token(&app.PlayToken, &app.PlayTokenFile, path+".play_token")
	l.users(&app.Users, path+".users_file")
	l.relayFiles(app, path)
	if l.origins[path+".play_dir"] != (origin{}) {
		l.resolve(&app.PlayDir)
	}
	if l.origins[path+".swf_files"] != (origin{}) {
		for i := range app.SWF {
			l.resolve(&app.SWF[i])
		}
	}
}

func (l *loader) token(secret *Secret, file *string, path string) {
	direct, byFile := l.origins[path], l.origins[path+"_file"]
	if *file == "" || direct.layer > byFile.layer {
		return
	}
	if secret.IsSet() && direct.layer == byFile.layer {
		l.fail(path+"_file", "cannot be set together with "+path[strings.LastIndexByte(path, '.')+1:])
		return
	}
	l.resolve(file)
	text, err := os.ReadFile(*file)
	if err != nil {
		l.fail(path+"_file", "cannot be read: "+err.Error())
		return
	}
	line, _, _ := strings.Cut(string(text), "\n")
	line = strings.TrimSpace(line)
	if line == "" {
		l.fail(path+"_file", "has no token in its first line: "+*file)
		return
	}
	*secret = NewSecret(line)
}
