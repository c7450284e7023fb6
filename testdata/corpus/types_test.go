package corpus

import (
	"bufio"
	"go/parser"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/loopgen/loopgen/generator"
)

// corpusType is a line of types.txt or stores.txt.
type corpusType struct {
	name   string // "example.com/pkg.T[int]"
	path   string // of its package
	expr   string // the type where the package is called x
	make   string // makes a pointer to one
	title  string // the name and, if there are several, the way in which it is shared
	direct bool   // shared as it is, not embedded
	call   bool
	not    []string // methods not to be called
	after  string   // a method to be called after each other one, or ""
}

func readTypes(t *testing.T, path string) []corpusType {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list []corpusType
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		var c corpusType
		line, c.call = strings.CutPrefix(line, "call ")
		line, c.after, _ = strings.Cut(line, " then ")
		line, not, _ := strings.Cut(line, " but ")
		c.name, c.make, _ = strings.Cut(line, " = ")
		if not != "" {
			c.not = strings.Split(not, ", ")
		}
		c.title = c.name
		plain, args, generic := strings.Cut(c.name, "[")
		dot := strings.LastIndex(plain, ".")
		c.path, c.expr = plain[:dot], "x"+plain[dot:]
		if generic {
			c.expr += "[" + args
		}
		if c.make == "" {
			c.make = "new(" + c.expr + ")"
		}
		list = append(list, c)
	}
	return list
}

// bothWays returns each type twice: shared as it is, and embedded.
func bothWays(list []corpusType) []corpusType {
	var both []corpusType
	for _, c := range list {
		direct := c
		direct.direct = true
		direct.title += " -new " + c.constructor()
		c.title += embedded
		both = append(both, direct, c)
	}
	return both
}

// embedded ends the title of a type that is shared in another way as well.
const embedded = ", embedded"

var ofPackage = regexp.MustCompile(`\bx\.`)

// constructor is the argument of -new. The functions of the type's package need no
// qualifier in it, and the one that makes the object may return an error.
func (c *corpusType) constructor() string {
	expr := c.make
	if inner, ok := strings.CutPrefix(expr, "must("); ok {
		inner = strings.TrimSuffix(inner, ")")
		if _, err := parser.ParseExpr(inner); err == nil { // else must makes only a part of it
			expr = inner
		}
	}
	return ofPackage.ReplaceAllString(expr, "")
}

// options are those with which the type is generated as T.
func (c *corpusType) options() generator.Options {
	if c.direct {
		return generator.Options{Types: []string{c.name}, New: c.constructor(), Name: "T"}
	}
	return generator.Options{Types: []string{"T"}}
}

// helpers are the functions that types.txt and stores.txt may call.
var helpers = []struct{ call, imports, source string }{
	{"must(", "", `
func must[V any](v V, err error) V {
	if err != nil {
		panic(err)
	}
	return v
}
`},
	{"dir()", "import \"os\"\n", `
// dir returns a new directory, which the test removes.
func dir() string { return must(os.MkdirTemp("", "")) }
`},
}

// source is the package that T is generated into.
func (c *corpusType) source() string {
	imports, functions := "import x \""+c.path+"\"\n", ""
	for _, h := range helpers {
		if strings.Contains(c.make+functions, h.call) {
			imports, functions = imports+h.imports, functions+h.source
		}
	}
	if c.direct {
		return "package p\n\n" + imports + "\nfunc NewT() *" + c.expr + " { return " + c.make + " }\n" + functions
	}
	return "package p\n\n" + imports + "\ntype T struct{ *" + c.expr + " }\n\nfunc NewT() *T { return &T{" + c.make + "} }\n" + functions
}
