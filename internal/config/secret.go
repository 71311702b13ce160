package config

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// hidden is what every way of printing shows of a Secret that is set.
const hidden = "[hidden]"

// A Secret is a text that logs, dumps and error messages must not show. Only Reveal returns it. The zero value
// is no secret at all.
type Secret struct{ value string }

// NewSecret hides value.
func NewSecret(value string) Secret { return Secret{value} }

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return s.value }

// IsSet reports whether there is a secret.
func (s Secret) IsSet() bool { return s.value != "" }

// Matches reports whether given is the secret, in a time that does not depend on either. A Secret that is not set
// matches nothing.
func (s Secret) Matches(given string) bool {
	a, b := sha256.Sum256([]byte(s.value)), sha256.Sum256([]byte(given))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1 && s.IsSet()
}

// String returns a placeholder, or "" when the secret is not set.
func (s Secret) String() string {
	if !s.IsSet() {
		return ""
	}
	return hidden
}

// Format prints the placeholder for every verb, %#v and %x included.
func (s Secret) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, s.String()) // fmt.State keeps what it is given and cannot fail
}

// LogValue hides the secret from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the secret from encoders of text.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON hides the secret from encoding/json.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + s.String() + `"`), nil }

// MarshalYAML hides the secret from YAML encoders.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

// UnmarshalText takes the secret as it stands.
func (s *Secret) UnmarshalText(text []byte) error {
	s.value = string(text)
	return nil
}
