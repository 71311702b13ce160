//go:build !linux && !darwin

package record

import "os"

// statFree does not know: there recording goes on until a write fails.
func statFree(*os.File) (free, total uint64, err error) { return 0, 0, nil }
