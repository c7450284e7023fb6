package rt_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/wire"
)

var update = flag.Bool("update", false, "record testdata/wire/transcripts again; see the README there")

// recordedVersion is the version of the protocol in which -update records.
const recordedVersion = 1

// transcript is the life of a daemon as its connections show it.
type transcript struct {
	Comment  string    `json:"comment"`
	Clients  int       `json:"clients"`  // that the daemon admits
	Endpoint []string  `json:"endpoint"` // the lines of the file
	Stream   []passage `json:"stream"`
	Results  []string  `json:"results,omitempty"` // of the calls, as the client's program saw them
}

// passage is what one side says at once: a frame, bytes that are none, or
// something else.
type passage struct {
	Connection int      `json:"connection,omitempty"` // counted from 1
	From       string   `json:"from"`                 // client or daemon
	What       string   `json:"what"`                 // ends, exits, or for people
	Bytes      hexBytes `json:"bytes,omitempty"`
}

const (
	ends  = "closes the connection"
	exits = "has left"
)

// hexBytes are written as hexadecimal digits.
type hexBytes []byte

func (b *hexBytes) UnmarshalText(text []byte) error {
	decoded, err := hex.DecodeString(string(text))
	*b = decoded
	return err
}

func (b hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(b)), nil }

// The test replays recordings: to today's daemon, which must answer as the recorded
// daemon did, and to today's client, which must send the recorded client's frames and
// return the same results.
func TestTranscripts(t *testing.T) {
	dir := filepath.Join("..", "testdata", "wire", "transcripts", fmt.Sprint("v", recordedVersion))
	played := map[string]bool{}
	for _, sc := range scenes {
		path := filepath.Join(dir, sc.name+".json")
		played[path] = true
		if sc.wide && strconv.IntSize < 64 {
			continue
		}
		if *update {
			writeTranscript(t, path, sc.record(t))
		}
		tr := readTranscript(t, path)
		t.Run(sc.name+"/daemon", func(t *testing.T) { synctest.Test(t, tr.toDaemon) })
		if sc.play != nil {
			t.Run(sc.name+"/client", func(t *testing.T) { synctest.Test(t, func(t *testing.T) { tr.toClient(t, sc.play) }) })
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if !played[path] {
			t.Errorf("%s has no scene", path)
		}
	}
}

func readTranscript(t *testing.T, path string) *transcript {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tr := &transcript{}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(tr); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return tr
}

func writeTranscript(t *testing.T, path string, tr *transcript) {
	t.Helper()
	text, err := json.MarshalIndent(tr, "", "\t")
	if err == nil {
		err = os.WriteFile(path, append(text, '\n'), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// peerTimeout is how long a test waits for a peer, in the bubble's time.
const peerTimeout = time.Minute

// toDaemon says what the clients have said.
func (tr *transcript) toDaemon(t *testing.T) {
	then := tr.endpoint(t)
	m := newSpecimen(t, tr.Clients, then, func() {})
	now := endpointLines(t, m.Endpoint())
	for _, line := range tr.Endpoint {
		if !slices.Contains(now, line) {
			t.Errorf("the endpoint has no line %s; it is\n%s", line, strings.Join(now, "\n"))
		}
	}
	useNonces(t, tr.nonces(t, "daemon"))
	peers := map[int]*peer{}
	for i := 0; i < len(tr.Stream); i++ {
		p := tr.Stream[i]
		c := peers[p.Connection]
		if c == nil && p.What != exits {
			ours, theirs := net.Pipe()
			m.Serve(theirs)
			c = newPeer(t, ours)
			peers[p.Connection] = c
		}
		switch {
		case p.What == exits:
			select {
			case <-m.Gone():
			case <-time.After(peerTimeout):
				t.Fatal("the daemon did not leave")
			}
		case p.From == "client":
			c.say(t, p)
			settle()
		default: // Replies come in any order.
			answers := 1
			for i+answers < len(tr.Stream) && tr.Stream[i+answers].Connection == p.Connection && tr.Stream[i+answers].From == "daemon" {
				answers++
			}
			c.hear(t, tr.Stream[i:i+answers])
			i += answers - 1
		}
	}
}

// toClient plays a scene against what the daemon has said.
func (tr *transcript) toClient(t *testing.T, play func(*stage)) {
	useNonces(t, tr.nonces(t, "client"))
	dialled, gone, done := make(chan net.Conn), make(chan struct{}), make(chan struct{})
	s := &stage{T: t, place: rt.Place{
		Hello: tr.hello(t),
		Find: func() (*rundir.Endpoint, error) {
			select {
			case <-gone:
				return nil, rundir.ErrAbsent
			default:
				return tr.endpoint(t), nil
			}
		},
		Dial: func() (net.Conn, error) {
			ours, theirs := net.Pipe()
			select {
			case dialled <- theirs:
				return ours, nil
			case <-done:
				return nil, errors.New("one connection more than there were")
			}
		},
	}}
	go func() { // ends with the transcript, or with the test
		defer close(done)
		peers := map[int]*peer{}
		for _, p := range tr.Stream {
			switch c := peers[p.Connection]; {
			case p.What == exits:
				close(gone)
			case c == nil:
				select {
				case conn := <-dialled:
					c = newPeer(t, conn)
				case <-time.After(peerTimeout):
					t.Errorf("connection %d was not opened", p.Connection)
					return
				}
				peers[p.Connection] = c
				c.hear(t, []passage{p})
			case p.From == "client":
				c.hear(t, []passage{p})
			default:
				c.say(t, p)
			}
		}
	}()
	play(s)
	s.close()
	<-done
	if !slices.Equal(s.results, tr.Results) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(s.results, "\n"), strings.Join(tr.Results, "\n"))
	}
}

// peer is the end of a connection at which a transcript is said.
type peer struct {
	conn net.Conn
	dead bool // nothing more is to be expected
}

func newPeer(t *testing.T, conn net.Conn) *peer {
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(peerTimeout))
	return &peer{conn: conn}
}

// say sends a passage. If the other side has closed the connection, the next read fails.
func (c *peer) say(t *testing.T, p passage) {
	if p.What == ends {
		c.conn.Close()
		return
	}
	for _, piece := range [][]byte{p.Bytes[:len(p.Bytes)/2], p.Bytes[len(p.Bytes)/2:]} { // a stream knows no frames
		if _, err := c.conn.Write(piece); err != nil && !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("connection %d: saying %s: %v", p.Connection, p.What, err)
		}
	}
}

