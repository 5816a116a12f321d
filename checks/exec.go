package checks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"

	"dnsfailover/checks/program"
)

// ExecProbe runs a program and judges how it ends, as Nagios and its plugins agree on it: 0 is well, 1 well with a
// warning, 2 a failure. 3 and everything else says that the program could not find out, so it is inconclusive. The first
// line of its output is the reason.
//
// Package program runs it, without a shell. All that is left of it is killed when it ends, when time is up, and when it prints
// more than 64 KiB. At most 32 programs run at once.
type ExecProbe struct {
	// Argv is the program's path and its arguments, in which {address} stands for Address. The program finds
	// it in the environment too, as DNSFAILOVER_ADDRESS, and besides that only PATH, HOME, LANG and TZ.
	Argv    []string
	Address netip.Addr
}

const (
	maxOutput   = 64 << 10
	maxPrograms = 32
)

// programs has a place for each program that runs.
var programs = make(chan struct{}, maxPrograms)

// String describes the probe completely; the arguments as a digest only, since they may be secret.
func (p *ExecProbe) String() string { return p.describe(true) }

func (p *ExecProbe) describe(secrets bool) string {
	text := fmt.Sprintf("exec %s for %s", p.Argv[0], p.Address)
	if n := len(p.Argv) - 1; n > 0 {
		text += " with " + countOf(n, "argument")
		if secrets {
			text += ", secrets " + digest(p.Argv[1:]...)
		}
	}
	return text
}

// Run runs the program once; ctx bounds it.
func (p *ExecProbe) Run(ctx context.Context) Result {
	w := newStopwatch(ctx)
	select {
	case programs <- struct{}{}:
		defer func() { <-programs }()
	case <-ctx.Done():
		w.lap(phaseRun)
		return w.inconclusive(fmt.Sprintf("%d other programs were running all the time: no more run at once", maxPrograms))
	}
	cmd := program.Command(ctx, p.argv(), "DNSFAILOVER_ADDRESS="+p.Address.String())
	out := &output{full: func() { _ = cmd.Cancel() }}
	cmd.Stdout, cmd.Stderr = out.stream(&out.stdout), out.stream(&out.stderr)
	err := program.Run(cmd)
	w.lap(phaseRun)
	r := p.judge(ctx, w, cmd.ProcessState, out, err)
	if w.detailed {
		r.Seen = out.seen()
	}
	return r
}

// argv is Argv with Address in its arguments.
func (p *ExecProbe) argv() []string {
	argv := slices.Clone(p.Argv)
	for i, arg := range argv[1:] {
		argv[i+1] = strings.ReplaceAll(arg, "{address}", p.Address.String())
	}
	return argv
}

// judge says what the end of the program means.
func (p *ExecProbe) judge(ctx context.Context, w *stopwatch, ended *os.ProcessState, out *output, err error) Result {
	line := out.line()
	said := ""
	if line != "" {
		said = ": " + line
	}
	switch {
	case ended == nil:
		return w.inconclusive(fmt.Sprintf("%s can't be run: %s", p.Argv[0], clean(innermost(err))))
	case out.overflown():
		return w.inconclusive(fmt.Sprintf("killed: it printed more than %d KiB%s", maxOutput>>10, said))
	case ctx.Err() != nil && !ended.Exited():
		return w.failed(fmt.Sprintf("killed: not done within %s%s", w.limit, said))
	case !ended.Exited():
		return w.inconclusive(fmt.Sprintf("ended by a signal (%s)%s", ended.Sys().(syscall.WaitStatus).Signal(), said))
	}
	switch code := ended.ExitCode(); code {
	case 0, 1:
		if line == "" {
			line = fmt.Sprintf("exit code %d", code)
		}
		r := w.result(true, line, nil)
		if code == 1 {
			r.Warning = line
		}
		return r
	case 2:
		if line == "" {
			line = "exit code 2"
		}
		return w.failed(line)
	case 3:
		return w.inconclusive("it can't tell (exit code 3)" + said)
	default:
		return w.inconclusive(fmt.Sprintf("it failed itself (exit code %d)%s", code, said))
	}
}

// output is what a program prints, as far as it is kept.
type output struct {
	mu             sync.Mutex
	stdout, stderr bytes.Buffer
	over           bool
	full           func() // called once when it prints too much
}

// stream returns a writer that keeps what is written in b.
func (o *output) stream(b *bytes.Buffer) writerFunc {
	return func(text []byte) (int, error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		room := maxOutput - o.stdout.Len() - o.stderr.Len()
		if len(text) <= room {
			return b.Write(text)
		}
		b.Write(text[:room])
		if !o.over {
			o.over = true
			o.full()
		}
		return room, errors.New("full")
	}
}

type writerFunc func([]byte) (int, error)

// Write implements io.Writer.
func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func (o *output) overflown() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.over
}

// line returns the first line, without what Nagios plugins tell machines behind a bar. Only a program that prints nothing else is heard on stderr.
func (o *output) line() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	text, _, _ := strings.Cut(firstLine(o.stdout.Bytes()), "|")
	if text = strings.TrimSpace(text); text != "" {
		return text
	}
	return firstLine(o.stderr.Bytes())
}

// seen shows the first lines of both.
func (o *output) seen() (seen []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, stream := range []struct {
		name string
		text []byte
	}{{"stdout", o.stdout.Bytes()}, {"stderr", o.stderr.Bytes()}} {
		const most = 20
		lines := strings.Split(strings.TrimSpace(string(stream.text)), "\n")
		for i, line := range lines {
			if i == most {
				seen = append(seen, fmt.Sprintf("%s: and %d lines more", stream.name, len(lines)-most))
				break
			}
			if line != "" {
				seen = append(seen, stream.name+": "+clean(line))
			}
		}
	}
	return seen
}
