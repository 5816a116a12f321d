package policy

// Cause says in words which known edge leads from step i to the next step that serves something else, such as "window w3", "the end of the
// override" or "the failback to primary"; empty if there is none. name returns the name of a target.
func (a *Ahead) Cause(i int, name func(target int) string) string {
	j := a.Then(i)
	if j < 0 {
		return ""
	}
	p, before := &a.Steps[j], &a.Steps[j-1]
	switch {
	case p.Rule == RuleWindow && p.Window.Start.Equal(p.Edge):
		return "window " + p.Window.ID
	case before.Rule == RuleOverride && before.Override != nil && before.Override.Until.Equal(p.Edge):
		return "the end of the override"
	case before.Rule == RuleWindow && before.Window.End.Equal(p.Edge):
		return "the end of window " + before.Window.ID
	case p.Rule == RuleVerdicts && p.Target >= 0:
		return "the failback to " + name(p.Target)
	}
	return "the change"
}
