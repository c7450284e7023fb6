package stub

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// Packages fmt, json and log call some methods on their own, such as String. Through a
// proxy these methods must not panic, and the time for them is limited.

// ImplicitTimeout limits a proxy's calls of methods that fmt, json and log call on
// their own, such as String. With the wait for the daemon's answer such a call takes at
// most a second.
const ImplicitTimeout = 900 * time.Millisecond

// Text returns the result of a method such as String. If the call fails, it returns the
// error as package fmt would print it.
func Text(limit time.Duration, call func(context.Context) (string, error)) string {
	text, err := within(limit, call)
	if err != nil {
		return failureText(err)
	}
	return text
}

// Marshal returns the result of a method such as MarshalJSON.
func Marshal(limit time.Duration, call func(context.Context) ([]byte, error)) ([]byte, error) {
	return within(limit, call)
}

// LogValue returns the result of a method LogValue. If the call fails, it returns the
// error as text.
func LogValue(limit time.Duration, call func(context.Context) (slog.Value, error)) slog.Value {
	v, err := within(limit, call)
	if err != nil {
		return slog.StringValue(failureText(err))
	}
	return v
}

// Format calls a method Format. If the call fails, it writes the error into f: a
// fmt.Formatter cannot return one.
func Format(limit time.Duration, call func(context.Context, fmt.State, rune) error, f fmt.State, verb rune) {
	_, err := within(limit, func(ctx context.Context) (struct{}, error) { return struct{}{}, call(ctx, f, verb) })
	if err != nil {
		f.Write([]byte(failureText(err)))
	}
}

func within[T any](limit time.Duration, call func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return call(ctx)
}

func failureText(err error) string { return "%!v(" + err.Error() + ")" }
