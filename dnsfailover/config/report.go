package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"
)

// report collects what is wrong with one configuration.
type report struct {
	file               string
	problems, warnings []Problem
}

// pos is a place in the file; zero for a value that isn't written there.
type pos struct{ line, column int }

// maxProblems bounds how many problems are kept: a file of another kind could have millions.
const maxProblems = 1000

func (r *report) problem(at pos, format string, args ...any) {
	if !r.full() {
		r.problems = append(r.problems, r.sentence(at, format, args))
	}
}

// full says that it is of no use to look for more problems.
func (r *report) full() bool { return len(r.problems) > maxProblems }

func (r *report) warning(at pos, format string, args ...any) {
	r.warnings = append(r.warnings, r.sentence(at, format, args))
}

func (r *report) sentence(at pos, format string, args []any) Problem {
	for i, arg := range args {
		if s, ok := arg.(string); ok && len(s) > maxQuoted {
			args[i] = strings.ToValidUTF8(s[:maxQuoted], "") + "…"
		}
	}
	return Problem{r.file, at.line, at.column, fmt.Sprintf(format, args...)}
}

// maxQuoted bounds what a sentence quotes, in bytes: enough for the longest domain name.
const maxQuoted = 260

// listed returns the problems in order, and in place of those that are too many that there are more.
func (r *report) listed() []Problem {
	list := inOrder(r.problems)
	if len(list) > maxProblems {
		list[maxProblems].Text = "there are more problems, which are not listed"
	}
	return list
}

// inOrder sorts by position and drops what was found twice: defaults are judged once for each check they reach.
func inOrder(list []Problem) []Problem {
	slices.SortFunc(list, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Text, b.Text))
	})
	return slices.Compact(list)
}

// reason returns why a file can't be used, without the path and the name of the system call.
func reason(err error) string {
	var errno syscall.Errno
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such file"
	case errors.As(err, &errno):
		return errno.Error()
	}
	return err.Error()
}
