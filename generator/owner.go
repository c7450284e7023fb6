package generator

import (
	"fmt"
	"go/types"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/module"

	"github.com/loopgen/loopgen/generator/internal/check"
	"github.com/loopgen/loopgen/generator/internal/load"
)

// A generated file belongs to the type that its first line names. It is replaced only
// by the file of that type, or when that type is gone.

// claims are the paths that one run writes, in lower case, and their types.
type claims map[string]*check.TypeSpec

// claim reports whether path may be written for s. If not, it reports the reason.
func (s *shared) claim(r *check.Reporter, o *Options, path string, taken claims) bool {
	bad := func(reason, remedy string) bool {
		r.Report(Error, s.Pos, s.TypeName(), reason, remedy)
		return false
	}
	name := filepath.Base(path)
	if reason := fileNameProblem(name); reason != "" {
		return bad(fmt.Sprintf("its file would be %q: %s", name, reason), "name the file with -output")
	}
	if c := load.Constraint(name, ""); c != "" {
		if build := load.Uncovered(s.Constraint, []string{c}); build != "" {
			return bad(fmt.Sprintf("-output: the go command leaves %s out of a build for %s, because of its name", name, build), "give another name")
		}
	}
	if load.HandWritten(path) {
		return bad(path+" exists and was not written by loopgen", "move it away or give another file with -output "+freeName(path))
	}
	if other := taken[strings.ToLower(path)]; other != nil {
		return bad("its file would be "+name+", which is that of "+other.Text, "run loopgen for it alone, with "+s.separate(o, other))
	}
	taken[strings.ToLower(path)] = s.Spec
	owners := ownersOf(s.Src, path)
	if len(owners) > 0 && !slices.ContainsFunc(owners, s.owns) {
		if i := slices.IndexFunc(owners, func(spec *check.TypeSpec) bool { return mayExist(s.Src, spec) }); i >= 0 {
			how := s.separate(o, owners[i])
			if len(o.Types) > 1 {
				how = "run loopgen for it alone, with " + how
			} else {
				how = "give it another with " + how
			}
			return bad("its file would be "+name+", which was generated for "+owners[i].Text, how+", or remove "+name+" if "+owners[i].Text+" is no longer shared")
		}
	}
	for _, other := range load.GoFiles(filepath.Dir(path)) {
		if base := filepath.Base(other); base != name && strings.EqualFold(base, name) {
			return bad("its file would be "+name+", which differs from "+base+" only in case, and the go command refuses both in one package", "give another file with -output "+freeName(path)+", or remove "+base)
		}
	}
	return true
}

// fileNameProblem says why a Go file of this name is not part of its package or
// cannot be part of a module, or returns "".
func fileNameProblem(name string) string {
	first, _ := utf8.DecodeRuneInString(name)
	switch {
	case first == '_' || first == '.':
		return "the go command ignores files whose names begin with " + string(first)
	case first < utf8.RuneSelf && !unicode.IsLetter(first) && !unicode.IsDigit(first):
		return fmt.Sprintf("the go command refuses files whose names begin with %q", first)
	}
	if err := module.CheckFilePath(name); err != nil {
		reason := err.Error()
		if i := strings.LastIndex(reason, ": "); i >= 0 {
			reason = reason[i+2:]
		}
		return "the go command refuses such a file in a module: " + reason
	}
	return ""
}

// ownersOf returns the types that the file at path was generated for, as its first line
// says: one, unless a run for several types gave the file another name than it has.
func ownersOf(src *check.Source, path string) []*check.TypeSpec {
	o := optionsOf(load.FirstLine(path))
	specs := check.SpecsOf(o.types())
	named := slices.DeleteFunc(slices.Clone(specs), func(spec *check.TypeSpec) bool {
		return filepath.Base(outputPath(src, o, spec)) != filepath.Base(path)
	})
	if len(named) > 0 {
		return named
	}
	return specs
}

// optionsOf reads the flags that name types and files from the first line of a
// generated file.
func optionsOf(line string) *Options {
	o := new(Options)
	rest, _ := strings.CutPrefix(line, load.Header)
	flag := ""
	for rest != "" {
		word, after, _ := strings.Cut(rest, " ")
		if quoted, err := strconv.QuotedPrefix(rest); err == nil {
			word, _ = strconv.Unquote(quoted)
			after = strings.TrimPrefix(rest[len(quoted):], " ")
		}
		last := strings.HasSuffix(strings.TrimSpace(word), `";`)
		word, _, _ = strings.Cut(word, `";`)
		switch flag {
		case "-type":
			o.Types = []string{word}
		case "-name":
			o.Name = word
		case "-output":
			o.Output = word
		}
		if flag, rest = word, after; last {
			break
		}
	}
	return o
}

// owns reports whether spec names the type of s.
func (s *shared) owns(spec *check.TypeSpec) bool {
	own := s.Src.IsOwn(spec.Path) && s.Src.IsOwn(s.Spec.Path)
	unspaced := strings.NewReplacer(" ", "")
	return spec.Name == s.Spec.Name && (own || spec.Path == s.Spec.Path) && unspaced.Replace(spec.Args) == unspaced.Replace(s.Spec.Args)
}

// mayExist reports whether spec may name a type. A type of another package may always
// exist.
func mayExist(src *check.Source, spec *check.TypeSpec) bool {
	if !src.IsOwn(spec.Path) {
		return true
	}
	if _, ok := src.Types.Scope().Lookup(spec.Name).(*types.TypeName); ok {
		return true
	}
	at, _ := src.Builds.TypeLeftOut(spec.Name)
	return at.IsValid()
}

// separate returns the flag that gives the file of s another name than the file for
// other has. If the generated names are the same, too, the flag changes them as well.
func (s *shared) separate(o *Options, other *check.TypeSpec) string {
	base := s.Spec.Base(o.Name)
	if base != other.Name {
		for i := 2; ; i++ {
			name := outputName(base + strconv.Itoa(i))
			if !load.Exists(filepath.Join(s.Src.Dir, name)) {
				return "-output " + name
			}
		}
	}
	if s.Spec.Args == "" && s.Foreign() {
		var letters strings.Builder
		for _, c := range load.LikelyName(s.Spec.Path) {
			if unicode.IsLetter(c) {
				letters.WriteRune(c)
			}
		}
		return "-name " + check.UpperFirst(letters.String()) + base
	}
	return "-name " + base + "2"
}

// freeName returns the name of a file that does not exist beside the one at path.
func freeName(path string) string {
	base := strings.TrimSuffix(strings.TrimSuffix(path, ".go"), "_loop")
	for {
		base += "_shared"
		if !load.Exists(base + "_loop.go") {
			return filepath.Base(base) + "_loop.go"
		}
	}
}
