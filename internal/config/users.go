package config

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// AuthMode says how publishers are asked for user and password.
type AuthMode string

// The ways of asking.
const (
	AuthAdobe AuthMode = "adobe"
	AuthLLNW  AuthMode = "llnw"
)

// UnmarshalText accepts the ways by name.
func (m *AuthMode) UnmarshalText(text []byte) error { return oneOf(m, text, AuthAdobe, AuthLLNW) }

// Users is who may publish, from a file with a line "name:password" for each. The zero value is no file: anybody may.
type Users struct {
	file   string
	read   bool // the file, and file is its path from the working directory
	byName map[string]Secret
}

// UnmarshalText takes the name of the file. It is read later.
func (u *Users) UnmarshalText(text []byte) error {
	*u = Users{file: string(text)}
	return nil
}

// String returns the name of the file.
func (u Users) String() string { return u.file }

// Format prints String for every verb: the fields below hold passwords.
func (u Users) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, u.String()) // fmt.State keeps what it is given and cannot fail
}

// IsSet reports whether there is a file: then only those in it may publish.
func (u Users) IsSet() bool { return u.file != "" }

// Password returns a user's password, and false when there is no such user.
func (u Users) Password(name string) (Secret, bool) {
	s, ok := u.byName[name]
	return s, ok
}

// users reads the file of an application unless that has been done for the defaults.
func (l *loader) users(u *Users, path string) {
	if u.file == "" || u.read {
		return
	}
	l.resolve(&u.file)
	u.read = true
	var err error
	if u.byName, err = readUsers(u.file); err != nil {
		l.fail(path, err.Error())
	}
}

// readUsers reads lines "name:password". Empty ones, and those that begin with #, are comments. Errors name lines, not what is
// in them.
func readUsers(path string) (map[string]Secret, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	defer file.Close() //nolint:errcheck // it was only read
	users := make(map[string]Secret)
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		name, password, ok := strings.Cut(line, ":")
		switch _, twice := users[name]; {
		case !ok || name == "" || password == "":
			return nil, fmt.Errorf("line %d of %s is not of the form name:password", n, path)
		case strings.ContainsAny(name, "&=?/"):
			return nil, fmt.Errorf("line %d of %s: a name must not contain & = ? or /", n, path)
		case twice:
			return nil, fmt.Errorf("line %d of %s names a user for the second time", n, path)
		}
		users[name] = NewSecret(password)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	if len(users) == 0 {
		return nil, errors.New("has no users: " + path)
	}
	return users, nil
}
