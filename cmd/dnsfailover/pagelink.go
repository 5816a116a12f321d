package main

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"dnsfailover/dnsfailover/config"
	"dnsfailover/dnsfailover/page/staff"
)

func pageLinkCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "link NAME --config FILE",
		Short: "Print the secret link that lets a browser see the site behind the notice",
		Long: `Print the secret link. A browser that opens it gets a signed cookie and is passed through to the primary, while all others see
the notice, for as long as "staff: for" says. ` + staff.Leave + ` on the same host ends it. Another secret takes all
cookies back. It needs no running page host. Of several ports it is 443, or that of the first https listener; without
https it is one of http, and a warning.`,
		Example: `  dnsfailover page link www.example.com --config page.yaml`,
		Args:    arguments("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := loaded(cmd, file, pageIn)
			if err != nil {
				return err
			}
			link, doubts, err := staffLink(cfg, strings.ToLower(strings.TrimSuffix(args[0], ".")))
			if err != nil {
				return err
			}
			for _, doubt := range doubts {
				fmt.Fprintf(cmd.ErrOrStderr(), "warning: %s\n", doubt)
			}
			fmt.Fprintln(cmd.OutOrStdout(), link)
			return nil
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "the configuration `file` of the page host, or of the server that has one as listen.page")
	return cmd
}

// pageIn reads the configuration of a page host: a file of its own, or listen.page in that of a server. If it is neither, the
// problems are those with what it is most like.
func pageIn(file string) (*config.Page, []config.Problem) {
	server, asServer := config.Load(file)
	if server != nil && server.Listen.Page != nil {
		return server.Listen.Page, nil
	}
	page, asPage := config.LoadPage(file)
	if page == nil && server == nil && len(asServer) < len(asPage) {
		return nil, asServer
	}
	return page, asPage
}

// staffLink returns the link for a name, and what is doubtful about it.
func staffLink(cfg *config.Page, name string) (link string, doubts []string, err error) {
	if cfg.Staff.Secret == nil {
		return "", nil, fmt.Errorf("%s has no secret: add staff: {secret: FILE}", cfg.File)
	}
	if _, err := netip.ParseAddr(name); err != nil && !plausible(name) {
		return "", nil, usagef("%q is no name of a host: give one such as www.example.com", name)
	}
	switch host := cfg.Host(name); {
	case host.Primary != nil:
	case len(host.Names) == 0:
		return "", nil, fmt.Errorf("no host with a primary has the name %q: there are %s", name, strings.Join(namesBehind(cfg), ", "))
	default:
		return "", nil, fmt.Errorf("the host %s has no primary that staff could be let through to: add primary: {addresses: […]}", host.Names[0])
	}
	scheme, usual, listeners := "https", uint16(443), cfg.HTTPS
	if len(listeners) == 0 {
		scheme, usual, listeners = "http", 80, cfg.HTTP
		doubts = append(doubts, "without https everybody on the way can read the secret: add listen: {https: …} and certificates")
	}
	at := url.URL{Scheme: scheme, Host: name}
	switch port := publicPort(listeners, usual); port {
	case usual:
		if strings.Contains(name, ":") {
			at.Host = "[" + name + "]"
		}
	case 0:
		doubts = append(doubts, `port 0 picks one when the page host starts: put the one of its log line "listening" behind the name`)
	default:
		at.Host = net.JoinHostPort(name, strconv.Itoa(int(port)))
	}
	return at.String() + staff.Link(string(cfg.Staff.Secret)), doubts, nil
}

// plausible says that a name can stand in a URL.
func plausible(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == ""
}

// publicPort is the one where clients look if it is among the listeners, else the first.
func publicPort(listeners []netip.AddrPort, usual uint16) uint16 {
	port := usual
	for i, l := range listeners {
		switch {
		case l.Port() == usual:
			return usual
		case i == 0:
			port = l.Port()
		}
	}
	return port
}

// namesBehind are the names of the hosts that have a primary.
func namesBehind(cfg *config.Page) (names []string) {
	for _, h := range cfg.Hosts {
		if h.Primary != nil {
			names = append(names, h.Names...)
		}
	}
	return names
}
