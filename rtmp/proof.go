package rtmp

import (
	"crypto/rand"
	"slices"
	"sync"
	"time"

	"leat/amf"
	"leat/internal/wire/handshake"
	"leat/internal/wire/message"
)

// Proof is what a server asks of a client that it has let in. The zero value asks for nothing. A wrong answer ends the
// connection, none does when Grace is over. Neither proof withstands somebody who has studied a client.
type Proof struct {
	// Token is the key of SecureToken. The client may neither publish nor play before it has answered. "" does not ask.
	Token string
	// SWFs are the files of which the client must be one (SWF verification). It may go on meanwhile. Empty does not ask.
	SWFs []SWF
	// Grace is the time for the answers; 0 means 10 s.
	Grace time.Duration
}

const defaultGrace = 10 * time.Second

// proving is what a client has still to prove. The watchman looks at it too.
type proving struct {
	mu   sync.Mutex
	text string // the right answer to secureToken; "" when it was given, or nothing was asked
	swfs []SWF  // nil when one was proved, or nothing was asked
	due  time.Time
}

// ask puts the question about the token into the answer to connect and returns what is to be sent behind it.
func (s *serverSide) ask(req *ConnectRequest) []outgoing {
	p := &req.Proof
	if p.Token == "" && len(p.SWFs) == 0 {
		return nil
	}
	grace := p.Grace
	if grace <= 0 {
		grace = defaultGrace
	}
	s.proving.mu.Lock()
	defer s.proving.mu.Unlock()
	s.proving.due = time.Now().Add(grace)
	if p.Token != "" {
		s.proving.text = rand.Text()
		req.Reply.Set("secureToken", EncryptSecureToken(p.Token, s.proving.text))
	}
	if len(p.SWFs) == 0 {
		return nil
	}
	s.proving.swfs = p.SWFs
	return []outgoing{{0, &message.UserControl{Event: message.EventSWFVerifyRequest, Data: []byte{1}}}}
}

// tokenAnswered takes the call secureTokenResponse.
func (s *serverSide) tokenAnswered(c *Conn, cmd *message.Command) error {
	answer, _ := arg(cmd, 0).(string)
	s.proving.mu.Lock()
	right := s.proving.text == "" || VerifySecureToken(s.proving.text, answer)
	if right {
		s.proving.text = ""
	}
	s.proving.mu.Unlock()
	if !right {
		return s.unproved(c, "the answer to secureToken is wrong")
	}
	return s.result(c, cmd, amf.Undefined{})
}

// mustAnswer reports whether the client has still to answer secureToken.
func (s *serverSide) mustAnswer() bool {
	s.proving.mu.Lock()
	defer s.proving.mu.Unlock()
	return s.proving.text != ""
}

// swfAnswered takes the response to SWF verification. One that was not asked for, or is repeated, means nothing.
func (s *serverSide) swfAnswered(c *Conn, response []byte) error {
	s.proving.mu.Lock()
	right := len(s.proving.swfs) == 0 || slices.ContainsFunc(s.proving.swfs, func(f SWF) bool {
		return handshake.VerifySWFResponse(response, f.Hash, f.Size, c.handshake.SWFKey)
	})
	if right {
		s.proving.swfs = nil
	}
	s.proving.mu.Unlock()
	if !right {
		return s.unproved(c, "the client is none of the SWF files that it may be")
	}
	return nil
}

// checkProof ends a connection whose time for the answers is over. It is called by the watchman.
func (s *serverSide) checkProof(c *Conn, now time.Time) {
	s.proving.mu.Lock()
	token, swf := s.proving.text != "", s.proving.swfs != nil
	over := (token || swf) && now.After(s.proving.due)
	s.proving.mu.Unlock()
	if !over || c.closing.Load() {
		return
	}
	why := "SWF verification was not answered in time"
	if token {
		why = "secureToken was not answered in time"
	}
	if err := s.unproved(c, why); err != nil {
		c.logger.Debug("the reason was not sent", "err", err)
	}
}

// unproved tells a client that it has proved nothing, and ends the connection.
func (s *serverSide) unproved(c *Conn, why string) error {
	status := Status{Level: LevelError, Code: string(CodeConnectRejected), Description: why + "."}
	err := c.send(0, &message.Command{Name: "onStatus", Args: []any{status.Object()}})
	c.closeGently(&CloseReason{Side: SideLocal, Text: why})
	return err
}
