package cadge

import "testing"

func TestWhatAnEarlierConnectionBroughtIsAcknowledgedOnceItHasComeAgain(t *testing.T) {
	var d due
	for _, step := range []struct{ seen, dealtWith, next uint64 }{{0, 10, 0}, {6, 10, 6}, {6, 10, 0}, {12, 10, 10}, {12, 12, 12}} {
		d.see(step.seen)
		if next := d.next(step.dealtWith); next != step.next {
			t.Fatalf("%d instead of %d at %+v", next, step.next, step)
		}
	}
}
