package main

import (
	"os"
	"strings"

	"github.com/spf13/cobra"

	"dnsfailover/dnsfailover/api"
)

// socket is the control socket of what a client command speaks to, and how it is found.
type socket struct {
	whose    string
	variable string   // of the environment, that names it
	files    []string // where it is looked for if nobody names it
	speak    func(path string) *api.Client
}

var (
	serverSocket = socket{"the server's", "DNSFAILOVER_SOCKET", []string{"/run/dnsfailover/control.sock", "/var/lib/dnsfailover/control.sock"}, api.Dial}
	pageSocket   = socket{"the page host's", "DNSFAILOVER_PAGE_SOCKET", []string{"/run/dnsfailover/page.sock", "/var/lib/dnsfailover/page.sock"}, api.DialPage}
)

// client makes cmd one that speaks over s.
func (s socket) client(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().String("socket", "", s.whose+" control `file` (default: "+s.variable+", else "+strings.Join(s.files, ", else ")+")")
	return cmd
}

// dial returns a client of what cmd is meant for.
func (s socket) dial(cmd *cobra.Command) *api.Client { return s.speak(s.path(cmd)) }

func (s socket) path(cmd *cobra.Command) string {
	if path, _ := cmd.Flags().GetString("socket"); path != "" {
		return path
	}
	if path := os.Getenv(s.variable); path != "" {
		return path
	}
	for _, path := range s.files {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return s.files[0]
}
