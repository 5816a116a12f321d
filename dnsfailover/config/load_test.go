package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestAFileThatCannotBeReadIsOneProblem(t *testing.T) {
	dir := t.TempDir()
	huge := filepath.Join(dir, "huge.yaml")
	if err := os.WriteFile(huge, make([]byte, maxSize+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		filepath.Join(dir, "missing.yaml"): "can't be read: there is no such file",
		dir:                                "can't be read: is a directory",
		huge:                               "is larger than 16 MiB: this is no configuration",
	} {
		c, problems := Load(file)
		if c != nil || len(problems) != 1 || problems[0].String() != file+": "+want {
			t.Errorf("got %v, want %s: %s", problems, file, want)
		}
	}
}

// panicking is a file in which the YAML parser trips over itself.
type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("internal error: please report") }

func TestAPanicOfTheParserIsAnError(t *testing.T) {
	if _, _, err := readYAML(panicking{}); err == nil {
		t.Error("no error")
	}
}

func TestAliasesCannotMakeASmallFileLarge(t *testing.T) {
	var file strings.Builder
	file.WriteString("zones:\n  - &a0 [x, x]\n")
	for i := range 40 {
		fmt.Fprintf(&file, "  - &a%d [*a%d, *a%d]\n", i+1, i, i)
	}
	c, problems := Parse("bomb.yaml", []byte(file.String()))
	if c != nil || len(problems) > 200 {
		t.Errorf("accepted, or %d problems", len(problems))
	}
}

func TestOnlySoManyProblemsAreKept(t *testing.T) {
	_, problems := Parse("x.yaml", []byte("zones: ["+strings.Repeat("x,", 1e5)+"]"))
	last := problems[len(problems)-1]
	if len(problems) != maxProblems+1 || last.Text != "there are more problems, which are not listed" || last.Line != 1 {
		t.Errorf("%d problems, the last is %s", len(problems), last)
	}
}

// TestALargeFileIsExplainedQuickly is about the search for the line that spoils the file: it parses parts of
// the file again and again, and must stop that when the file is large.
func TestALargeFileIsExplainedQuickly(t *testing.T) {
	lines := strings.Repeat("state: x\n", 20_000)
	for name, test := range map[string]struct{ file, want string }{
		"a bracket at the end":       {lines + "dns: [\n", "x.yaml:20001:1: a comma or bracket stands where a value should be"},
		"a quote at the beginning":   {"state: x\ndns: \"\n" + lines, "x.yaml:2:1: a quote is opened and never closed"},
		"a bracket at the beginning": {"dns: [\n" + lines, "x.yaml:1:1: a [ or { is not closed, or a comma is missing behind it"},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := Parse("x.yaml", []byte(test.file))
			if len(problems) != 1 || problems[0].String() != test.want {
				t.Errorf("got %v, want %s", problems, test.want)
			}
		})
	}
}

// TestAMisplacedKeyIsSentToAPlaceThatKnowsIt sends each key there.
func TestAMisplacedKeyIsSentToAPlaceThatKnowsIt(t *testing.T) {
	places := map[string]string{
		"listen":     "listen: {%s: x}",
		"a service":  "services: [{%s: x}]",
		"a target":   "services: [{targets: [{%s: x}]}]",
		"tls":        "listen: {tls: {%s: x}}",
		"dns":        "dns: {%s: x}",
		"cookies":    "dns: {cookies: {%s: x}}",
		"rate_limit": "dns: {rate_limit: {%s: x}}",
		"ttl":        "services: [{ttl: {%s: x}}]",
		"failback":   "services: [{failback: {%s: x}}]",
		"check":      "defaults: {check: {%s: x}}",
		"the file":   "%s: x",
	}
	for key, home := range homes {
		_, problems := Parse("x.yaml", fmt.Appendf(nil, places[home], key))
		if slices.ContainsFunc(problems, func(p Problem) bool { return strings.Contains(p.Text, "has no key") }) {
			t.Errorf("%q is sent to %s, which doesn't know it", key, home)
		}
	}
}

func TestProblemsOfOneRunAreSorted(t *testing.T) {
	file := filepath.Join(testdata, "bad/several-at-once.yaml")
	_, problems := Load(file)
	if len(problems) < 5 || !slices.IsSortedFunc(problems, func(a, b Problem) int {
		return slices.Compare([]int{a.Line, a.Column}, []int{b.Line, b.Column})
	}) {
		t.Errorf("not sorted: %v", problems)
	}
}
