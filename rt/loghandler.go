package rt

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/loopgen/loopgen/rt/internal/usercode"
)

// logHandler is the handler of a Config.Logger, which is code of the program, as
// are the methods of the values that it formats. It is called with locks held that
// others wait for, such as spawn.lock, so each of its methods runs on a goroutine
// of its own. One that does not return within a second is left to itself.
type logHandler struct{ slog.Handler }

func (h logHandler) Enabled(ctx context.Context, level slog.Level) bool {
	enabled, err := usercode.RunUntil(time.Now().Add(usercode.Limit), func() bool { return h.Handler.Enabled(ctx, level) })
	h.report(err)
	return enabled
}

func (h logHandler) Handle(ctx context.Context, r slog.Record) error {
	failed, err := usercode.RunUntil(time.Now().Add(usercode.Limit), func() error { return h.Handler.Handle(ctx, r) })
	h.report(err)
	return failed
}

func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return logHandler{h.Handler.WithAttrs(attrs)}
}

func (h logHandler) WithGroup(name string) slog.Handler {
	return logHandler{h.Handler.WithGroup(name)}
}

// report says on standard error why a line is not in the log.
func (h logHandler) report(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "loopgen: the handler of Config.Logger %v\n", err)
	}
}
