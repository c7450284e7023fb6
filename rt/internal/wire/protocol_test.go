package wire_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// The tables of the specification are those of the code.
func TestProtocolTables(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "PROTOCOL.md"))
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for kind := wire.KindHello; kind <= 20; kind++ {
		rows = append(rows, fmt.Sprintf("| %d | %v |", kind, kind))
	}
	for code := wire.WelcomeOK; code <= wire.WelcomeNotAllowed; code++ {
		rows = append(rows, fmt.Sprintf("| %d | %v |", code, code))
	}
	for code := wire.FailureCanceled; code <= wire.FailureNotAllowed; code++ {
		rows = append(rows, fmt.Sprintf("| %d | %v |", code, code))
	}
	for _, row := range rows {
		if !strings.Contains(string(text), "\n"+row) && !strings.Contains(string(text), "\n  "+row) {
			t.Errorf("PROTOCOL.md has no row %s", row)
		}
	}
}
