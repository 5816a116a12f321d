package try

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/miekg/dns"

	"dnsfailover/dnsfailover/api"
)

// sight is what one query saw.
type sight struct {
	address string // empty if there was no answer
	ttl     uint32
}

func (s *stage) server() string { return fmt.Sprintf("127.0.0.1:%d", s.dns) }

// ask queries the name once.
func (s *stage) ask(ctx context.Context) sight {
	client := dns.Client{Timeout: 300 * time.Millisecond}
	answer, _, err := client.ExchangeContext(ctx, new(dns.Msg).SetQuestion(name, dns.TypeA), s.server())
	if err != nil || len(answer.Answer) != 1 {
		return sight{}
	}
	a, ok := answer.Answer[0].(*dns.A)
	if !ok {
		return sight{}
	}
	return sight{a.A.String(), a.Hdr.Ttl}
}

// askEvery is the time between two queries.
const askEvery = 50 * time.Millisecond

// watch asks twenty times a second, and sends what changed, until ctx ends.
func (s *stage) watch(ctx context.Context, out chan<- sight) {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	var last sight
	for {
		if now := s.ask(ctx); now != last && now.address != "" {
			last = now
			select {
			case out <- now:
			case <-ctx.Done():
				return
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// role names the host behind an address.
func role(address string) string {
	if address == backupIP.String() {
		return "the backup"
	}
	return "the primary"
}

// show prints an answer as it changes, with the time since the last thing that was done, or why the TTL changes.
func (s *stage) show(ctx context.Context, now, before sight, did time.Time) {
	at := s.clock()
	var what string
	switch {
	case now.address == before.address:
		what = "only the TTL has changed" + s.whyTTL(ctx, now, before)
	case before.address == "":
		what = role(now.address)
	default:
		what = role(now.address) + ", " + later(time.Since(did))
	}
	s.println("%s    %s %d IN A %-9s  %s", at, name, now.ttl, now.address, what)
}

// later says how long after something another thing was seen.
func later(d time.Duration) string {
	if d < 2*askEvery { // no sooner could it have been seen
		return "at once"
	}
	return fmt.Sprintf("%.1f s later", d.Seconds())
}

// whyTTL says why only the TTL has changed; nothing if that can't be known, as when the world has moved on.
func (s *stage) whyTTL(ctx context.Context, now, before sight) string {
	status, err := s.client.Status(ctx)
	if err != nil || len(status.Services) != 1 || !slices.Equal(status.Services[0].Answers, []string{now.address}) {
		return ""
	}
	return ttlReason(status.Services[0], now.ttl < before.ttl)
}

// ttlReason says why the TTL of a service's answers shrinks or grows.
func ttlReason(service api.Service, shrinks bool) string {
	switch next := service.NextChange; {
	case !shrinks:
		return ": no change is near"
	case next != nil && next.Serving != service.Serving:
		return ": it counts down to the change to the " + next.Serving
	case service.Override != nil:
		return ""
	}
	if service.Serving == service.Targets[0].Name {
		return ": it shrinks, since a probe failed"
	}
	return ": it shrinks, since a probe of the " + service.Targets[0].Name + " succeeded"
}

// clock returns the time since the begin.
func (s *stage) clock() string {
	d := time.Since(s.began)
	return fmt.Sprintf("%02d:%04.1f", int(d.Minutes()), (d % time.Minute).Seconds())
}
