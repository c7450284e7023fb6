//go:build unix

package rundir

import (
	"path/filepath"
	"strings"
	"testing"
)

// The SHA-256 sums of these two names agree in their first 32 bits, and so do the
// readable ends of the names.
const (
	oneTenant     = "/srv/tenants/46324/projects/state/cache.db"
	anotherTenant = "/srv/tenants/131574/projects/state/cache.db"
)

func TestNamesWithEqualShortHashesHaveTwoDirectories(t *testing.T) {
	if digest(8, oneTenant) != digest(8, anotherTenant) || label(oneTenant) != label(anotherTenant) {
		t.Fatal("the two names no longer collide")
	}
	base := t.TempDir()
	one, err := Open(base, oneTenant)
	if err != nil {
		t.Fatal(err)
	}
	another, err := Open(base, anotherTenant)
	if err != nil {
		t.Fatal(err)
	}
	if one.Path() == another.Path() {
		t.Errorf("%q and %q share the directory %s", oneTenant, anotherTenant, one.Path())
	}
	if one, another := ProjectBaseDir(base, oneTenant), ProjectBaseDir(base, anotherTenant); one == another {
		t.Errorf("the projects %q and %q share the base directory %s", oneTenant, anotherTenant, one)
	}
	if n := len(HostID()); n != hashDigits {
		t.Errorf("HostID has %d digits, want %d", n, hashDigits)
	}
}

// With the longest label and a home of 26 bytes, as /home/firstname.lastname12, the
// socket's path still fits where there is no runtime directory.
func TestSocketOfLongNameFitsBelowHome(t *testing.T) {
	base := t.TempDir()
	d, err := Open(base, strings.Repeat("n", 300))
	if err != nil {
		t.Fatal(err)
	}
	home := "/home/" + strings.Repeat("h", 20)
	d.path = filepath.Join(home, ".cache", "loopgen", HostID(), filepath.Base(d.path))
	if path, err := d.SocketPath("0123456789abcdef"); err != nil || len(path) != maxSocketPath {
		t.Errorf("%q has %d bytes, %v; want %d", path, len(path), err, maxSocketPath)
	}
}
