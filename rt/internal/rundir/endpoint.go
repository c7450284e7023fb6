package rundir

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/loopgen/loopgen/rt/internal/cut"
)

const (
	// maxEndpoint bounds the endpoint file, in bytes.
	maxEndpoint = 256 << 10
	// maxMethod is the greatest method number.
	maxMethod = 1<<16 - 1
)

// Endpoint says where a daemon listens and what it serves, so that the client can compare
// before it dials. As text it has the lines, in the format of the package,
//
//	network, address          as for net.Dial
//	key                       64 hexadecimal digits; a client that has it may call
//	incarnation, pid          of the daemon
//	host, boot                HostID and BootID in the daemon
//	protocol                  least and greatest version, as 1-1
//	build, config, service, types, name, scope, directory, log
//	dirid, socketdir          device and inode of the directory, and of that of a Unix socket
//	mounts, netns             namespaces in which the paths and a port are valid
//	version                   Config.Version of the client that started the daemon
//	program <main package> <build ID> <modification time>
//	constructor               of the object
//	argument <number> <type> <field> <hash>
//	method <number> <name> <hash> <signature to the end of the line>
//	held <name of a type> <numbers of methods, with commas between>
//
// with one argument, method or type per line. types, directory, the IDs after it and
// constructor are there only if they are not empty, version only if it is not 0, program
// only once the daemon has described it. Empty values, and those that contain anything but
// printable ASCII without spaces and quotes, are in Go's quotes. Unknown keys are ignored.
type Endpoint struct {
	Network, Address         string
	Key                      [32]byte
	Incarnation              string
	PID                      int
	Host, Boot               string
	MinProtocol, MaxProtocol int
	Build, Config, Service   string
	Types                    string // the structure of the type arguments; empty without any
	Name, Scope, Log         string
	Directory                string // the daemon's path of the directory; empty: a daemon of an earlier version
	DirID, SocketDir         string // FileID of Directory, and of the directory of the Unix socket
	Mounts, Net              string // MountNamespace, and NetworkNamespace of a port
	Version                  int
	Program                  ProgramLine    // zero if the daemon has not described its program
	Constructor              string         // empty also if the file had no room for it and the arguments
	Arguments                []ArgumentLine // those that are not zero
	Methods                  []MethodLine
	Held                     []HeldLine // empty also if the file had no room for them
}

// ProgramLine describes the program that the daemon runs: see process.Program. The text has
// Modified to the nanosecond.
type ProgramLine struct {
	Main, Content string
	Modified      time.Time
}

// ArgumentLine is an argument of the constructor, or a field of a struct argument: see
// value.ConfigPart.
type ArgumentLine struct {
	Number            int
	Type, Field, Hash string
}

// HeldLine is a registered type that results can hold in an interface, with the numbers of
// the methods that return them.
type HeldLine struct {
	Name    string
	Methods []int
}

// MethodLine is one method of an endpoint. Number is 0 to 65535. Signature is only for
// messages that people read, and empty if the file had no room for it.
type MethodLine struct {
	Number                int
	Name, Hash, Signature string
}

// ReadEndpoint returns the endpoint that the daemon of this directory has published. The
// error matches ErrAbsent if there is no file, or one that no daemon of this user wrote:
// garbage, a file that was cut or is over 256 KiB, a link, a fifo. It is a *VersionError if
// another version of loopgen wrote the file. Any other error says that this process could
// not read the file: it lacks descriptors for instance, or, if several users share the
// directory, permission.
func (d *Dir) ReadEndpoint() (*Endpoint, error) { return d.readEndpoint(endpointName) }

// ReadLast returns the endpoint of the daemon that has exited last, unless it was killed.
// Its errors are those of ReadEndpoint.
func (d *Dir) ReadLast() (*Endpoint, error) { return d.readEndpoint(lastName) }

func (d *Dir) readEndpoint(name string) (*Endpoint, error) {
	path := d.file(name)
	text, err := d.readFile(name, maxEndpoint)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errForeign) {
		return nil, fmt.Errorf("%w: %w", ErrAbsent, err)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the endpoint: %w", err)
	}
	e := &Endpoint{}
	err = e.UnmarshalText(text)
	var version *VersionError
	if errors.As(err, &version) {
		return nil, &VersionError{Path: path, Version: version.Version}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrAbsent, path, err)
	}
	return e, nil
}

