package bench

// A sequence follows the numbers of the frames of one kind in one stream. The zero value takes any number as the first.
type sequence struct {
	begun       bool
	first, next uint32
	seen        uint64 // bit i: frame next-1-i has come

	faults
}

// faults are what is wrong with what a player has received.
type faults struct {
	lost       uint64 // frames that never came
	gaps       uint64 // places where some are missing
	repeated   uint64 // frames that came again
	outOfOrder uint64 // frames that came behind a later one
}

func (f *faults) add(g faults) {
	f.lost += g.lost
	f.gaps += g.gaps
	f.repeated += g.repeated
	f.outOfOrder += g.outOfOrder
}

// take counts the frame of a number.
func (s *sequence) take(number uint32) {
	if !s.begun {
		s.begun, s.first, s.next, s.seen = true, number, number+1, 1
		return
	}
	if ahead := int32(number - s.next); ahead >= 0 {
		s.lost += uint64(ahead)
		if ahead > 0 {
			s.gaps++
		}
		s.seen = s.seen<<(min(ahead, 63)+1) | 1
		s.next = number + 1
		return
	}
	back := s.next - 1 - number
	switch {
	case int32(number-s.first) < 0:
		s.outOfOrder++ // from before this player's first
	case back >= 64, s.seen>>back&1 == 1:
		s.repeated++
	default:
		s.seen |= 1 << back
		s.outOfOrder++
		s.lost--
	}
}
