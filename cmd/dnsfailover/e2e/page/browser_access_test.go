package page

import (
	"strings"
	"testing"
)

// node is one of the accessibility tree, which is what screen readers are given.
type node struct {
	Ignored    bool
	Role, Name struct{ Value any }
	Properties []struct {
		Name  string
		Value struct{ Value any }
	}
}

func (n node) property(name string) any {
	for _, p := range n.Properties {
		if p.Name == name {
			return p.Value.Value
		}
	}
	return nil
}

// heard returns what a screen reader is given, by role.
func (p *tab) heard() map[string][]node {
	p.t.Helper()
	var tree struct{ Nodes []node }
	p.call("Accessibility.getFullAXTree", object{}, &tree)
	roles := map[string][]node{}
	for _, n := range tree.Nodes {
		if role, ok := n.Role.Value.(string); ok && !n.Ignored {
			roles[role] = append(roles[role], n)
		}
	}
	return roles
}

// testAccess reads the page as a screen reader does, and as who can't bear what moves.
func testAccess(t *testing.T, b *browser, h *host) {
	p := b.open(t, look{still: true}, h.at("www", "/"))
	p.await(`document.getElementById("left").textContent != ""`)
	roles := p.heard()
	for role, names := range map[string][]string{
		"RootWebArea": {"Under maintenance · www.example.com"},
		"main":        {""},
		"heading":     {"Under maintenance"},
		"link":        {"Try again", "Contact us"},
		"timer":       {""},
		"status":      {""},
		"image":       nil, // the sign says nothing that the heading doesn't
	} {
		if len(roles[role]) != len(names) {
			t.Errorf("%d of role %s, not %d: %v", len(roles[role]), role, len(names), roles[role])
			continue
		}
		for i, name := range names {
			if got := roles[role][i].Name.Value; got != name {
				t.Errorf("%s %d is named %q, not %q", role, i, got, name)
			}
		}
	}
	if t.Failed() {
		t.FailNow()
	}
	if level := roles["heading"][0].property("level"); level != 1.0 {
		t.Errorf("the heading's level is %v", level)
	}
	if live := roles["timer"][0].property("live"); live != nil && live != "off" {
		t.Errorf("each second is announced: live is %v", live)
	}
	if live := roles["status"][0].property("live"); live != "polite" {
		t.Errorf("that the site is back is not announced politely: live is %v", live)
	}
	var said []string
	for _, text := range roles["StaticText"] {
		said = append(said, text.Name.Value.(string))
	}
	for _, want := range []string{"What is being done", "We are replacing the disks of the database.", "Expected back"} {
		if !strings.Contains(strings.Join(said, "\n"), want) {
			t.Errorf("%q isn't read out in %q", want, said)
		}
	}
	const moving = `document.getAnimations().length`
	if n := eval[int](p, moving); n != 0 {
		t.Errorf("%d things move for who wants none to", n)
	}
	if n := eval[int](b.open(t, look{}, h.at("www", "/")), moving); n != 1 {
		t.Errorf("%d things move, not 1", n)
	}
	// By keyboard each link can be reached, and is seen to be.
	for range 2 {
		p.call("Input.dispatchKeyEvent", object{"type": "rawKeyDown", "key": "Tab", "windowsVirtualKeyCode": 9}, nil)
		p.await(`document.activeElement.tagName == "A" && getComputedStyle(document.activeElement).outlineStyle == "solid"`)
	}
	p.keepsToItself()
}

// testScriptless opens the page with JavaScript switched off.
func testScriptless(t *testing.T, b *browser, h *host) {
	p := b.open(t, look{phone: true, scriptless: true}, h.at("www", "/"))
	text := eval[string](p, "document.body.innerText")
	for _, want := range []string{"Under maintenance", "We are replacing the disks of the database.", "Expected back", " UTC", "Try again"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q isn't in\n%s", want, text)
		}
	}
	if left := eval[string](p, `document.getElementById("left").textContent`); left != "" {
		t.Errorf("a countdown that doesn't count: %q", left)
	}
	if refresh := eval[string](p, `document.querySelector("noscript > meta")?.content ?? ""`); refresh != "60" {
		t.Errorf("the page is looked up again after %q seconds", refresh)
	}
	legible(t, p, "without scripts")
	p.screenshot("scriptless")
	p.keepsToItself()
}