// hear compares what the other side says with passages in any order.
func (c *peer) hear(t *testing.T, want []passage) {
	for len(want) > 0 && !c.dead {
		p := want[0]
		if p.What == ends {
			if rest, err := io.ReadAll(c.conn); len(rest) > 0 || err != nil {
				t.Errorf("connection %d: %x, %v; want its end", p.Connection, rest, err)
			}
			return
		}
		magic := len(p.Bytes) - len(bytes.TrimPrefix(p.Bytes, []byte(greeting)))
		got := make([]byte, magic+wire.HeaderSize)
		_, err := io.ReadFull(c.conn, got)
		if err == nil {
			body := make([]byte, bodySize(got[magic:]))
			_, err = io.ReadFull(c.conn, body)
			got = append(got, body...)
		}
		if err == nil {
			i := max(slices.IndexFunc(want, func(p passage) bool { return p.Bytes != nil && sameHeader(p.Bytes[magic:], got[magic:]) }), 0)
			p = want[i]
			want = slices.Delete(slices.Clone(want), i, i+1)
			err = same(p.Bytes[magic:], got[magic:])
			if !bytes.Equal(p.Bytes[:magic], got[:magic]) {
				err = errors.New("another greeting")
			}
		}
		if err != nil {
			t.Errorf("connection %d: waiting for %s: %v", p.Connection, p.What, err)
			c.dead = true
			c.conn.Close()
		}
	}
}

// sameHeader compares all of a header but the length.
func sameHeader(a, b []byte) bool { return bytes.Equal(a[4:wire.HeaderSize], b[4:wire.HeaderSize]) }

// free are the keys of the protocol's maps whose values are the machine's or the
// moment's, or text for people.
var free = map[string]bool{
	"text": true, "reason": true, "stack": true, "blocked": true, // of welcome, error and going-away
	"Executable": true, "Nice": true, "Limits": true, "Env": true, // of a status
	"Started": true, "Uptime": true, "Since": true, "For": true, "Leaving": true, "LastPanic": true,
}

// same returns an error unless two frames say the same. The protocol's own maps
// may have gained keys since then.
func same(then, now []byte) error {
	if bytes.Equal(then, now) {
		return nil
	}
	differ := fmt.Errorf("got %x, want %x", now, then)
	if !sameHeader(then, now) {
		return differ
	}
	var was, is map[string]any
	if wire.Unmarshal(then[wire.HeaderSize:], &was) != nil || wire.Unmarshal(now[wire.HeaderSize:], &is) != nil {
		return differ
	}
	if at := difference("", was, is); at != "" {
		return fmt.Errorf("other than recorded at %s:\n%v\nwant\n%v", at, is, was)
	}
	return nil
}

// difference returns where two values of a message differ, or "".
func difference(at string, then, now any) string {
	a, b := reflect.ValueOf(then), reflect.ValueOf(now)
	if !a.IsValid() || !b.IsValid() || a.Type() != b.Type() {
		if a.IsValid() || b.IsValid() {
			return at
		}
		return ""
	}
	switch a.Kind() {
	case reflect.Map:
		for _, key := range a.MapKeys() {
			name := fmt.Sprint(key)
			value := b.MapIndex(key)
			if !value.IsValid() {
				return at + "." + name
			}
			then, now := a.MapIndex(key).Interface(), value.Interface()
			if free[name] {
				if then != nil && now != nil && reflect.TypeOf(then) != reflect.TypeOf(now) {
					return at + "." + name
				}
			} else if d := difference(at+"."+name, then, now); d != "" {
				return d
			}
		}
		return ""
	case reflect.Slice:
		if a.Len() != b.Len() {
			return at
		}
		for i := range a.Len() {
			if d := difference(fmt.Sprintf("%s[%d]", at, i), a.Index(i).Interface(), b.Index(i).Interface()); d != "" {
				return d
			}
		}
		return ""
	}
	if !reflect.DeepEqual(then, now) {
		return at
	}
	return ""
}
