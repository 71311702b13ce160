package node

import (
	"context"
	"errors"
)

var errDoorClosed = errors.New("node: door closed")

func (n *Node) openAdmin(context.Context, string) error { return nil }
