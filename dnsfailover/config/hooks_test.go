package config

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestHooksArrive(t *testing.T) {
	c, _ := good(t, "full.yaml")
	want := []Hook{
		{
			Name: "pager", On: []string{"verdict", "switch"}, Services: []string{"mail"}, Webhook: "https://hooks.example.com/x?y=z",
			Secret: []byte("0123456789abcdefghij"), RootsID: "220fd55d05893bed", Timeout: 5 * time.Second, Mute: true,
		},
		{Name: "script", On: []string{"selection", "window_start", "window_end"}, Command: []string{"/bin/true", "--quiet"}, Timeout: 10 * time.Second},
	}
	if diff := cmp.Diff(want, c.Hooks, cmpopts.IgnoreFields(Hook{}, "Roots")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if c.Hooks[0].Roots == nil || c.Hooks[1].Roots != nil {
		t.Error("the authorities are not those of the file")
	}
}
