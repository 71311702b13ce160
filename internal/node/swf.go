package node

import (
	"crypto/rand"
	"fmt"
	"os"

	"leat/internal/config"
	"leat/rtmp"
)

// swfFiles is what SWF verification compares, by path.
type swfFiles map[string]rtmp.SWF

// useSWF reads the SWF files that a configuration names.
func (n *Node) useSWF(cfg *config.Config) error {
	files := swfFiles{}
	for _, apps := range allApps(cfg) {
		for _, app := range apps {
			for _, path := range app.SWF {
				if _, ok := files[path]; ok {
					continue
				}
				swf, err := readSWF(path)
				if err != nil {
					return fmt.Errorf("swf_files of application %s: %w", app.Pattern, err)
				}
				files[path] = swf
			}
		}
	}
	n.swf.Store(&files)
	return nil
}

func allApps(cfg *config.Config) []config.Apps {
	all := []config.Apps{cfg.Apps}
	for _, v := range cfg.VHosts {
		all = append(all, v.Apps)
	}
	return all
}

func readSWF(path string) (rtmp.SWF, error) {
	file, err := os.Open(path)
	if err != nil {
		return rtmp.SWF{}, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	swf, err := rtmp.HashSWF(file)
	if err != nil {
		return rtmp.SWF{}, fmt.Errorf("%s: %w", path, err)
	}
	return swf, nil
}

// swfOf returns the files of which a client of an application must be one; none asks nobody. A file that could not be read is
// one that nobody can be.
func (n *Node) swfOf(app *config.App) []rtmp.SWF {
	known := n.swf.Load()
	list := make([]rtmp.SWF, 0, len(app.SWF))
	for _, path := range app.SWF {
		swf, ok := (*known)[path]
		if !ok {
			_, _ = rand.Read(swf.Hash[:]) // it never fails
		}
		list = append(list, swf)
	}
	return list
}
