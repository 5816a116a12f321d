package config

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// told returns what watches an address, a line each.
func told(watches []Watch) []string {
	var lines []string
	for _, w := range watches {
		lines = append(lines, fmt.Sprintf("%s %s: %s", w.Name, w.Check.ID, w.Check.Definition()))
	}
	return lines
}

func TestSeveralChecksOfATarget(t *testing.T) {
	c, _ := good(t, "several.yaml")
	primary := c.Services[0].Targets[0]
	if diff := cmp.Diff([]string{
		"http web/primary/http@203.0.113.1: GET http://www.example.com/ at 203.0.113.1:80, status 200-299 every 20s, recheck 2s, timeout 3s, fall 2, rise 5",
		"tcp web/primary/tcp@203.0.113.1: tcp 203.0.113.1:80 every 20s, recheck 2s, timeout 3s, fall 2, rise 1",
		"closed web/primary/closed@203.0.113.1: not tcp 203.0.113.1:23 every 20s, recheck 2s, timeout 3s, fall 2, rise 5",
		"tcp-2 web/primary/tcp-2@203.0.113.1: tcp 203.0.113.1:443 every 20s, recheck 2s, timeout 3s, fall 4, rise 5",
	}, told(primary.Addresses[0].Checks)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := primary.Addresses[1]; n.Need != 2 || len(n.Checks) != 4 {
		t.Errorf("the second address needs %d of %d checks", n.Need, len(n.Checks))
	}
}

func TestEqualChecksAreOne(t *testing.T) {
	c, _ := good(t, "several.yaml")
	backup, a := c.Services[0].Targets[1].Addresses[0], c.Services[1].Targets[0].Addresses[0]
	if backup.Checks[0].Check != a.Checks[0].Check {
		t.Error("two services that use one check of one address have two")
	}
	if diff := cmp.Diff([]string{" web/backup@203.0.113.2: tcp 203.0.113.2:25 every 20s, recheck 2s, timeout 1s, fall 3, rise 5"}, told(a.Checks)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	b := c.Services[1].Targets[1].Addresses[0]
	if diff := cmp.Diff([]string{
		"smtp mail/b/smtp@203.0.113.3: tcp 203.0.113.3:25 every 1s, recheck 1s, timeout 900ms, fall 3, rise 5",
		"smtp-2 mail/b/smtp-2@203.0.113.3: tcp 203.0.113.3:25 every 20s, recheck 2s, timeout 1s, fall 3, rise 5",
	}, told(b.Checks)); diff != "" || b.Need != 1 {
		t.Errorf("need %d (-want +got):\n%s", b.Need, diff)
	}
	seen := map[string]bool{}
	for _, check := range c.Checks {
		if seen[check.ID] || seen[check.Definition()] {
			t.Errorf("%s is there twice", check.ID)
		}
		seen[check.ID], seen[check.Definition()] = true, true
	}
	if n := 2*4 + 1 + 2 + 2 + 3; len(c.Checks) != n {
		t.Errorf("%d checks, wanted %d", len(c.Checks), n)
	}
}

func TestRequirementsAndCanaries(t *testing.T) {
	c, _ := good(t, "several.yaml")
	requires := func(id string) (names []string) {
		for _, w := range c.Requires[id] {
			names = append(names, w.Name)
		}
		slices.Sort(names)
		return names
	}
	for id, want := range map[string][]string{
		"web/primary/http@203.0.113.1": {"gateway", "site"}, "web/primary/closed@2001:db8::1": {"gateway", "site"},
		"web/backup@203.0.113.2":  {"gateway", "site"}, // one place requires the one, one the other
		"mail/b/smtp@203.0.113.3": nil, "checks/gateway": nil, "canaries/other": nil,
	} {
		if diff := cmp.Diff(want, requires(id)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
		}
	}
	if diff := cmp.Diff([]string{
		"gateway checks/gateway: tcp 192.0.2.1:179 every 5s, recheck 2s, timeout 3s, fall 3, rise 5, from 192.0.2.7 on eth0",
		"site checks/site: GET http://192.0.2.2/up at 192.0.2.2:80, status 200-299, maintenance ignored every 20s, recheck 2s, timeout 3s, fall 3, rise 5",
	}, func() []string {
		required := slices.Clone(c.Requires["web/primary/http@203.0.113.1"])
		slices.SortFunc(required, func(a, b Watch) int { return len(b.Name) - len(a.Name) })
		return told(required)
	}()); diff != "" {
		t.Errorf("required (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{
		"tcp canaries/tcp: tcp 192.0.2.53:53 every 20s, recheck 2s, timeout 3s, fall 3, rise 5, counting what this host lacks",
		"other canaries/other: tcp 192.0.2.54:53 every 20s, recheck 2s, timeout 3s, fall 3, rise 5, counting what this host lacks",
		"tcp-2 canaries/tcp-2: tcp 192.0.2.55:53 every 20s, recheck 2s, timeout 3s, fall 3, rise 5, counting what this host lacks",
	}, told(c.Canaries.Checks)); diff != "" || c.Canaries.Fail != 2 {
		t.Errorf("canaries, of which %d fail (-want +got):\n%s", c.Canaries.Fail, diff)
	}
}

func TestTheOtherFamilyIsKnownToACheck(t *testing.T) {
	c, _ := good(t, "several.yaml")
	primary := c.Services[0].Targets[0].Addresses
	http := primary[0].Checks[0].Check
	if http.OtherName != "IPv6 (2001:db8::1)" || http.Other.String() != "GET http://www.example.com/ at [2001:db8::1]:80, status 200-299" {
		t.Errorf("beside IPv4: %s, %v", http.OtherName, http.Other)
	}
	if six := primary[1].Checks[3].Check; six.OtherName != "IPv4 (203.0.113.1)" || six.Other.String() != "tcp 203.0.113.1:443" {
		t.Errorf("beside IPv6: %s, %v", six.OtherName, six.Other)
	}
	if backup := c.Services[0].Targets[1].Addresses[0].Checks[0].Check; backup.Other != nil {
		t.Errorf("an address alone has %s beside it", backup.OtherName)
	}
}