// MarshalText returns the endpoint as text of at most 256 KiB. If the text would be longer,
// it leaves out the signatures, and then also the constructor, its arguments and the held
// types. It fails if the text is too long even then, or if a number is out of its range.
func (e *Endpoint) MarshalText() ([]byte, error) {
	for _, m := range e.Methods {
		if m.Number < 0 || m.Number > maxMethod {
			return nil, fmt.Errorf("encoding the endpoint: method %s has the number %d; the greatest is %d", cut.Name(m.Name), m.Number, maxMethod)
		}
	}
	if e.PID < 0 || e.Version < 0 || e.MinProtocol < 0 || e.MaxProtocol < e.MinProtocol {
		return nil, fmt.Errorf("encoding the endpoint: pid %d, version %d or protocol range %d-%d out of range", e.PID, e.Version, e.MinProtocol, e.MaxProtocol)
	}
	text := e.text(true, true)
	if len(text) > maxEndpoint {
		text = e.text(false, true)
	}
	if len(text) > maxEndpoint {
		text = e.text(false, false)
	}
	if len(text) > maxEndpoint {
		return nil, fmt.Errorf("encoding the endpoint: %d bytes for %d methods; the limit is %d, shorten names", len(text), len(e.Methods), maxEndpoint)
	}
	return text, nil
}

func (e *Endpoint) text(signatures, held bool) []byte {
	w := newLineWriter()
	for i, key := range stringKeys {
		if i == 2 {
			w.line("key", hex.EncodeToString(e.Key[:]))
		}
		if value := *e.stringField(key); value != "" || !optional(key) {
			w.line(key, value)
		}
	}
	w.line("pid", strconv.Itoa(e.PID))
	w.line("protocol", fmt.Sprintf("%d-%d", e.MinProtocol, e.MaxProtocol))
	if e.Version != 0 {
		w.line("version", strconv.Itoa(e.Version))
	}
	if p := e.Program; p.Main != "" {
		w.line("program", p.Main, p.Content, strconv.FormatInt(p.Modified.UnixNano(), 10))
	}
	if held && e.Constructor != "" {
		w.line("constructor", e.Constructor)
		for _, a := range e.Arguments {
			w.line("argument", strconv.Itoa(a.Number), a.Type, a.Field, a.Hash)
		}
	}
	for _, m := range e.Methods {
		w.buf.WriteString(methodText(m, signatures))
	}
	if held {
		for _, h := range e.Held {
			w.line("held", h.Name, joinNumbers(h.Methods))
		}
	}
	return w.end()
}

func joinNumbers(numbers []int) string {
	var b []byte
	for i, n := range numbers {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(n), 10)
	}
	return string(b)
}

func methodText(m MethodLine, signature bool) string {
	tail := `""`
	if signature {
		tail = quote(m.Signature, true)
	}
	return fmt.Sprintf("method %d %s %s %s\n", m.Number, quote(m.Name, false), quote(m.Hash, false), tail)
}

// UnmarshalText sets e from a result of MarshalText. It fails if a line is malformed or
// appears twice, or if a line is missing that is not optional (host, boot and those after
// protocol are). It returns a *VersionError if the text is of another version.
func (e *Endpoint) UnmarshalText(text []byte) error {
	if len(text) > maxEndpoint {
		return fmt.Errorf("decoding the endpoint: %d bytes; the limit is %d", len(text), maxEndpoint)
	}
	var fresh Endpoint
	seen := map[string]bool{}
	err := readLines(text, func(key, rest string) (err error) {
		if key == "method" {
			m, err := parseMethod(rest)
			fresh.Methods = append(fresh.Methods, m)
			return err
		}
		if key == "argument" {
			a, err := parseArgument(rest)
			fresh.Arguments = append(fresh.Arguments, a)
			return err
		}
		if key == "held" {
			h, err := parseHeld(rest)
			fresh.Held = append(fresh.Held, h)
			return err
		}
		if !fresh.knows(key) {
			return nil
		}
		if seen[key] {
			return errors.New("twice")
		}
		seen[key] = true
		if key == "program" {
			fresh.Program, err = parseProgram(rest)
			return err
		}
		return fresh.set(key, rest)
	})
	if err != nil {
		return fmt.Errorf("decoding the endpoint: %w", err)
	}
	for _, key := range []string{"network", "address", "key", "incarnation", "pid", "protocol"} {
		if !seen[key] {
			return fmt.Errorf("decoding the endpoint: no %s", key)
		}
	}
	*e = fresh
	return nil
}

// stringKeys are the keys of lines whose value is any string, in the order of the lines.
var stringKeys = [...]string{
	"network", "address", "incarnation", "host", "boot", "build", "config", "service", "types", "name", "scope", "directory", "log",
	"dirid", "socketdir", "mounts", "netns",
}

// optional reports whether the line of one of stringKeys is left out if it is empty.
func optional(key string) bool {
	switch key {
	case "types", "directory", "dirid", "socketdir", "mounts", "netns":
		return true
	}
	return false
}

