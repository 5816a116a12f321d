package page

import (
	"os"
	"regexp"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// TestMetrics holds names and help to the conventions, and the README to metrics that there are.
func TestMetrics(t *testing.T) {
	r := run(t, "hosts: [{names: [www.example.com]}]", nil)
	problems, err := testutil.CollectAndLint(r.Collector())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	described := make(chan *prometheus.Desc, 100)
	r.Collector().Describe(described)
	close(described)
	there := map[string]bool{}
	for d := range described {
		there[regexp.MustCompile(`fqName: "(\w+)"`).FindStringSubmatch(d.String())[1]] = true
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`\bdnsfailover_page_\w+`).FindAllString(string(readme), -1)
	if len(names) < 2 {
		t.Errorf("the README names %d metrics", len(names))
	}
	for _, name := range names {
		if !there[name] {
			t.Errorf("there is no metric %s", name)
		}
	}
}
