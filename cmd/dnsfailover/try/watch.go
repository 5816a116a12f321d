package try

import (
	"context"
	"fmt"
	"time"

	"github.com/miekg/dns"
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

// watch asks twenty times a second, and sends what changed, until ctx ends.
func (s *stage) watch(ctx context.Context, out chan<- sight) {
	tick := time.NewTicker(50 * time.Millisecond)
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

// show prints an answer as it changes, with the time since the last thing that was done.
func (s *stage) show(now, before sight, did time.Time) {
	what := "only the TTL has changed"
	if now.address != before.address {
		what = role(now.address)
		if before.address != "" {
			what += fmt.Sprintf(", %.1f s later", time.Since(did).Seconds())
		}
	}
	s.println("%s    %s %d IN A %-9s  %s", s.clock(), name, now.ttl, now.address, what)
}

// clock returns the time since the begin.
func (s *stage) clock() string {
	d := time.Since(s.began)
	return fmt.Sprintf("%02d:%04.1f", int(d.Minutes()), (d % time.Minute).Seconds())
}
