package config

import (
	"bytes"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the .want files anew; read the difference afterwards")

const testdata = "../../testdata/config"

// TestEveryBadFileGetsExactlyItsSentences walks the bad files, one for each rule.
func TestEveryBadFileGetsExactlyItsSentences(t *testing.T) {
	walk(t, "bad", func(c *Config, problems []Problem) []Problem {
		if c != nil || len(problems) == 0 {
			t.Error("a bad file was accepted")
		}
		return problems
	})
}

// TestDoubtfulFilesAreAcceptedWithAWarning walks the files that are legal but hardly meant.
func TestDoubtfulFilesAreAcceptedWithAWarning(t *testing.T) {
	walk(t, "warn", func(c *Config, problems []Problem) []Problem {
		if c == nil {
			return problems
		}
		return c.Warnings
	})
}

func walk(t *testing.T, name string, judge func(*Config, []Problem) []Problem) {
	walkFiles(t, filepath.Join(testdata, name), func(file string) []Problem { return judge(Load(file)) })
}

// walkFiles compares the problems that load finds in each file of dir with its .want file.
func walkFiles(t *testing.T, dir string, load func(file string) []Problem) {
	source, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(installed(t, source))
	files, _ := filepath.Glob("*.yaml")
	if len(files) == 0 {
		t.Fatal("no files to walk")
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(file, ".yaml"), func(t *testing.T) {
			var got strings.Builder
			for _, p := range load(file) {
				got.WriteString(p.String() + "\n")
			}
			wantFile := filepath.Join(source, strings.TrimSuffix(file, ".yaml")+".want")
			if *update {
				if err := os.WriteFile(wantFile, []byte(got.String()), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(wantFile)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("wrong sentences (-want +got):\n%s", diff)
			}
		})
	}
}

// installed returns a copy of dir with the file modes that a repository doesn't keep.
func installed(t testing.TB, dir string) string {
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(to, func(path string, _ fs.DirEntry, err error) error {
		name := filepath.Base(path)
		switch {
		case err != nil || filepath.Ext(path) != ".token" && filepath.Ext(path) != ".password" && !strings.HasPrefix(name, "cookies") && !strings.HasSuffix(name, "key.pem"):
			return err
		case strings.Contains(name, "readable"):
			return os.Chmod(path, 0o604)
		}
		return os.Chmod(path, 0o640)
	})
	if err != nil {
		t.Fatal(err)
	}
	large := append([]byte("<svg>"), bytes.Repeat([]byte("x"), maxLogo+2<<10)...)
	if err := os.WriteFile(filepath.Join(to, "large.svg"), large, 0o600); err != nil {
		t.Fatal(err)
	}
	huge := bytes.Repeat([]byte("x"), maxReferred+1)
	if err := os.WriteFile(filepath.Join(to, "huge.pem"), huge, 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestEverySentenceIsProvoked finds the sentences in the source, with the words that calls of helpers put in,
// and wants each of them in a .want file.
func TestEverySentenceIsProvoked(t *testing.T) {
	var wants []string
	for _, dir := range []string{"bad", "warn", "../page/bad", "../page/warn"} {
		files, _ := filepath.Glob(filepath.Join(testdata, dir, "*.want"))
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(data)) {
				_, text, _ := strings.Cut(line, " ")
				wants = append(wants, strings.TrimSuffix(text, "\n"))
			}
		}
	}
	sentences := sentencesInSource(t)
	if len(sentences) < 100 {
		t.Fatalf("found %d sentences only: the search is broken", len(sentences))
	}
	for _, s := range sentences {
		if !slices.ContainsFunc(wants, s.MatchString) {
			t.Errorf("no bad file provokes: %s", s)
		}
	}
}

func sentencesInSource(t *testing.T) []*regexp.Regexp {
	fset := token.NewFileSet()
	files, _ := filepath.Glob("*.go")
	var found []*regexp.Regexp
	add := func(format string) {
		verbs := regexp.MustCompile(`%[qsd]|%%`)
		pattern := verbs.ReplaceAllString(regexp.QuoteMeta(format), ".*")
		found = append(found, regexp.MustCompile("^"+pattern+"$"))
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			arg := func(i int) string { return text(call.Args[i]) }
			switch called(call) {
			case "problem", "warning":
				add(arg(1))
			case "blame":
				add(arg(2))
			case "needs":
				add(arg(4) + ` needs the key "` + arg(5) + `"`)
			case "unique":
				add(arg(2) + ` %q is there twice, %s`)
			case "between":
				add(arg(2) + ` must be from %s`)
			case "mapping":
				add(arg(2) + ` must be a mapping, %s`)
				add(arg(2) + ` has no key %s`)
			}
			return true
		})
	}
	return found
}

// called returns the name of the function or method that is called.
func called(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// text returns the value of a string literal, or of several joined by +.
func text(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, _ := strconv.Unquote(e.Value)
		return s
	case *ast.BinaryExpr:
		return text(e.X) + text(e.Y)
	}
	return "%s"
}
