package zones

import "fmt"

// Problem is something wrong with a zone or with a service's name in it.
type Problem struct {
	File    string // path as given or included
	Line    int    // 0: the file as a whole
	Owner   string // presentation format; may be empty
	Text    string // one sentence: what is wrong and what to do
	Warning bool   // legal but doubtful: the zone is served all the same
}

func (p Problem) String() string {
	s := p.File
	if p.Line > 0 {
		s = fmt.Sprintf("%s:%d", s, p.Line)
	}
	if p.Owner != "" {
		s += ": " + p.Owner
	}
	return s + ": " + p.Text
}

// fatal says whether any problem keeps the zone from being served.
func fatal(problems []Problem) bool {
	for _, p := range problems {
		if !p.Warning {
			return true
		}
	}
	return false
}