// stringField returns the field for one of stringKeys, or nil for another key.
func (e *Endpoint) stringField(key string) *string {
	switch key {
	case "network":
		return &e.Network
	case "address":
		return &e.Address
	case "incarnation":
		return &e.Incarnation
	case "host":
		return &e.Host
	case "boot":
		return &e.Boot
	case "build":
		return &e.Build
	case "config":
		return &e.Config
	case "service":
		return &e.Service
	case "types":
		return &e.Types
	case "name":
		return &e.Name
	case "scope":
		return &e.Scope
	case "directory":
		return &e.Directory
	case "constructor":
		return &e.Constructor
	case "log":
		return &e.Log
	case "dirid":
		return &e.DirID
	case "socketdir":
		return &e.SocketDir
	case "mounts":
		return &e.Mounts
	case "netns":
		return &e.Net
	}
	return nil
}

func (e *Endpoint) knows(key string) bool {
	return e.stringField(key) != nil || key == "key" || key == "pid" || key == "protocol" || key == "version" || key == "program"
}

// set sets the field of a known key.
func (e *Endpoint) set(key, rest string) error {
	value, err := wholeValue(rest)
	if err != nil {
		return err
	}
	switch key {
	case "key":
		raw, err := hex.DecodeString(value)
		if err != nil || len(raw) != len(e.Key) {
			return fmt.Errorf("not %d hexadecimal digits", 2*len(e.Key))
		}
		copy(e.Key[:], raw)
	case "pid":
		e.PID, err = parseNumber(value, 1<<31-1)
	case "version":
		e.Version, err = parseNumber(value, 1<<31-1)
	case "protocol":
		least, greatest, _ := strings.Cut(value, "-")
		e.MinProtocol, err = parseNumber(least, 1<<31-1)
		if err == nil {
			e.MaxProtocol, err = parseNumber(greatest, 1<<31-1)
		}
		if err == nil && e.MaxProtocol < e.MinProtocol {
			err = errors.New("an empty range")
		}
	}
	if field := e.stringField(key); field != nil {
		*field = value
	}
	return err
}

func parseMethod(rest string) (m MethodLine, err error) {
	number, rest, err := cutValue(rest)
	if err == nil {
		m.Number, err = parseNumber(number, maxMethod)
	}
	if err == nil {
		m.Name, rest, err = cutValue(rest)
	}
	if err == nil {
		m.Hash, rest, err = cutValue(rest)
	}
	if err == nil {
		m.Signature, err = tailValue(rest)
	}
	return m, err
}

func parseProgram(rest string) (p ProgramLine, err error) {
	p.Main, rest, err = cutValue(rest)
	if err == nil {
		p.Content, rest, err = cutValue(rest)
	}
	modified := ""
	if err == nil {
		modified, err = wholeValue(rest)
	}
	if err != nil {
		return p, err
	}
	n, err := strconv.ParseInt(modified, 10, 64)
	if err != nil {
		return p, fmt.Errorf("%q is not a time in nanoseconds", modified)
	}
	p.Modified = time.Unix(0, n)
	return p, nil
}

func parseArgument(rest string) (a ArgumentLine, err error) {
	number, rest, err := cutValue(rest)
	if err == nil {
		a.Number, err = parseNumber(number, maxMethod)
	}
	if err == nil {
		a.Type, rest, err = cutValue(rest)
	}
	if err == nil {
		a.Field, rest, err = cutValue(rest)
	}
	if err == nil {
		a.Hash, err = wholeValue(rest)
	}
	return a, err
}

func parseHeld(rest string) (h HeldLine, err error) {
	h.Name, rest, err = cutValue(rest)
	if err != nil {
		return h, err
	}
	numbers, err := wholeValue(rest)
	if err != nil {
		return h, err
	}
	for number := range strings.SplitSeq(numbers, ",") {
		n, err := parseNumber(number, maxMethod)
		if err != nil {
			return h, err
		}
		h.Methods = append(h.Methods, n)
	}
	return h, nil
}

func parseNumber(s string, greatest int) (int, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil || n > uint64(greatest) {
		return 0, fmt.Errorf("%q is not a number from 0 to %d", s, greatest)
	}
	return int(n), nil
}

// openRoot opens the directory for one file operation, and checks the directory that it has
// opened, so that the operation cannot reach another one.
func (d *Dir) openRoot() (*os.Root, error) {
	root, err := os.OpenRoot(d.path)
	if err != nil || d.service {
		return root, err
	}
	info, err := root.Stat(".")
	if err == nil {
		err = checkDirInfo(d.path, info)
	}
	if err != nil {
		root.Close()
		return nil, err
	}
	return root, nil
}
