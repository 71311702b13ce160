//go:build race

package node

// waitingStack is how much stack a goroutine may hold that waits for a client, bytes. Under the race detector frames are larger.
const waitingStack = 6 << 10
