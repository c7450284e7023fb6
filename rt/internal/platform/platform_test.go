package platform_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

const path = "github.com/loopgen/loopgen/rt/internal/platform"

// unsupported are the systems of Go, as GOOS/GOARCH, of which this package tells
// that rt is not for them.
var unsupported = []string{"openbsd/amd64", "js/wasm", "wasip1/wasm", "solaris/amd64", "illumos/amd64", "aix/ppc64", "plan9/amd64"}

func TestUnsupportedSystemsAreToldWhichAreSupported(t *testing.T) {
	message := regexp.MustCompile(`^# ` + path + `\n\S*unsupported.go:\d+:\d+: undefined: loopgen_supports_linux_darwin_freebsd_and_windows_only\n$`)
	for _, system := range unsupported {
		cmd := exec.Command("go", "build", ".")
		cmd.Env = append(cmd.Environ(), "GOOS="+filepath.Dir(system), "GOARCH="+filepath.Base(system))
		out, err := cmd.CombinedOutput()
		if err == nil || !message.Match(out) {
			t.Errorf("go build for %s: got %v and\n%swant an error and\n%v", system, err, out, message)
		}
	}
}

// A package that is compiled before this one would report errors of its own.
func TestPackagesForParticularSystemsImportPlatform(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,IgnoredGoFiles,Imports,Deps", "../../...").Output()
	if err != nil {
		t.Fatal(err)
	}
	type listed struct {
		ImportPath                    string
		IgnoredGoFiles, Imports, Deps []string
	}
	particular := 0
	for list := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := list.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if p.ImportPath == path || len(p.IgnoredGoFiles) == 0 && !slices.Contains(p.Imports, "syscall") {
			continue
		}
		particular++
		if !slices.Contains(p.Deps, path) {
			t.Errorf("%s has files for particular systems %v, or imports syscall, and does not import %s", p.ImportPath, p.IgnoredGoFiles, path)
		}
	}
	if particular == 0 {
		t.Error("no package has files for particular systems")
	}
}
