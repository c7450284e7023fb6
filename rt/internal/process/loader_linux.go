package process

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Keys of the auxiliary vector: getauxval(3).
const (
	atPhdr   = 3
	atPhent  = 4
	atPhnum  = 5
	atBase   = 7
	atSecure = 23
	atExecfn = 31
)

// ptInterp is the type of the program header that names the dynamic loader: elf(5).
const ptInterp = 3

// auxiliary returns the auxiliary vector that the kernel, or the dynamic loader, gave this
// program. It is empty in a library for C, which is not the program.
var auxiliary = sync.OnceValue(func() map[uintptr]uintptr {
	values, _ := unix.Auxv()
	m := make(map[uintptr]uintptr, len(values))
	for _, v := range values {
		m[v[0]] = v[1]
	}
	return m
})

// pointer returns an address in the vector as a pointer. The memory is not Go's and never
// moves.
func pointer(address uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&address)) }

// executedPath returns the path that was executed, as it was given: it may be relative. It
// fails in a program with more rights than the user that started it: that user chose the
// path and can make it lead to another file.
func executedPath() (string, error) {
	aux := auxiliary()
	switch {
	case aux[atExecfn] == 0:
		return "", errors.New("the kernel did not tell its path")
	case aux[atSecure] != 0 || os.Getuid() != os.Geteuid() || os.Getgid() != os.Getegid():
		return "", errors.New("it has more rights than the user that started it")
	}
	return unix.BytePtrToString((*byte)(pointer(aux[atExecfn]))), nil
}

// throughLoader reports whether the dynamic loader was executed, with this program as an
// argument. Then this program names a loader, but the kernel has loaded none, because for
// the kernel the loader is the program.
var throughLoader = sync.OnceValue(func() bool {
	aux := auxiliary()
	if aux[atBase] != 0 || aux[atPhdr] == 0 {
		return false
	}
	for i := range aux[atPhnum] { // p_type comes first in 32 and 64 bits
		if *(*uint32)(pointer(aux[atPhdr] + i*aux[atPhent])) == ptInterp {
			return true
		}
	}
	return false
})

// mappedFile returns the path of the file that this program was loaded from. It fails if
// another file has that path by now.
func mappedFile() (string, error) {
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return "", err
	}
	defer maps.Close()
	address := uint64(auxiliary()[atPhdr])
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		// first-last permissions offset major:minor inode path
		fields := strings.SplitN(lines.Text(), " ", 6)
		if len(fields) < 6 {
			continue
		}
		first, last, _ := strings.Cut(fields[0], "-")
		from, err1 := strconv.ParseUint(first, 16, 64)
		to, err2 := strconv.ParseUint(last, 16, 64)
		if err1 != nil || err2 != nil || address < from || address >= to {
			continue
		}
		path := strings.TrimLeft(fields[5], " ")
		var stat unix.Stat_t
		err := unix.Stat(path, &stat)
		device := fmt.Sprintf("%02x:%02x", unix.Major(stat.Dev), unix.Minor(stat.Dev))
		if err == nil && (device != fields[3] || strconv.FormatUint(stat.Ino, 10) != fields[4]) {
			err = errors.New("it is another file")
		}
		if err != nil {
			return "", fmt.Errorf("it was started through the dynamic loader from %s, which was replaced or removed: %w; start it again, or name the program in Config.Command", path, err)
		}
		return path, nil
	}
	return "", errors.New("it was started through the dynamic loader, and its file is not known; start it without, or name the program in Config.Command")
}
