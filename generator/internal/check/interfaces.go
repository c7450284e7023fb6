package check

import (
	"go/types"
	"path"
	"regexp"
	"slices"
	"strings"
)

// wellKnown are interfaces of the standard library that values are tested for
// or passed as, with the methods that each needs; where the methods are those
// of another interface its name stands for them. Signatures tell a proxy's
// interfaces without loading the packages that declare them.
var wellKnown = []struct{ name, methods string }{
	{"error", "Error() string"},
	{"fmt.Stringer", "String() string"},
	{"fmt.GoStringer", "GoString() string"},
	{"fmt.Formatter", "Format(fmt.State, rune)"},
	{"fmt.Scanner", "Scan(fmt.ScanState, rune) error"},

	{"io.Reader", "Read([]byte) (int, error)"},
	{"io.Writer", "Write([]byte) (int, error)"},
	{"io.Closer", "Close() error"},
	{"io.Seeker", "Seek(int64, int) (int64, error)"},
	{"io.ReadWriter", "io.Reader; io.Writer"},
	{"io.ReadCloser", "io.Reader; io.Closer"},
	{"io.WriteCloser", "io.Writer; io.Closer"},
	{"io.ReadWriteCloser", "io.Reader; io.Writer; io.Closer"},
	{"io.ReadSeeker", "io.Reader; io.Seeker"},
	{"io.ReadSeekCloser", "io.Reader; io.Seeker; io.Closer"},
	{"io.WriteSeeker", "io.Writer; io.Seeker"},
	{"io.ReadWriteSeeker", "io.Reader; io.Writer; io.Seeker"},
	{"io.ReaderAt", "ReadAt([]byte, int64) (int, error)"},
	{"io.WriterAt", "WriteAt([]byte, int64) (int, error)"},
	{"io.ReaderFrom", "ReadFrom(io.Reader) (int64, error)"},
	{"io.WriterTo", "WriteTo(io.Writer) (int64, error)"},
	{"io.ByteReader", "ReadByte() (byte, error)"},
	{"io.ByteScanner", "io.ByteReader; UnreadByte() error"},
	{"io.ByteWriter", "WriteByte(byte) error"},
	{"io.RuneReader", "ReadRune() (rune, int, error)"},
	{"io.RuneScanner", "io.RuneReader; UnreadRune() error"},
	{"io.StringWriter", "WriteString(string) (int, error)"},

	{"io/fs.FS", "Open(string) (io/fs.File, error)"},
	{"io/fs.ReadDirFS", "io/fs.FS; ReadDir(string) ([]io/fs.DirEntry, error)"},
	{"io/fs.ReadFileFS", "io/fs.FS; ReadFile(string) ([]byte, error)"},
	{"io/fs.StatFS", "io/fs.FS; Stat(string) (io/fs.FileInfo, error)"},
	{"io/fs.File", "io.Reader; io.Closer; Stat() (io/fs.FileInfo, error)"},
	{"io/fs.DirEntry", "Name() string; IsDir() bool; Type() io/fs.FileMode; Info() (io/fs.FileInfo, error)"},
	{"io/fs.FileInfo", "Name() string; Size() int64; Mode() io/fs.FileMode; ModTime() time.Time; IsDir() bool; Sys() any"},

	{"encoding.TextMarshaler", "MarshalText() ([]byte, error)"},
	{"encoding.TextUnmarshaler", "UnmarshalText([]byte) error"},
	{"encoding.TextAppender", "AppendText([]byte) ([]byte, error)"},
	{"encoding.BinaryMarshaler", "MarshalBinary() ([]byte, error)"},
	{"encoding.BinaryUnmarshaler", "UnmarshalBinary([]byte) error"},
	{"encoding.BinaryAppender", "AppendBinary([]byte) ([]byte, error)"},
	{"encoding/json.Marshaler", "MarshalJSON() ([]byte, error)"},
	{"encoding/json.Unmarshaler", "UnmarshalJSON([]byte) error"},
	{"encoding/xml.Marshaler", "MarshalXML(*encoding/xml.Encoder, encoding/xml.StartElement) error"},
	{"encoding/xml.Unmarshaler", "UnmarshalXML(*encoding/xml.Decoder, encoding/xml.StartElement) error"},
	{"encoding/gob.GobEncoder", "GobEncode() ([]byte, error)"},
	{"encoding/gob.GobDecoder", "GobDecode([]byte) error"},

	{"sort.Interface", "Len() int; Less(int, int) bool; Swap(int, int)"},
	{"container/heap.Interface", "sort.Interface; Push(any); Pop() any"},
	{"sync.Locker", "Lock(); Unlock()"},
	{"context.Context", "Deadline() (time.Time, bool); Done() <-chan struct{}; Err() error; Value(any) any"},
	{"flag.Value", "String() string; Set(string) error"},
	{"flag.Getter", "flag.Value; Get() any"},
	{"expvar.Var", "String() string"},
	{"log/slog.LogValuer", "LogValue() log/slog.Value"},
	{"log/slog.Handler", "Enabled(context.Context, log/slog.Level) bool; Handle(context.Context, log/slog.Record) error; " +
		"WithAttrs([]log/slog.Attr) log/slog.Handler; WithGroup(string) log/slog.Handler"},
	{"hash.Hash", "io.Writer; Sum([]byte) []byte; Reset(); Size() int; BlockSize() int"},
	{"hash.Hash32", "hash.Hash; Sum32() uint32"},
	{"hash.Hash64", "hash.Hash; Sum64() uint64"},
	{"math/rand.Source", "Int63() int64; Seed(int64)"},
	{"math/rand.Source64", "math/rand.Source; Uint64() uint64"},
	{"math/rand/v2.Source", "Uint64() uint64"},
	{"image.Image", "ColorModel() image/color.Model; Bounds() image.Rectangle; At(int, int) image/color.Color"},

	{"net.Addr", "Network() string; String() string"},
	{"net.Conn", "io.ReadWriteCloser; LocalAddr() net.Addr; RemoteAddr() net.Addr; SetDeadline(time.Time) error; " +
		"SetReadDeadline(time.Time) error; SetWriteDeadline(time.Time) error"},
	{"net.Listener", "Accept() (net.Conn, error); Close() error; Addr() net.Addr"},
	{"net.Error", "error; Timeout() bool; Temporary() bool"},
	{"net/http.Handler", "ServeHTTP(net/http.ResponseWriter, *net/http.Request)"},
	{"net/http.RoundTripper", "RoundTrip(*net/http.Request) (*net/http.Response, error)"},
	{"net/http.ResponseWriter", "Header() net/http.Header; Write([]byte) (int, error); WriteHeader(int)"},
	{"net/http.CookieJar", "SetCookies(*net/url.URL, []*net/http.Cookie); Cookies(*net/url.URL) []*net/http.Cookie"},
	{"net/http.FileSystem", "Open(string) (net/http.File, error)"},

	{"database/sql.Scanner", "Scan(any) error"},
	{"database/sql.Result", "LastInsertId() (int64, error); RowsAffected() (int64, error)"},
	{"database/sql/driver.Valuer", "Value() (database/sql/driver.Value, error)"},
	{"database/sql/driver.Driver", "Open(string) (database/sql/driver.Conn, error)"},
	{"database/sql/driver.Connector", "Connect(context.Context) (database/sql/driver.Conn, error); Driver() database/sql/driver.Driver"},
	{"database/sql/driver.Conn", "Prepare(string) (database/sql/driver.Stmt, error); Close() error; Begin() (database/sql/driver.Tx, error)"},
	{"database/sql/driver.Stmt", "Close() error; NumInput() int; Exec([]database/sql/driver.Value) (database/sql/driver.Result, error); " +
		"Query([]database/sql/driver.Value) (database/sql/driver.Rows, error)"},
	{"database/sql/driver.Tx", "Commit() error; Rollback() error"},
	{"database/sql/driver.Rows", "Columns() []string; Close() error; Next([]database/sql/driver.Value) error"},
	{"database/sql/driver.Pinger", "Ping(context.Context) error"},
}

