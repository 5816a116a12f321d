// Package program runs a program of the operator's once, and leaves nothing of it behind.
//
// No shell is involved. The program runs in a process group of its own, which is killed with all that is in it when time is up and when
// the program has ended. In its environment it finds what it is told, and of ours only PATH, HOME, LANG and TZ: not what may
// be secret, nor sockets that aren't for it.
package program

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"
)

// afterlife is how long a program's descendants may hold its output open after it has ended.
const afterlife = 200 * time.Millisecond

// Command returns what Run runs: argv is the program's path and its arguments, facts are what it is told, as NAME=VALUE, and
// the end of ctx kills it, as the command's Cancel does. The caller sets the streams.
func Command(ctx context.Context, argv []string, facts ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = "/", slices.Clip(facts), afterlife
	for _, name := range []string{"PATH", "HOME", "LANG", "TZ"} {
		if value, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}

// Run runs cmd, a Command, to its end. Its errors are those of Start and Wait.
func Run(cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	err := cmd.Wait()
	_ = cmd.Cancel() // what it has left behind
	return err
}
