package generator_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/loopgen/loopgen/generator"
)

// BenchmarkGenerate compares generating again with go list -e on the same package, whose
// generated file exists, both with warm caches.
func BenchmarkGenerate(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // as the command does
	root, err := filepath.Abs("..")
	if err != nil {
		b.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		b.Fatal(err)
	}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		b.Fatal(err)
	}
	b.Setenv("GOFLAGS", "-mod=mod")
	_, requirements, _ := strings.Cut(string(mod), "\ngo ")
	_, requirements, _ = strings.Cut(requirements, "\n")
	for _, bench := range []struct{ name, source string }{
		{"small", "package p\n\ntype T struct{ n int }\n\nfunc (t *T) Inc() int { t.n++; return t.n }\n"},
		{"http", "package p\n\nimport \"net/http\"\n\ntype T struct{}\n\nfunc (*T) Get(h http.Header) []*http.Cookie { return nil }\n"},
		{"program", "package main\n\nimport \"github.com/loopgen/loopgen/rt\"\n\ntype T struct{ n int }\n\nfunc (t *T) Inc() int { t.n++; return t.n }\n\n" +
			"func main() {\n\trt.ServeIfDaemon()\n\tShareT(rt.Config{})\n}\n"},
		{"shared", "package main\n\nimport \"github.com/loopgen/loopgen/rt\"\n\ntype T struct{ n int }\n\nfunc (t *T) Inc() int { t.n++; return t.n }\n\n" +
			"var shared = ShareT(rt.Config{})\n\nfunc main() { rt.ServeIfDaemon() }\n"},
		{"foreign", "package p\n\nimport (\"flag\"; \"math/big\"; \"net/http\")\n\ntype T struct { *http.Client; *flag.FlagSet; N big.Int }\n"},
		{"methods", "package p\n\ntype T struct{}\n\n" + methods(664)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			dir := b.TempDir()
			for name, content := range map[string]string{
				"p.go": bench.source,
				"go.mod": "module example.com/p\n\ngo 1.26\n" + requirements +
					"\nrequire github.com/loopgen/loopgen v0.0.0\n\nreplace github.com/loopgen/loopgen => " + root + "\n",
				"go.sum": string(sum),
			} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
					b.Fatal(err)
				}
			}
			once := func() generator.File {
				result, err := generator.Generate(b.Context(), generator.Options{Types: []string{"T"}, Dir: dir})
				if err != nil || len(result.Files) != 1 {
					b.Fatal(result, err)
				}
				return result.Files[0]
			}
			file := once() // warms the caches
			if err := os.WriteFile(file.Path, file.Content, 0o666); err != nil {
				b.Fatal(err)
			}
			var listing time.Duration
			for b.Loop() {
				once()
				b.StopTimer()
				runtime.GC()
				start := time.Now()
				list := exec.Command("go", "list", "-e", ".")
				list.Dir = dir
				if out, err := list.CombinedOutput(); err != nil {
					b.Fatalf("%v: %s", err, out)
				}
				listing += time.Since(start)
				b.StartTimer()
			}
			b.ReportMetric(float64(b.Elapsed())/float64(listing), "x/list")
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/generate")
			b.ReportMetric(float64(listing.Milliseconds())/float64(b.N), "ms/list")
		})
	}
}

// methods returns the source of n methods of various signatures.
func methods(n int) string {
	var s strings.Builder
	for i := range n {
		switch i % 4 {
		case 0:
			fmt.Fprintf(&s, "// M%d returns a number.\nfunc (*T) M%[1]d(key string) (int, error) { return 0, nil }\n\n", i)
		case 1:
			fmt.Fprintf(&s, "func (*T) M%d(all map[string][]int, rest ...float64) bool { return false }\n\n", i)
		case 2:
			fmt.Fprintf(&s, "func (*T) M%d() {}\n\n", i)
		case 3:
			fmt.Fprintf(&s, "func (*T) M%d(v struct{ A, B *int }) []struct{ C [2]string } { return nil }\n\n", i)
		}
	}
	return s.String()
}
