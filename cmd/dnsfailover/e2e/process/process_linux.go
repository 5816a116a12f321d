package process

import (
	"os/exec"
	"syscall"
	"testing"
)

// Process is a running program with what it prints.
type Process struct {
	Output
	Name string // for people
	Cmd  *exec.Cmd
	Exit <-chan struct{} // closed when it has ended
}

// Start runs a command, in a process group of its own, until the test ends. If that fails, it shows what the process printed.
func Start(t testing.TB, name string, cmd *exec.Cmd) *Process {
	t.Helper()
	exit := make(chan struct{})
	p := &Process{Name: name, Cmd: cmd, Exit: exit}
	cmd.Stdout, cmd.Stderr = &p.Output, &p.Output
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait()
		close(exit)
	}()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of %s:\n%s", name, p)
		}
		p.Kill()
	})
	return p
}

// Signal sends sig to the process and what it has started.
func (p *Process) Signal(sig syscall.Signal) { _ = syscall.Kill(-p.Cmd.Process.Pid, sig) }

// Kill ends the process as a crash does.
func (p *Process) Kill() {
	p.Signal(syscall.SIGKILL)
	<-p.Exit
}

// Ended says whether the process has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.Exit:
		return true
	default:
		return false
	}
}
