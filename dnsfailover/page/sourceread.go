package page

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"dnsfailover/dnsfailover/api"
)

// What is read of a source's answer at most. A service takes about a thousand octets.
const (
	maxAnswer   = 16 << 20 // octets
	maxServices = 50_000
)

// brief is what a site needs to know of a service. What else there is in it is passed over, so that whoever stands where the source did
// can't fill the memory.
type brief struct {
	Name     string        `json:"name"`
	Records  []string      `json:"records"`
	Serving  string        `json:"serving"`
	Rule     string        `json:"rule"`
	Reason   string        `json:"reason"`
	Override *api.Override `json:"override"`
	Window   *struct {
		End    time.Time `json:"end"`
		Reason string    `json:"reason"`
	} `json:"window"`
	NextChange *struct {
		At      time.Time `json:"at"`
		Serving string    `json:"serving"`
	} `json:"next_change"`
	Targets []struct {
		Name string `json:"name"`
	} `json:"targets"`
}

func (b *brief) service() api.Service {
	s := api.Service{Name: b.Name, Records: b.Records, Serving: b.Serving, Rule: b.Rule, Reason: b.Reason, Override: b.Override}
	if b.Window != nil {
		s.Window = &api.Window{End: b.Window.End, Reason: b.Window.Reason}
	}
	if b.NextChange != nil {
		s.NextChange = &api.NextChange{At: b.NextChange.At, Serving: b.NextChange.Serving}
	}
	for _, t := range b.Targets {
		s.Targets = append(s.Targets, api.Target{Name: t.Name})
		if len(s.Targets) == 2 { // the first one, and whether there is another
			break
		}
	}
	return s
}

// readServices reads the services out of an api.Status, one at a time. Without any mention of services it is something else.
func readServices(body io.Reader) ([]api.Service, error) {
	d := json.NewDecoder(http.MaxBytesReader(nil, io.NopCloser(body), maxAnswer))
	services, err := decodeServices(d)
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return nil, fmt.Errorf("it is longer than %d MiB", maxAnswer>>20)
	case errors.Is(err, io.EOF):
		return nil, io.ErrUnexpectedEOF
	}
	return services, err
}

func decodeServices(d *json.Decoder) (services []api.Service, err error) {
	if err := expect(d, '{'); err != nil {
		return nil, err
	}
	found := false
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		if key != "services" || found {
			var other json.RawMessage
			if err := d.Decode(&other); err != nil {
				return nil, err
			}
			continue
		}
		found = true
		if err := expect(d, '['); err != nil {
			return nil, err
		}
		for d.More() {
			var b brief
			if err := d.Decode(&b); err != nil {
				return nil, err
			}
			if len(services) == maxServices {
				return nil, fmt.Errorf("it has more than %d services", maxServices)
			}
			services = append(services, b.service())
		}
		if err := expect(d, ']'); err != nil {
			return nil, err
		}
	}
	if err := expect(d, '}'); err != nil {
		return nil, err
	}
	if !found {
		return nil, errors.New("it has no services")
	}
	return services, nil
}

// expect reads a bracket.
func expect(d *json.Decoder, want json.Delim) error {
	token, err := d.Token()
	if err == nil && token != want {
		err = fmt.Errorf("%v where %v should be", token, want)
	}
	return err
}
