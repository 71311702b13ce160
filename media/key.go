package media

// Key names a stream of a server: the application, its instance and the stream name.
type Key struct {
	App      string // application, without query and instance
	Instance string // application instance; empty means the default one, "_definst_"
	Name     string // stream name, without query; may contain "/"
}

// String returns "app/name", or "app/instance/name" when the instance is not the default one.
func (k Key) String() string {
	if k.Instance == "" {
		return k.App + "/" + k.Name
	}
	return k.App + "/" + k.Instance + "/" + k.Name
}
