package process

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// OwnProgram finds the build ID that the go command finds. FromGoCommand is true in a test
// binary.
func TestOwnProgram(t *testing.T) {
	needsGo(t)
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "tool", "buildid", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	p, err := OwnProgram()
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.TrimSpace(string(out)); p.Content != want {
		t.Errorf("the build ID is %q, want %q", p.Content, want)
	}
	if want := "github.com/loopgen/loopgen/rt/internal/process.test"; p.Main != want {
		t.Errorf("the main package is %q, want %q", p.Main, want)
	}
	if info, err := os.Stat(path); err != nil || !p.Modified.Equal(info.ModTime()) {
		t.Errorf("it was modified at %v; the file says %v, %v", p.Modified, info.ModTime(), err)
	}
}

// The build ID is found in the executables of every system, and in one from the linker for
// C.
func TestBuildIDOfOtherSystems(t *testing.T) {
	needsGo(t)
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":  "module example.com/m\n",
		"main.go": "package main\n\nfunc main() {}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, system := range []string{"linux/amd64", "windows/amd64", "darwin/arm64"} {
		goos, goarch, _ := strings.Cut(system, "/")
		path := filepath.Join(dir, goos)
		build := exec.Command("go", "build", "-o", path)
		build.Dir = dir
		build.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0", "GOFLAGS=")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		out, err := exec.Command("go", "tool", "buildid", path).Output()
		if err != nil {
			t.Fatal(err)
		}
		head, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := goBuildID(head[:buildIDWithin]), strings.TrimSpace(string(out)); got != want {
			t.Errorf("%s: the build ID is %q, want %q", system, got, want)
		}
	}
}

func TestGoBuildIDOfNothing(t *testing.T) {
	for _, head := range []string{
		"", "\x7fELF", "\x7fELF\x04\x00\x00\x00Go\x00\x00", "\x7fELF\xff\xff\xff\xff\x04\x00\x00\x00Go\x00\x00id", "\xff Go build ID: \"id",
	} {
		if id := goBuildID([]byte(head)); id != "" {
			t.Errorf("%q has the build ID %q", head, id)
		}
	}
}

func TestProgramSame(t *testing.T) {
	for _, test := range []struct {
		a, b string
		same bool
	}{
		{"in/a/b/out", "in/a/b/out", true},
		{"in/a/b/out", "in/a/b/out2", true}, // by a linker that is not deterministic
		{"in/a/b/out", "in2/a/b/out", true},
		{"in/a/b/out", "in2/a/b/out2", false},
	} {
		if same := (Program{Content: test.a}).Same(Program{Content: test.b}); same != test.same {
			t.Errorf("%s and %s: %v, want %v", test.a, test.b, same, test.same)
		}
	}
}

func TestFromGoCommand(t *testing.T) {
	hash := strings.Repeat("0a", 32)
	for path, want := range map[string]bool{
		"/tmp/go-build3910432220/b001/exe/app":                   true,
		"/tmp/go-build3910432220/b001/app.test":                  true,
		"/home/ann/.cache/go-build/0a/" + hash + "-d/app":        true,
		"/home/ann/.cache/go-build/0b/" + hash + "-d/app":        false,
		"/home/ann/.cache/go-build/0a/" + hash[:62] + "xx-d/app": false,
		"/home/ann/.cache/go-build/0a/0a-d/app":                  false,
		"/home/ann/go/bin/app":                                   false,
		"/home/ann/go-build/app":                                 false,
		"/home/ann/go-build/b001/exe/app":                        false,
		"/tmp/go-build3910432220/exe/app":                        false,
		"/tmp/go-build3910432220/b/exe/app":                      false,
		"app":                                                    false,
		"":                                                       false,
	} {
		if got := fromGoCommand(filepath.FromSlash(path)); got != want {
			t.Errorf("%q: %v, want %v", path, got, want)
		}
	}
}

// needsGo skips a test where the go command is missing, as under wine.
func needsGo(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("needs the go command")
	}
}
