package conversation

import (
	"bytes"
	"math/rand/v2"
	"regexp"
	"slices"
	"testing"
)

// TestRecordings: every recording can be parsed and is whole, has its line in the README, and holds no path of the machine that made it;
// without edits its pieces are its bytes.
func TestRecordings(t *testing.T) {
	readme, err := recordings.ReadFile("testdata/README.md")
	if err != nil {
		t.Fatal(err)
	}
	path := regexp.MustCompile(`/(tmp|home|root|work|usr)/`)
	for folder, load := range map[string]func() ([]*Conversation, error){ClientFolder: Clients, ServerFolder: Servers} {
		all, err := load()
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range all {
			whole, err := recordings.ReadFile(File(folder, c.Name))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(slices.Concat(c.Handshake, slices.Concat(c.Edit(nil, nil)...)), whole) {
				t.Errorf("%s ends in the middle of a message", c.Name)
			}
			if found := path.Find(whole); found != nil {
				t.Errorf("%s holds the path %s", c.Name, found)
			}
			if !bytes.Contains(readme, []byte("| "+c.Name+" |")) {
				t.Errorf("testdata/README.md has no line for %s", c.Name)
			}
			if _, ok := ServerMoves()[c.Name]; !ok && folder == ServerFolder {
				t.Errorf("there are no moves for %s", c.Name)
			}
		}
	}
}

// TestEditMessages: edits that change messages leave the others as they are, and the whole can be parsed.
func TestEditMessages(t *testing.T) {
	all, err := Clients()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		edited, err := Parse(c.Name, slices.Concat(c.Handshake, slices.Concat(c.Edit([]byte{0, 6, 1, 0, 0, 99}, all)...)))
		if err != nil {
			t.Fatal(err)
		}
		for i, m := range edited.Messages {
			want := c.Messages[i]
			if i == 1 {
				want.Type = 99
			}
			if m.Type != want.Type || m.StreamID != want.StreamID || m.Timestamp != want.Timestamp || !bytes.Equal(m.Body, want.Body) {
				t.Errorf("%s: message %d is %v, want %v", c.Name, i, m.Message, want.Message)
			}
		}
	}
}

// TestEditAnything: whatever the edits are, they make a bounded conversation and leave the recording as it is.
func TestEditAnything(t *testing.T) {
	all, err := Clients()
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(6, 6))
	for _, c := range all {
		before := slices.Concat(c.Edit(nil, nil)...)
		for range 200 {
			edits := make([]byte, random.IntN(100))
			for i := range edits {
				edits[i] = byte(random.Uint32())
			}
			said := slices.Concat(c.Edit(edits, all)...)
			if most := 8 * (len(before) + maxGrowth); len(said) > most {
				t.Errorf("%s, edited by %x, has %d bytes, more than %d", c.Name, edits, len(said), most)
			}
		}
		if !bytes.Equal(slices.Concat(c.Edit(nil, nil)...), before) {
			t.Errorf("edits have changed the recording of %s", c.Name)
		}
	}
}
