//go:build unix

package rt_test

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// ERRORS.md lists the text of every error that a user can meet. A text is compared in
// a normal form: format verbs and values are …, and wrapped errors (%w) at the beginning
// and the end are left out.
func TestErrorListIsComplete(t *testing.T) {
	sources := errorTexts(t)
	rows := errorRows(t)
	internal := make(map[string]bool)
	for _, texts := range internalErrors {
		for _, text := range texts {
			internal[text] = true
		}
	}
	for _, text := range slices.Sorted(maps.Keys(sources)) {
		_, listed := rows[text]
		switch {
		case listed && internal[text]:
			t.Errorf("%s: %q is in ERRORS.md and in internalErrors: remove one", sources[text], text)
		case !listed && !internal[text]:
			t.Errorf("%s: an error is not in ERRORS.md. Add this row, or an entry of internalErrors if no user can meet it:\n| %s | when it happens | what to do |",
				sources[text], quoted(text))
		}
	}
	for text, line := range rows {
		if sources[text] == "" {
			t.Errorf("ERRORS.md:%d: no error of the source has the text %q: remove the row, or correct its text", line, text)
		}
	}
	for text := range internal {
		if sources[text] == "" {
			t.Errorf("internalErrors: no error of the source has the text %q: remove it, or correct it", text)
		}
	}
}

// errorSources are the directories whose errors are listed.
var errorSources = []string{".", "stub", "schema", "internal/control", "internal/cut", "internal/daemon", "internal/host", "internal/process", "internal/start", "internal/rundir", "internal/sock", "internal/stats", "internal/usercode", "internal/value", "internal/wire", "inspect", "profile"}

// errorMakers are the functions that make an error, or a part of one, of the text that
// is their argument of that number.
var errorMakers = map[string]int{
	"errors.New": 0, "fmt.Errorf": 0, "sentinel": 0, "faultf": 0, "panic": 0, // everywhere
	"foreign":  1,               // identity.go
	"unsafe":   0,               // internal/rundir
	"s.refuse": 2, "refuse": -1, // serveconn.go
	"d.refuse": 0, // stub/copyback.go
}

// errorFields are the fields of structs that hold the text of an error.
var errorFields = []string{"Text", "Problem", "refused", "difference"}

// errorTexts returns the errors of the source, and where each is made.
func errorTexts(t *testing.T) map[string]string {
	t.Helper()
	texts := make(map[string]string)
	files := token.NewFileSet()
	for _, dir := range errorSources {
		paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			add := func(e ast.Expr) {
				if text := normal(textOf(e)); strings.ContainsFunc(text, isLetter) {
					texts[text] = cmp.Or(texts[text], files.Position(e.Pos()).String())
				}
			}
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					if i, ok := errorMakers[called(n)]; ok && i >= 0 && i < len(n.Args) {
						add(n.Args[i])
					}
				case *ast.KeyValueExpr:
					if key, ok := n.Key.(*ast.Ident); ok && slices.Contains(errorFields, key.Name) {
						add(n.Value)
					}
				case *ast.AssignStmt:
					if field, ok := n.Lhs[0].(*ast.SelectorExpr); ok && slices.Contains(errorFields, field.Sel.Name) && len(n.Rhs) == 1 {
						add(n.Rhs[0])
					}
				case *ast.FuncDecl:
					if n.Name.Name == "Error" && n.Recv != nil && n.Body != nil && len(n.Type.Params.List) == 0 {
						ast.Inspect(n.Body, func(n ast.Node) bool {
							switch n := n.(type) {
							case *ast.ReturnStmt:
								if len(n.Results) == 1 {
									add(n.Results[0])
								}
							case *ast.CallExpr:
								if called(n) == "fmt.Sprintf" {
									add(n)
								}
							}
							return true
						})
					}
				}
				return true
			})
		}
	}
	return texts
}

func isLetter(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }

// called returns the name of the function that a call calls, with its package or
// receiver.
func called(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok {
			return x.Name + "." + f.Sel.Name
		}
	}
	return ""
}

var verb = regexp.MustCompile(`%[-+# 0]*(\[\d+\])?[\d.*]*[a-zA-Z]`)

// textOf returns the text that an expression makes, with … for values.
func textOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			text = strings.ReplaceAll(text, "%%", "\x00")
			text = verb.ReplaceAllString(strings.ReplaceAll(text, "%w", wrap), "…")
			return strings.ReplaceAll(text, "\x00", "%")
		}
	case *ast.ParenExpr:
		return textOf(e.X)
	case *ast.BinaryExpr:
		return textOf(e.X) + textOf(e.Y)
	case *ast.CallExpr:
		if called(e) == "fmt.Sprintf" {
			return textOf(e.Args[0])
		}
	}
	return "…"
}

// wrap stands for a wrapped error while a text is put together.
const wrap = "\x01"

var wrapped = regexp.MustCompile(`^(\x01[:;,]? ?)+|((: |; |, | )?\x01)+$`)

// normal returns a text without the errors that it wraps at its beginning and its end.
func normal(text string) string {
	text = wrapped.ReplaceAllString(strings.TrimSpace(strings.ReplaceAll(text, "\n", " ")), "")
	return strings.TrimSpace(strings.ReplaceAll(text, wrap, "…"))
}

