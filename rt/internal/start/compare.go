package start

import (
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// Structure returns the structure of the type arguments of an instance, which clients
// compare besides the names: the text, or its hash if the text is too long for the
// endpoint. It may be called concurrently.
func Structure(svc *stub.Service) string {
	text := svc.Structure()
	if len(text) > 8<<10 {
		return wire.SignatureHash(text)
	}
	return text
}

// Replacing returns the advice how to replace a daemon of another version of the type, as
// the end of an error's text. It may be called concurrently.
func Replacing(scope, name string) string {
	if scope == ScopeSystem {
		return "whoever runs the service builds it from the same source and starts it again (as in: systemctl restart " + name + ")"
	}
	return "Shared.Restart replaces it by one of this program"
}
