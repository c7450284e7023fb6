package load

import (
	"context"
	"errors"
	"fmt"
	"go/build"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/tools/go/packages"
)

// listMode asks which files the package has. Its types are checked here, not
// by go/packages: that would have the go command compile the package, each
// time it changed, only for export data that nobody reads.
const listMode = packages.NeedName | packages.NeedFiles | packages.NeedModule

// list asks the go command which files the package has. Each file that loopgen wrote
// holds a package clause only.
func (p *Package) list(ctx context.Context) (*packages.Package, error) {
	cfg := &packages.Config{Context: ctx, Mode: listMode, Dir: p.config.Dir, Fset: p.Fset, Overlay: make(map[string][]byte)}
	if len(p.Earlier) > 0 {
		clause := []byte(packageClause(p.Dir))
		for _, path := range p.Earlier {
			cfg.Overlay[path] = clause
		}
		env, remove, err := overlayEnv(ctx, p.Dir)
		if err != nil {
			return nil, err
		}
		defer remove()
		cfg.Env = env
	}
	return listOne(cfg, p.config.Pattern)
}

// listOne lists the one package that pattern names.
func listOne(cfg *packages.Config, pattern string) (*packages.Package, error) {
	pkgs, err := packages.Load(cfg, pattern)
	if cfg.Context.Err() != nil {
		err = cfg.Context.Err() // which go/packages does not wrap
	}
	if err != nil {
		// The message of the go command itself comes last.
		if _, said, ok := strings.Cut(err.Error(), "stderr: "); ok && said != "" {
			err = errors.New(strings.TrimSpace(said))
			if proposesCommand(said) {
				err = errIncomplete
			}
		}
		return nil, fmt.Errorf("loading package %s: %w", pattern, err)
	}
	if len(pkgs) != 1 {
		return nil, fmt.Errorf("loading package %s: it matches %d packages: give one", pattern, len(pkgs))
	}
	pkg := pkgs[0]
	if pkg.Name == "" || len(pkg.GoFiles) == 0 {
		switch {
		case len(pkg.Errors) == 0:
			return nil, fmt.Errorf("loading package %s: it has no Go files for this platform", pattern)
		case proposesCommand(pkg.Errors[0].Msg):
			return nil, fmt.Errorf("loading package %s: go.mod or go.sum lacks its module: %s", pattern, runTidy)
		}
		return nil, fmt.Errorf("loading package %s: %s", pattern, strings.TrimSpace(pkg.Errors[0].Msg))
	}
	return pkg, nil
}

// packageDir returns the absolute directory of the package, which must be
// known before it is listed so that earlier output can be left out.
func packageDir(ctx context.Context, dir, pattern string) (string, error) {
	base, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("finding the working directory: %w", err)
	}
	var path string
	switch {
	case filepath.IsAbs(pattern):
		path = filepath.Clean(pattern)
	case build.IsLocalImport(filepath.ToSlash(pattern)):
		path = filepath.Join(base, pattern)
	default:
		pkg, err := listOne(&packages.Config{Context: ctx, Mode: packages.NeedName | packages.NeedFiles, Dir: dir}, pattern)
		if err != nil {
			return "", err
		}
		path = filepath.Dir(pkg.GoFiles[0])
	}
	if info, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("finding package %s: %w", pattern, err)
	} else if !info.IsDir() {
		return "", fmt.Errorf("%s is a file: give the directory or import path of its package", pattern)
	}
	return path, nil
}
