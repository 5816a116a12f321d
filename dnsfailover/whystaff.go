package dnsfailover

import (
	"fmt"
	"net/netip"
	"slices"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
)

// staffStep tells whether client is of the staff of a service; false if the service has none.
func staffStep(services []config.Service, name string, client netip.Addr) (step api.Step, ok bool) {
	i := slices.IndexFunc(services, func(s config.Service) bool { return s.Name == name })
	if i < 0 || len(services[i].Staff) == 0 {
		return step, false
	}
	staff, first := services[i].Staff, services[i].Targets[0].Name
	step.Rule = "staff"
	client = client.Unmap()
	at := slices.IndexFunc(staff, func(p netip.Prefix) bool { return p.Contains(client) })
	switch {
	case at >= 0:
		step.Applies = true
		step.Text = fmt.Sprintf("%s lies in %s, which is staff: it gets %s whatever the others get", client, staff[at], first)
	case client.IsValid():
		step.Text = fmt.Sprintf("%s is not staff", client)
	default:
		step.Text = fmt.Sprintf("this is what the public gets; staff, as in %s, gets %s: name a client with --client to see its answer", staff[0], first)
	}
	return step, true
}
