package node

import "testing"

func TestConnectionLimit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ configured, descriptors, want int }{
		{10_000, 0, 10_000},
		{0, 0, 0},
		{10_000, 1_048_576, 10_000},
		{10_000, 4096, 3584},
		{0, 4096, 3584},
		{100, 256, 100},
		{1000, 256, 192},
		{1000, 32, 1},
	} {
		if got := connectionLimit(tt.configured, tt.descriptors); got != tt.want {
			t.Errorf("connectionLimit(%d, %d) = %d, want %d", tt.configured, tt.descriptors, got, tt.want)
		}
	}
}
