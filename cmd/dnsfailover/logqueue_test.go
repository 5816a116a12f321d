package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
)

// blocked is a log whose reader has stopped, until it is told to go on.
type blocked struct {
	goOn chan struct{}
	text bytes.Buffer
}

func (b *blocked) Write(p []byte) (int, error) {
	<-b.goOn
	return b.text.Write(p)
}

func TestBlockedLogHoldsNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &blocked{goOn: make(chan struct{})}
		q := newLogQueue(log, slog.New(slog.NewTextHandler(log, nil)))
		const lines = logRoom + 1000
		for i := range lines { // would deadlock, which synctest reports
			fmt.Fprintf(q, "line %d\n", i)
			synctest.Wait()
		}
		close(log.goOn)
		synctest.Wait()
		fmt.Fprintln(q, "afterwards")
		q.close()
		text := log.text.String()
		if !strings.HasPrefix(text, "line 0\n") || !strings.HasSuffix(text, "afterwards\n") {
			t.Errorf("begins %.20q, ends %q", text, text[len(text)-20:])
		}
		if want := fmt.Sprintf("lines=%d\n", lines-logRoom-1); !strings.Contains(text, want) {
			t.Errorf("nothing says %s", want)
		}
	})
}

func TestEndDoesNotWaitForABlockedLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &blocked{goOn: make(chan struct{})}
		q := newLogQueue(log, slog.New(slog.NewTextHandler(log, nil)))
		fmt.Fprintln(q, "unheard")
		q.close()
		close(log.goOn)
	})
}
