//go:build !race

package node

// waitingStack is how much stack a goroutine may hold that waits for a client, bytes: the least that there is, and room for a few that
// have grown.
const waitingStack = 3 << 10
