package handshake

import "testing"

func BenchmarkServer(b *testing.B) {
	for _, bench := range []struct {
		name  string
		hello []byte
	}{
		{"plain", plainC1(3)},
		{"signed", signedC1(3, 0)},
		{"RTMPE", signedC1(6, 1)},
	} {
		stream := append(bench.hello, workedC2()...)
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s := NewServer(ServerConfig{AllowEncrypted: true})
				if _, _, err := s.Feed(stream); err != nil || !s.Done() {
					b.Fatal(err)
				}
			}
		})
	}
}
