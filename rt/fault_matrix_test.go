package rt_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// faults is the fault matrix: the faults of a program that shares an object. The key is
// the id that begins the comment of the fault's test.
var faults = map[string]string{
	// A: a daemon starts.
	"A01": "hundreds of clients at once, and no daemon yet",
	"A02": "a constructor that takes its time",
	"A03": "a constructor that takes more time than there is",
	"A04": "a constructor that returns an error",
	"A05": "a constructor that panics",
	"A06": "a constructor that ends the process",
	"A07": "a constructor that prints a megabyte",
	"A09": "a program that never calls ServeIfDaemon",
	"A10": "such a program that opens the object while it is the daemon",
	"A11": "the daemon's marker in the environment of an ordinary program",
	"A12": "the client is killed or stopped while it starts a daemon",
	"A15": "the daemon is killed while it starts",
	"A16": "two daemons start at once",
	"A17": "no process can be started",
	"A18": "a client without file descriptors to spare",
	"A19": "no room on the disk",
	"A22": "a read-only file system",
	"A25": "the program's file is replaced or removed",
	"A26": "programs of go run and go test, whose files are soon removed",
	"A29": "a umask that hides nothing",
	"A30": "names that are paths, long, or not text",
	// B: files are not as they should be.
	"B01": "a directory of somebody else",
	"B02": "a directory open to others",
	"B03": "a directory that is a symbolic link",
	"B04": "a runtime directory that cannot be used",
	"B05": "clients with different runtime directories",
	"B06": "an endpoint file that is damaged, or no file",
	"B08": "the endpoint file of a daemon that was killed",
	"B10": "the directory is removed",
	"B12": "the endpoint file is removed",
	"B13": "the socket is removed",
	"B15": "a path too long for a socket",
	"B16": "a log that is full, huge, a link, or removed",
	// C: somebody connects.
	"C01": "a stranger listens where a killed daemon did",
	"C03": "a client with another key",
	"C04": "a handshake sent again",
	"C06": "a handshake that is cut or damaged",
	"C07": "browsers and other clients of other protocols",
	"C08": "hundreds of slow strangers",
	"C09": "a silent stranger",
	"C10": "a port scanner",
	"C11": "another user",
	"C16": "the daemon is stopped",
	"C18": "a daemon without file descriptors to spare",
	"C19": "too many clients",
	"C20": "a client of another version",
	"C21": "two programs with the same type",
	"C22": "two programs with different arguments",
	// D: calls are made.
	"D01": "the daemon is killed in a call",
	"D03": "a method that does not return",
	"D04": "a method that hangs",
	"D05": "the caller gives up before its turn",
	"D06": "the caller gives up in its turn",
	"D07": "a client is killed while its calls wait",
	"D10": "a client that does not read, or sends too much",
	"D11": "a frame that is said to be enormous",
	"D12": "a frame that hardly arrives",
	"D13": "arguments that are malformed",
	"D15": "arguments that are too large",
	"D16": "results that cannot travel",
	"D17": "no such method, or other parameters",
	"D19": "a thousand callers on a connection",
	"D21": "a method that calls its own object",
	"D23": "calls after Close",
	// E: the daemon leaves, or stays for long.
	"E01": "clients that come just when the idle time is over",
	"E02": "nobody ever comes",
	"E03": "a shutdown while calls wait",
	"E04": "SIGTERM, and SIGTERM again",
	"E06": "signals of the terminal",
	"E08": "the process group of the client is killed",
	"E09": "an object whose Close hangs or panics",
	"E11": "the clock is set",
	"E14": "a shell that waits for the end of the output",
	"E17": "the client's directory is removed",
	"E19": "a daemon dies under the process that started it",
	"E20": "thousands of lives and connections",
	"E21": "a hundred objects at once",
}

// Every fault has a test, and every id of a test is in the matrix.
func TestEveryFaultHasATest(t *testing.T) {
	tests := faultTests(t)
	for id, names := range tests {
		if faults[id] == "" {
			t.Errorf("%s are tests of %s, which is not in the table", names, id)
		}
	}
	for id, what := range faults {
		if len(tests[id]) == 0 {
			t.Errorf("no test of %s: %s", id, what)
		}
	}
}

// faultTests returns the names of the tests of each fault, by its id.
func faultTests(t *testing.T) map[string][]string {
	t.Helper()
	tests := map[string][]string{}
	comment := regexp.MustCompile(`(?m)^// ([A-Z]\d\d)\. .*\n(?://.*\n)*func (Test\w+)`)
	for _, source := range testSources(t) {
		for _, m := range comment.FindAllSubmatch(source, -1) {
			tests[string(m[1])] = append(tests[string(m[1])], string(m[2]))
		}
	}
	return tests
}

// A test that a document or a comment names exists. The name may be the beginning of
// several, as it may be for go test -run.
func TestNamedTestsExist(t *testing.T) {
	documents, err := filepath.Glob("*.md")
	if err != nil || len(documents) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	sources, texts := testSources(t), map[string][]byte{}
	comment := regexp.MustCompile(`(?m)^\s*//.*$`)
	var all []byte
	for name, source := range sources {
		all = append(all, source...)
		texts[name] = bytes.Join(comment.FindAll(source, -1), nil)
	}
	for _, name := range documents {
		if texts[name], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	test := regexp.MustCompile(`\bTest[A-Z]\w+`)
	for file, text := range texts {
		for _, name := range test.FindAllString(string(text), -1) {
			if !bytes.Contains(all, []byte("func "+name)) {
				t.Errorf("%s names %s, and there is no such test", file, name)
			}
		}
	}
}

// testSources returns the files that hold tests, by path.
func testSources(t *testing.T) map[string][]byte {
	t.Helper()
	sources := map[string][]byte{}
	for _, pattern := range []string{"*_test.go", "internal/*/*_test.go", "../cmd/loopgen/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no files match %s: %v", pattern, err)
		}
		for _, file := range files {
			if sources[file], err = os.ReadFile(file); err != nil {
				t.Fatal(err)
			}
		}
	}
	return sources
}
