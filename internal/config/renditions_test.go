package config

import "testing"

func TestRenditions(t *testing.T) {
	tests := []struct {
		pattern, a, b string
		want          bool
	}{
		{"{name}_{rate}", "film_500", "film_1000", true},
		{"{name}_{rate}", "film", "film_1000", true},
		{"{name}_{rate}", "film_1000", "film", true},
		{"{name}_{rate}", "a_film_500", "a_film_900k", true},
		{"{name}_{rate}", "dir/film_500", "dir/film_900", true},
		{"{name}_{rate}", "film", "film", true},
		{"{name}_{rate}", "film_500", "other_500", false},
		{"{name}_{rate}", "film", "other", false},
		{"{name}_{rate}", "film_500", "dir/film_500", false},
		{"{name}_{rate}", "film_", "film_1", false},
		{"{rate}/{name}", "500/film", "900/film", true},
		{"{rate}/{name}", "500/film", "900/other", false},
		{"{name}.{rate}", "film.5", "filmx5", false},
	}
	for _, test := range tests {
		var r Rendition
		if err := r.UnmarshalText([]byte(test.pattern)); err != nil {
			t.Fatal(err)
		}
		if got := (Renditions{r}).Same(test.a, test.b); got != test.want {
			t.Errorf("%s: %q and %q are the same content: %v, want %v", test.pattern, test.a, test.b, got, test.want)
		}
	}
	for _, text := range []string{"", "{name}", "{rate}", "{name}{name}_{rate}"} {
		var r Rendition
		if err := r.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}
