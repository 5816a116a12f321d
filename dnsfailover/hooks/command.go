package hooks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"dnsfailover/checks/program"
	"dnsfailover/dnsfailover/api"
)

const maxOutput = 4 << 10 // octets that are kept of what a command prints

// command runs a program for each event.
type command struct{ argv []string }

// deliver runs the program once: what it has done nobody knows if it fails, so it isn't run again.
func (c command) deliver(ctx context.Context, e api.Event) *failure {
	document, err := json.Marshal(e)
	if err != nil {
		return &failure{reason: err.Error()}
	}
	cmd := program.Command(ctx, c.argv, facts(e)...)
	cmd.Stdin = bytes.NewReader(append(document, '\n'))
	var out output
	cmd.Stdout, cmd.Stderr = &out, &out
	err = program.Run(cmd)
	said := out.firstLine()
	if said != "" {
		said = ": " + said
	}
	var exit *exec.ExitError
	switch {
	case cmd.ProcessState != nil && cmd.ProcessState.Success():
		return nil // also if it has not read its input, or left its output open
	case ctx.Err() != nil:
		return &failure{reason: fmt.Sprintf("%s was killed: it had not ended in time%s", c.argv[0], said)}
	case errors.As(err, &exit):
		return &failure{reason: fmt.Sprintf("%s: %s%s", c.argv[0], exit.ProcessState, said)}
	}
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(err) {
		err = next
	}
	return &failure{reason: fmt.Sprintf("%s can't be run: %s", c.argv[0], err)}
}

// facts returns what a command finds of the event in its environment.
func facts(e api.Event) (env []string) {
	serving := func(f *api.Facts) string {
		if f == nil || f.Serving == nil {
			return ""
		}
		return *f.Serving
	}
	after := api.Facts{}
	if e.After != nil {
		after = *e.After
	}
	for _, fact := range [][2]string{
		{"ID", strconv.FormatUint(e.ID, 10)},
		{"TIME", e.Time.Format(time.RFC3339Nano)},
		{"KIND", e.Kind},
		{"SERVICE", e.Service},
		{"TARGET", e.Target},
		{"CHECK", e.Check},
		{"WINDOW", e.Window},
		{"AUTHOR", e.Author},
		{"TEXT", e.Text},
		{"PLANNED", strconv.FormatBool(e.Planned)},
		{"FROM", serving(e.Before)},
		{"TO", serving(e.After)},
		{"RULE", after.Rule},
		{"REASON", after.Reason},
		{"VERDICT", after.Verdict},
	} {
		// An operator's reason can be any text; an environment can't.
		env = append(env, "DNSFAILOVER_"+fact[0]+"="+strings.ReplaceAll(fact[1], "\x00", ""))
	}
	return env
}

// output keeps the begin of what is printed, and swallows the rest. Only one goroutine writes: both streams are one.
type output struct{ kept []byte }

// Write implements io.Writer. It takes everything.
func (o *output) Write(b []byte) (int, error) {
	o.kept = append(o.kept, b[:min(len(b), maxOutput-len(o.kept))]...)
	return len(b), nil
}

func (o *output) firstLine() string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(o.kept)), "\n")
	return line
}