// errorRows returns the texts in the tables of ERRORS.md, and their lines.
func errorRows(t *testing.T) map[string]int {
	t.Helper()
	doc, err := os.ReadFile("ERRORS.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string]int)
	row := regexp.MustCompile("^\\| (`+) ?(.+?) ?`+ \\| (.+) \\| (.+) \\|$")
	for i, line := range strings.Split(string(doc), "\n") {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		m := row.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("ERRORS.md:%d: want | `text` | when it happens | what to do |, got %s", i+1, line)
			continue
		}
		text := strings.ReplaceAll(m[2], `\|`, "|")
		if rows[text] != 0 {
			t.Errorf("ERRORS.md:%d: %q is listed on line %d already", i+1, text, rows[text])
		}
		rows[text] = i + 1
	}
	return rows
}

// quoted returns a text as a row has it.
func quoted(text string) string {
	text = strings.ReplaceAll(text, "|", `\|`)
	if strings.Contains(text, "`") {
		return "`` " + text + " ``"
	}
	return "`" + text + "`"
}

// internalErrors are the errors that no user can meet, by the reason.
var internalErrors = map[string][]string{
	"a detail of a damaged endpoint or start file, which is taken as absent and written again": {
		"decoding the endpoint: … bytes; the limit is …",
		"twice",
		"decoding the endpoint",
		"decoding the endpoint: no …",
		"not … hexadecimal digits",
		"an empty range",
		"… is not a number from 0 to …",
		"… is not a time in nanoseconds",
		"not text",
		"the first line is not …",
		"the last line is missing",
		"a line with the key …",
		"a quote without its end",
		"no space after a quote",
		"a value that should be in quotes",
		"more than one value",
		"decoding what became of a start",
		"no failure",
		"a failure of … bytes",
	},
	"only a faulty program in the daemon's place, or a client that is not this library, sends such messages": {
		"admitting a client",
		"admitting a client: …: it does not have the key",
		"it does not begin as this protocol does",
		"it looks for incarnation …, this is …",
		"it dialled …, this is …",
		"the hello is not in its deterministic form",
		"a hello of versions …-… from process …",
		"reading an error frame",
		"reading an error frame: …: it has no code",
		"malformed frame",
		"reading a … frame: …: …",
		"a … frame with flags … is not supported by this version of the protocol",
		"a nonce of … bytes in the challenge",
		"the challenge chose version … of …-…",
		"a welcome without a code",
		"welcome, but no version in common",
		"a welcome with a negative limit",
		"sending a …: …: … bytes, the limit is …",
		"sending a …",
		"waiting for a …",
		"a … frame instead of a …",
		"reading a shutdown",
		"reading a status request",
		"reading a going-away",
		"reading a … frame: …: … bytes, the limit is …",
		"reading a frame",
		"cbor: … at byte …",
		"… is not for the daemon",
		"call id … is not above …",
		"the item is cut short or malformed",
		"a buffer of … bytes",
		"more bytes than the buffer has",
		"another number of elements than was sent",
		"differences that the argument cannot have",
		"entries for a map that is nil",
		"nil instead of a value, or a value instead of nil",
		"the message is not an array of definite length",
		"… values are more than …",
		"the message has … values, want …",
		"… bytes follow the last value",
		"the tree is empty",
		"the tree has … errors, more than …",
		"node … refers to …",
		"node …",
		"unknown kind …",
		"the name of a type has more than … bytes",
		"… is no name of a type",
		"… is no name of a type, … is",
		"nested deeper than … levels",
		"… is no value of type …",
		"the item is cut short",
		"the tag's content is no value of type …",
		"… elements are no value of type …",
		"… elements, more than …",
		"the integer … overflows …",
		"a key that is no field's name",
		"… has no field …",
		"an empty value is not sent with omitempty",
		"… of the fields of … are missing",
		"a part is no float of … bytes of …",
		"the name of a type is no text of at most … bytes",
		"decoding …",
		"null is no error that an interface holds",
		"an error comes back as …, which is no …",
		"the key is there already",
		"the field is given twice",
		"the name of a type has more than … in each other",
		"a map with keys of type …",
		"an array of length …",
		"an array of … elements of type … is larger than an interface may hold",
	},
	"a program that cannot be described is compared with no other, see programLine": {
		"describing the running program",
		"describing the running program: it has no Go build ID",
		"describing the running program: it has no build information",
		"describing the running program: its file was replaced",
	},
	"this library never asks for it: a size or number has been checked before": {
		"encoding the endpoint: method … has the number …; the greatest is …",
		"encoding the endpoint: pid …, version … or protocol range …-… out of range",
		"naming the socket: incarnation …; give 1 to … letters, digits, - and _",
		"encoding what became of a start: a failure of … bytes; the limit is …",
		"a message of … bytes; the limit is …",
		"reporting to the parent: … bytes; the limit is …",
		"reporting to the parent: it was done before; report once",
		"starting a daemon: a payload of … bytes; the limit is …",
		"encoding …",
		"writing a … frame: this version does not send it",
		"writing a … frame: the deadline passed … ago",
		"writing the metadata of a … frame",
		"writing a … frame: …: … bytes of metadata, the limit is …",
		"writing a … frame: it carries a deadline, parent, target or metadata, which only a call may",
		"wire: a frame is sealed that has more than a deadline",
		"hashing the configuration of …",
		"it is not an array",
	},
	"between a daemon and the client that starts it: what another program has done to the start pipes": {
		"descriptor …",
		"descriptor … is not a pipe",
		"descriptor … is not the right end of a pipe",
		"the handle is not a pipe",
		"not of this version",
		"impossible descriptors",
		"the parent went away before it had sent everything",
		"reading the start pipe",
		"reporting to the parent",
	},
}