// required returns the sorted list of methods that methods stands for.
func required(methods string) []string {
	var all []string
	for entry := range strings.SplitSeq(methods, "; ") {
		if strings.Contains(entry, "(") {
			all = append(all, entry)
			continue
		}
		for _, other := range wellKnown {
			if other.name == entry {
				all = append(all, required(other.methods)...)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// implemented is a well-known interface that *T implements.
type implemented struct {
	name    string // as a user writes it: "json.Marshaler"
	methods []string
}

// implementedBy returns the well-known interfaces that a method set has all
// methods of.
func implementedBy(set *types.MethodSet) []implemented {
	has := make(map[string]bool)
	for sel := range set.Methods() {
		if fn, ok := sel.Obj().(*types.Func); ok {
			has[fn.Name()+strings.TrimPrefix(usualNames(plainSignature(fn.Signature())), "func")] = true
		}
	}
	var list []implemented
	for _, w := range wellKnown {
		methods := required(w.methods)
		if !slices.ContainsFunc(methods, func(m string) bool { return !has[m] }) {
			list = append(list, implemented{shortName(w.name), methods})
		}
	}
	return list
}

func (i implemented) needs(name string) bool {
	return slices.ContainsFunc(i.methods, func(m string) bool { return strings.HasPrefix(m, name+"(") })
}

// missed returns the interfaces that a proxy without the methods is not.
func missed(interfaces []implemented, without ...string) []implemented {
	var list []implemented
	for _, i := range interfaces {
		if slices.ContainsFunc(without, i.needs) {
			list = append(list, i)
		}
	}
	return list
}

// smallest returns the names of the interfaces that need no more than another:
// io.ReadCloser adds nothing to io.Reader.
func smallest(interfaces []implemented) []string {
	var names []string
	for _, i := range interfaces {
		if !slices.ContainsFunc(interfaces, func(other implemented) bool {
			return len(other.methods) < len(i.methods) && within(other.methods, i.methods)
		}) {
			names = append(names, i.name)
		}
	}
	return names
}

func within(some, all []string) bool {
	return !slices.ContainsFunc(some, func(m string) bool { return !slices.Contains(all, m) })
}

// shortName writes encoding/json.Marshaler as json.Marshaler. A version stays:
// rand.Source and rand/v2.Source are two.
func shortName(full string) string {
	dir, name := path.Split(full)
	if version.MatchString(name) {
		name = path.Base(dir) + "/" + name
	}
	return name
}

var version = regexp.MustCompile(`^v[0-9]+\.`)

var unusual = regexp.MustCompile(`\b(uint8|int32)\b|interface ?\{\}`)

// usualNames writes byte, rune and any for identical types.
func usualNames(signature string) string {
	return unusual.ReplaceAllStringFunc(signature, func(name string) string {
		switch name {
		case "uint8":
			return "byte"
		case "int32":
			return "rune"
		}
		return "any"
	})
}
