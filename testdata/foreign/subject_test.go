package foreign

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"

	"github.com/loopgen/loopgen/rt"
)

// calls has, by method, what makes a call of it with random arguments and returns
// what came of it.
type calls[API any] map[string]func(object API, random *rand.Rand) []any

// do makes call n, the same in every process.
func (c calls[API]) do(object API, n uint64) (method string, results []any) {
	random := rand.New(rand.NewPCG(n, 0))
	methods := slices.Sorted(maps.Keys(c))
	method = methods[random.IntN(len(methods))]
	return method, c[method](object, random)
}

// A subject is a type that is shared.
type subject struct {
	// client connects to the object and returns what makes call n. That returns
	// in which way the results are not those of a local object, or the results if
	// there is nothing to compare them with.
	client   func(ctx context.Context, cfg rt.Config) (call func(n uint64) string, err error)
	compared bool
	// uncalled has the methods that are shared and never called.
	uncalled []string
}

// share returns the subject that share shares. Local makes the object of which
// each client makes all calls, its own and the other's, too; nil means none.
func share[API, C, P any](share func(rt.Config) *rt.Shared[C, P], local func() (API, error), calls calls[API]) subject {
	s := subject{compared: local != nil}
	s.client = func(ctx context.Context, cfg rt.Config) (func(uint64) string, error) {
		proxy, err := share(cfg).Proxy(ctx)
		if err != nil {
			return nil, err
		}
		shared := any(proxy).(API)
		if local == nil {
			return func(n uint64) string {
				_, results := calls.do(shared, n)
				return fmt.Sprint(results...)
			}, nil
		}
		object, err := local()
		if err != nil {
			return nil, err
		}
		next := uint64(0)
		return func(n uint64) string {
			for ; next < n; next++ {
				calls.do(object, next)
			}
			next++
			_, want := calls.do(object, n)
			method, got := calls.do(shared, n)
			if !slices.EqualFunc(got, want, equal) {
				return fmt.Sprintf("%s: got %#v, want %#v", method, got, want)
			}
			return ""
		}, nil
	}
	for method := range reflect.TypeFor[API]().Methods() {
		if calls[method.Name] == nil {
			s.uncalled = append(s.uncalled, method.Name)
		}
	}
	return s
}

// equal reports whether a result is as it should be. An error that cannot come
// back as itself has its text.
func equal(got, want any) bool {
	if remote, ok := got.(*rt.RemoteError); ok {
		err, ok := want.(error)
		return ok && remote.Error() == err.Error()
	}
	return reflect.DeepEqual(got, want)
}

// answer is a client in a process of its own: it makes the call for each number
// that it reads.
func (s subject) answer(ctx context.Context, cfg rt.Config, in io.Reader, out io.Writer) error {
	call, err := s.client(ctx, cfg)
	if err != nil {
		return err
	}
	numbers := bufio.NewScanner(in)
	for numbers.Scan() {
		var n uint64
		if _, err := fmt.Sscan(numbers.Text(), &n); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%q\n", call(n)); err != nil {
			return err
		}
	}
	return numbers.Err()
}
