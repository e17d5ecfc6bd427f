package cadge_test

import (
	"slices"
	"testing"
	"time"

	cadge "github.com/cadge/cadge/sdk-go-stubs"
	"github.com/cadge/cadge/sdk-go-stubs/internal/hubtest"
)

// indexed waits until the hub's index has all of its log.
func indexed(t *testing.T, hub *hubtest.Hub) *cadge.Client {
	t.Helper()
	ctx, client := connected(t, byTLS(hub))
	for {
		counted, err := client.Count(ctx, cadge.CountOptions{})
		// In a new hub's first moments there is no index yet.
		if err != nil && !cadge.Transient(err) {
			t.Fatal(err)
		}
		if err == nil && counted.Indexed == counted.Head && counted.Head > 0 {
			return client
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestHistoryIsCounted(t *testing.T) {
	client := indexed(t, fed(t, 1000))
	counted, err := client.Count(t.Context(), cadge.CountOptions{
		Selection: cadge.Selection{
			Where: map[cadge.Dimension][]string{cadge.ByRule: {"Rule 1", "Rule 2"}, cadge.ByHost: {"node-1"}},
			Since: hubtest.Began, Until: hubtest.Began.Add(600 * time.Second),
		},
		GroupBy: []cadge.Dimension{cadge.ByRule, cadge.ByTag},
	})
	must(t, err)
	had := map[string]uint64{}
	for _, count := range counted.Counts {
		had[count.Values[0]+" "+count.Values[1]] = count.Count
	}
	for _, name := range []string{"Rule 1 container", "Rule 1 test", "Rule 2 container", "Rule 2 test"} {
		if had[name] != 120 || len(had) != 4 {
			t.Fatalf("the counts are %v", had)
		}
	}
	spans, err := client.Count(t.Context(), cadge.CountOptions{Step: time.Minute, Filter: "alert.rule = 'Rule 1'"})
	must(t, err)
	sum := uint64(0)
	for _, span := range spans.Counts {
		sum += span.Count
	}
	if first := spans.Counts[0]; sum != 200 || !first.Start.Equal(hubtest.Began.Truncate(time.Minute)) || first.Count != 12 {
		t.Fatalf("%d alerts in all, first %+v", sum, first)
	}
}

func TestHistoryIsSearchedByPages(t *testing.T) {
	client := indexed(t, fed(t, 500))
	options := cadge.SearchOptions{OldestFirst: true, Limit: 7, Fields: []string{"proc.name"},
		Selection: cadge.Selection{Where: map[cadge.Dimension][]string{cadge.ByPriority: {"Warning"}}}}
	var had []uint64
	for {
		page, err := client.Search(t.Context(), options)
		must(t, err)
		for _, alert := range page.Alerts {
			if alert.Priority != cadge.PriorityWarning || len(alert.OutputFields) != 1 || alert.Position == 0 {
				t.Fatalf("%+v", alert)
			}
			had = append(had, alert.Sequence)
		}
		if options.Page = page.NextPage; page.NextPage == 0 {
			break
		}
	}
	if len(had) != 63 || had[0] != 4 || had[62] != 500 || !slices.IsSorted(had) {
		t.Fatalf("the alerts are %v", had)
	}
	newest, err := client.Search(t.Context(), cadge.SearchOptions{Filter: "alert.rule = 'Rule 3'", Limit: 1})
	must(t, err)
	if len(newest.Alerts) != 1 || newest.Alerts[0].Sequence != 498 {
		t.Fatalf("%+v", newest)
	}
}
