// Package config reads what an operator decides about a server: one YAML file, LEAT_ variables of the
// environment over it, and flags of the command line over both.
//
// default.yaml is embedded, explains every field, and is the default: Default decodes it, and a file only needs
// the lines that differ. A field has one name everywhere: limits.max_lag in the file is LEAT_LIMITS_MAX_LAG in
// the environment. Every mistake is reported, each as an Error with its line and a sentence that says what to
// write instead; a key that does not exist is a mistake, too.
//
// A loaded Config is not changed any more. To reload, load again and let Diff say which fields take effect at
// once (struct tag reload:"hot") and which need a restart (reload:"restart"). Watcher waits for changes of the file.
package config
