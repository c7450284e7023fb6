package inspect

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// unitDirs are the directories where systemd looks for units, the first one first.
var unitDirs = []string{"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"}

// unit is a unit file: the last value of each key.
type unit struct {
	path   string
	values map[string]string
}

// readUnit reads a unit and its drop-ins. It returns nil if there is no unit.
func readUnit(dirs []string, name string) *unit {
	var u *unit
	for _, dir := range dirs {
		if text, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
			u = &unit{filepath.Join(dir, name), make(map[string]string)}
			u.parse(string(text))
			break
		}
	}
	if u == nil {
		return nil
	}
	for _, dir := range dirs {
		parts, _ := filepath.Glob(filepath.Join(dir, name+".d", "*.conf"))
		for _, part := range parts {
			if text, err := os.ReadFile(part); err == nil {
				u.parse(string(text))
			}
		}
	}
	return u
}

func (u *unit) parse(text string) {
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok && !strings.HasPrefix(key, "#") && !strings.HasPrefix(key, ";") {
			u.values[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
}

// systemdRuns reports whether systemd is the service manager.
func systemdRuns() bool {
	info, err := os.Stat("/run/systemd/system")
	return err == nil && info.IsDir()
}

// units compares the units of a service with the directory that clients use. A service is
// expected in the unit of its name.
func (x *examination) units(d *Daemon, dirs []string) {
	service, socket := readUnit(dirs, d.Name+".service"), readUnit(dirs, d.Name+".socket")
	if service == nil {
		x.add(d, fmt.Sprintf("systemd has no unit %s.service that would start it", d.Name), "sudo systemctl edit --full --force "+d.Name+".service")
		return
	}
	edit := func(u *unit, format string, args ...any) {
		x.add(d, u.path+fmt.Sprintf(format, args...), "sudo systemctl edit "+filepath.Base(u.path))
	}
	directory := "loopgen/" + d.Name
	if d.Dir == "/run/"+directory {
		switch value := service.values["RuntimeDirectory"]; {
		case value != directory:
			edit(service, " has RuntimeDirectory=%s; clients look in %s: set RuntimeDirectory=%s", value, d.Dir, directory)
		case socket != nil && service.values["RuntimeDirectoryPreserve"] != "yes":
			edit(service, " lets systemd remove the socket when the service exits: set RuntimeDirectoryPreserve=yes")
		}
	}
	if socket != nil && socket.values["ListenStream"] != filepath.Join(d.Dir, "socket") {
		edit(socket, " has ListenStream=%s, where no client looks: set ListenStream=%s", socket.values["ListenStream"], filepath.Join(d.Dir, "socket"))
	}
	if socket != nil && socket.values["SocketMode"] != "" && !strings.HasSuffix(socket.values["SocketMode"], "666") {
		edit(socket, " has SocketMode=%s, so that other users cannot connect: set SocketMode=0666", socket.values["SocketMode"])
	}
	if !d.Lives() && socket == nil {
		x.add(d, "the service does not run", "sudo systemctl start "+d.Name+".service")
	}
}
