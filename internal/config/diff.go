package config

import "reflect"

// Diff returns the fields that differ between two configurations, in the order of the file: those that take effect
// when from is replaced by to in a running server, and those that need a restart.
func Diff(from, to *Config) (hot, restart []string) {
	was := leavesOf(reflect.ValueOf(from).Elem(), "")
	for i, is := range leavesOf(reflect.ValueOf(to).Elem(), "") {
		if reflect.DeepEqual(was[i].value.Interface(), is.value.Interface()) {
			continue
		}
		if is.info.Tag.Get("reload") == "hot" {
			hot = append(hot, is.path)
		} else {
			restart = append(restart, is.path)
		}
	}
	return hot, restart
}

// InForce returns the configuration that a running server has after it was told to change from one to another: to, but
// with the fields of from that need a restart.
func InForce(from, to *Config) *Config {
	now := *to
	was := leavesOf(reflect.ValueOf(from).Elem(), "")
	for i, is := range leavesOf(reflect.ValueOf(&now).Elem(), "") {
		if is.info.Tag.Get("reload") != "hot" {
			is.value.Set(was[i].value)
		}
	}
	return &now
}
