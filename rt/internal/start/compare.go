package start

import (
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// Structure is what clients compare the type arguments of an instance by, besides
// their names: the text, or its hash where it is too long for the endpoint.
func Structure(svc *stub.Service) string {
	text := svc.Structure()
	if len(text) > 8<<10 {
		return wire.SignatureHash(text)
	}
	return text
}

// Replacing says how to get a daemon of another version of the type.
func Replacing(scope, name string) string {
	if scope == ScopeSystem {
		return "whoever runs the service builds it from the same source and starts it again (as in: systemctl restart " + name + ")"
	}
	return "Shared.Restart replaces it by one of this program"
}
