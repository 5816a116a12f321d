package page

import (
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestChromiumDrawsThePage takes screenshots as a phone and as a desktop would show it, and wants more than a blank page in each.
func TestChromiumDrawsThePage(t *testing.T) {
	t.Parallel()
	chromium := program(t, "chromium", "chromium")
	h := begin(t, listen+`hosts: [{planned: {reason: "New disks", until: "`+time.Now().Add(time.Hour).UTC().Format(time.RFC3339)+`"}}]`, nil)
	for _, size := range []string{"500,900", "1280,800"} {
		shot := filepath.Join(h.dir, size+".png")
		out, err := exec.Command(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
			"--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(), "--window-size="+size, "--screenshot="+shot, "http://"+h.http+"/").CombinedOutput()
		if err != nil {
			t.Fatalf("chromium: %v\n%s", err, out)
		}
		file, err := os.Open(shot)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		drawn, err := png.Decode(file)
		if err != nil {
			t.Fatal(err)
		}
		colours := map[color.Color]bool{}
		for y := range drawn.Bounds().Dy() {
			for x := range drawn.Bounds().Dx() {
				colours[drawn.At(x, y)] = true
			}
		}
		t.Logf("%s: %v, %d colours", size, drawn.Bounds().Size(), len(colours))
		if len(colours) < 20 {
			t.Errorf("%s: blank, but for %d colours", size, len(colours))
		}
	}
}
