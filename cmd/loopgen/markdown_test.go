package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// document is a Markdown file of this repository.
type document struct {
	name   string // its path, from the root, with slashes
	prose  string // the text without its code blocks
	blocks []codeBlock
}

// codeBlock is a fenced block of code.
type codeBlock struct {
	language string
	file     string // the Go file that the paragraph before the block names last; may be empty
	text     string
	line     int // of the fence
}

// goFile is the name of a Go file in a paragraph.
var goFile = regexp.MustCompile("`([\\w/]+\\.go)`")

// parseMarkdown splits a document into prose and code blocks.
func parseMarkdown(name, text string) document {
	d := document{name: name}
	var prose, paragraph strings.Builder
	var block *codeBlock
	for i, line := range strings.Split(text, "\n") {
		fence := strings.HasPrefix(line, "```")
		switch {
		case fence && block == nil:
			block = &codeBlock{language: strings.TrimPrefix(line, "```"), line: i + 1}
			if found := goFile.FindAllStringSubmatch(paragraph.String(), -1); len(found) > 0 {
				block.file = found[len(found)-1][1]
			}
		case fence:
			d.blocks = append(d.blocks, *block)
			block = nil
			paragraph.Reset()
		case block != nil:
			block.text += line + "\n"
		default:
			prose.WriteString(line + "\n")
			if line != "" {
				paragraph.WriteString(line + "\n")
			} else if next := paragraph.String(); !strings.HasSuffix(strings.TrimSpace(next), ":") {
				paragraph.Reset() // only a paragraph that ends with a colon introduces a block
			}
		}
	}
	d.prose = prose.String()
	return d
}

// readDocuments returns all Markdown files below root, in the order of their names.
func readDocuments(root string) ([]document, error) {
	var list []document
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && entry.Name() == ".git" {
			return filepath.SkipDir
		}
		if entry.IsDir() || filepath.Ext(path) != ".md" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		list = append(list, parseMarkdown(filepath.ToSlash(name), string(text)))
		return nil
	})
	return list, err
}

var (
	inlineCode = regexp.MustCompile("`[^`]*`")
	link       = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading    = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notAnchor  = regexp.MustCompile(`[^\pL\pN _-]`)
)

// anchors returns the anchors of the document's headings, as GitHub makes them.
func (d document) anchors() map[string]bool {
	set := make(map[string]bool)
	for _, h := range heading.FindAllStringSubmatch(d.prose, -1) {
		set[strings.ReplaceAll(notAnchor.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-")] = true
	}
	return set
}

// Each link in a document leads to a file of this repository and, with an anchor, to
// one of its headings. A document does not use links to other sites.
func TestDocumentLinks(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	documents, err := readDocuments(root)
	if err != nil {
		t.Fatal(err)
	}
	anchors := make(map[string]map[string]bool)
	for _, d := range documents {
		anchors[filepath.Join(root, filepath.FromSlash(d.name))] = d.anchors()
	}
	for _, d := range documents {
		for _, l := range link.FindAllStringSubmatch(inlineCode.ReplaceAllString(d.prose, "``"), -1) {
			target, anchor, anchored := strings.Cut(l[1], "#")
			path := filepath.Join(root, filepath.FromSlash(d.name))
			if target != "" {
				path = filepath.Join(filepath.Dir(path), filepath.FromSlash(target))
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s: link to %s: %v", d.name, l[1], err)
			} else if anchored && !anchors[path][anchor] {
				t.Errorf("%s: link to %s: there is no such heading", d.name, l[1])
			}
		}
	}
}

// The README has at most 1,500 words. Another document of more than 1,000 words begins
// with a list of its sections.
func TestDocumentLength(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	documents, err := readDocuments(root)
	if err != nil {
		t.Fatal(err)
	}
	section := regexp.MustCompile(`(?m)^## (.*)$`)
	for _, d := range documents {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(d.name)))
		if err != nil {
			t.Fatal(err)
		}
		words := len(strings.Fields(string(text)))
		if d.name == "README.md" {
			if words > 1500 {
				t.Errorf("README.md has %d words, want at most 1500: move some beside what they describe", words)
			}
			continue
		}
		beginning, _, _ := strings.Cut(d.prose, "\n## ")
		if words <= 1000 && !strings.Contains(beginning, "](#") {
			continue
		}
		for _, s := range section.FindAllStringSubmatch(d.prose, -1) {
			if !strings.Contains(beginning, "["+s[1]+"](#") {
				t.Errorf("%s: %q is missing in the list of contents", d.name, s[1])
			}
		}
	}
}
