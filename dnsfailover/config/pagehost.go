package config

import (
	"slices"
	"strings"
)

// Host returns the host that is shown to who asks for a name, which is in lower case and without a final dot: the one that has it, or
// the nearest wildcard above it, or the one for all others.
func (p *Page) Host(name string) *PageHost {
	for _, wanted := range wildcards(name) {
		for i := range p.Hosts {
			if slices.Contains(p.Hosts[i].Names, wanted) {
				return &p.Hosts[i]
			}
		}
	}
	return &p.Hosts[slices.IndexFunc(p.Hosts, func(h PageHost) bool { return len(h.Names) == 0 })]
}

// wildcards returns a name and the wildcards that cover it, the nearest first.
func wildcards(name string) []string {
	out := []string{name}
	for rest := name; ; {
		_, above, ok := strings.Cut(rest, ".")
		if !ok {
			return out
		}
		out = append(out, "*."+above)
		rest = above
	}
}
