package dnsfailover_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestImportsPointOneWay holds the architecture: zones and checks never meet, and what answers queries knows
// neither probes nor decisions nor the API.
func TestImportsPointOneWay(t *testing.T) {
	const us = "dnsfailover/"
	gocron := []string{"github.com/go-co-op/gocron/v2"}
	for pkg, banned := range map[string][]string{
		"zones":              append(gocron, us+"checks", us+"dnsfailover", "net/http"),
		"zones/wire":         {us + "zones", us + "checks", us + "dnsfailover", "github.com/miekg/dns"},
		"checks":             {us + "zones", us + "dnsfailover"},
		"dnsfailover/server": append(gocron, us+"checks", us+"dnsfailover/policy", us+"dnsfailover/control", us+"dnsfailover/admin", us+"dnsfailover/config"),
		"dnsfailover/policy": append(gocron[:0:0], us+"dnsfailover/control", us+"dnsfailover/server", us+"dnsfailover/admin"),
		"dnsfailover/config": append(gocron[:0:0], us+"dnsfailover/control", us+"dnsfailover/server", us+"zones"),
	} {
		out, err := exec.Command("go", "list", "-deps", us+pkg).CombinedOutput()
		if err != nil {
			t.Fatalf("go list %s: %v\n%s", pkg, err, out)
		}
		deps := strings.Fields(string(out))
		if !slices.Contains(deps, us+pkg) {
			t.Fatalf("go list says nothing of %s:\n%s", pkg, out)
		}
		for _, d := range deps {
			for _, b := range banned {
				if d != us+pkg && (d == b || strings.HasPrefix(d, b+"/")) {
					t.Errorf("%s imports %s", pkg, d)
				}
			}
		}
	}
}

// TestDependenciesHaveOneHome: what a library is for is done in one place.
func TestDependenciesHaveOneHome(t *testing.T) {
	homes := map[string][]string{
		"github.com/go-co-op/gocron/v2": {"checks"},
		"gopkg.in/yaml.v3":              {"dnsfailover/config"},
		"go.etcd.io/bbolt":              {"dnsfailover/vault"},
		"github.com/spf13/cobra":        {"cmd/dnsfailover"},
		"github.com/miekg/dns":          {"zones", "checks", "dnsfailover", "dnsfailover/admin", "dnsfailover/server", "cmd/dnsfailover", "cmd/dnsfailover/try"},
	}
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, "dnsfailover/...").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	found := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		pkg := strings.TrimPrefix(fields[0], "dnsfailover/")
		for _, imported := range fields[1:] {
			if home, ok := homes[imported]; ok {
				found[imported] = true
				if !slices.Contains(home, pkg) {
					t.Errorf("%s imports %s, whose home is %v", pkg, imported, home)
				}
			}
		}
	}
	if len(found) != len(homes) {
		t.Errorf("nobody imports some of %v: found only %v", homes, found)
	}
}
