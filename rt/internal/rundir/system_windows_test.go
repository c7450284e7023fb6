package rundir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/windows"
)

func TestUnhindered(t *testing.T) {
	for _, test := range []struct {
		failures []error
		want     error
	}{
		{nil, nil},
		{[]error{windows.ERROR_SHARING_VIOLATION, windows.ERROR_ACCESS_DENIED}, nil},
		{[]error{&fs.PathError{Op: "rename", Err: windows.ERROR_SHARING_VIOLATION}}, nil},
		{[]error{windows.ERROR_SHARING_VIOLATION, windows.ERROR_DISK_FULL, nil}, windows.ERROR_DISK_FULL},
	} {
		tries := 0
		err := unhindered(func() error {
			tries++
			if tries <= len(test.failures) {
				return test.failures[tries-1]
			}
			return nil
		})
		if !errors.Is(err, test.want) {
			t.Errorf("%v: got %v, want %v", test.failures, err, test.want)
		}
	}
	tries := 0
	err := unhindered(func() error { tries++; return windows.ERROR_SHARING_VIOLATION })
	if !errors.Is(err, windows.ERROR_SHARING_VIOLATION) || tries < 2 {
		t.Errorf("a file that stays open: %v after %d tries", err, tries)
	}
}

// tempDir is T.TempDir without os.RemoveAll, which wine 8 cannot do.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "rundir")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		var paths []string
		filepath.WalkDir(dir, func(path string, _ fs.DirEntry, _ error) error { paths = append(paths, path); return nil })
		for _, path := range slices.Backward(paths) {
			if err := os.Remove(path); err != nil {
				t.Error(err)
			}
		}
	})
	return dir
}

// replace succeeds as soon as the reader has closed the file.
func TestReplaceWhileRead(t *testing.T) {
	dir := tempDir(t)
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := replaceFile(root, "endpoint", []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.Open(filepath.Join(dir, "endpoint"))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- replaceFile(root, "endpoint", []byte("new"), 0o600) }()
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "endpoint")); string(got) != "new" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// Only this user has access to a new directory and to the files in it, even if the directory
// above grants more.
func TestAccess(t *testing.T) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(tempDir(t), "made")
	if err := makeDir(path); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(path, "endpoint")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// Wine keeps modes in place of access lists, and those are not inherited.
	wine := windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil
	for _, name := range []string{path, file} {
		sd, err := windows.GetNamedSecurityInfo(name, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
		if err != nil {
			t.Fatal(err)
		}
		text := sd.String()
		if name == file && wine {
			continue
		}
		if name == path && !wine && !strings.HasPrefix(text, "D:P") {
			t.Errorf("%s inherits from above: %s", name, text)
		}
		for entry := range strings.SplitSeq(text[strings.Index(text, "(")+1:], "(") {
			if who := strings.TrimSuffix(entry[strings.LastIndex(entry, ";")+1:], ")"); who != user.User.Sid.String() && who != "SY" {
				t.Errorf("%s lets %s in: %s", name, who, text)
			}
		}
	}
}
