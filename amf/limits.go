package amf

import (
	"cmp"
	"fmt"
)

// Limits bound what one message may hold, when decoding and when encoding. The zero value means the defaults.
type Limits struct {
	// Depth is how many objects, arrays and the like may be nested in each other. Zero means 64.
	Depth int
	// Elements is how many values and member names of AMF3 classes there may be in all. Zero means 65,536.
	Elements int
	// StringBytes is how many bytes strings, names, XML and byte arrays may have in all. Zero means 1 MiB.
	StringBytes int
}

// Defaults of Limits.
const (
	defaultDepth       = 64
	defaultElements    = 65536
	defaultStringBytes = 1 << 20
)

// budget counts what a message has used of its limits.
type budget struct {
	limits      Limits
	depth       int
	elements    int
	stringBytes int
}

func newBudget(l Limits) budget {
	return budget{limits: Limits{
		Depth:       cmp.Or(l.Depth, defaultDepth),
		Elements:    cmp.Or(l.Elements, defaultElements),
		StringBytes: cmp.Or(l.StringBytes, defaultStringBytes),
	}}
}

// enter goes one level down; the caller comes back with leave.
func (b *budget) enter() error {
	if b.depth >= b.limits.Depth {
		return fmt.Errorf("%w: nested more than %d levels deep", ErrLimit, b.limits.Depth)
	}
	b.depth++
	return nil
}

func (b *budget) leave() { b.depth-- }

// spendElements must be asked before room for n values is made.
func (b *budget) spendElements(n int) error {
	if n > b.limits.Elements-b.elements {
		return fmt.Errorf("%w: more than %d elements", ErrLimit, b.limits.Elements)
	}
	b.elements += n
	return nil
}

// spendString must be asked before n bytes of text are copied.
func (b *budget) spendString(n int) error {
	if n > b.limits.StringBytes-b.stringBytes {
		return fmt.Errorf("%w: more than %d bytes of strings", ErrLimit, b.limits.StringBytes)
	}
	b.stringBytes += n
	return nil
}
