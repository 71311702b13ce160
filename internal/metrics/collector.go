package metrics

import (
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	// maxScrapes is how many scrapes are answered at a time; more get 503.
	maxScrapes = 4
	// scrapeTimeout is after how long a scrape gets 503 instead of an answer.
	scrapeTimeout = 10 * time.Second
)

// Handler answers scrapes with the metrics of source and those of the Go runtime and the process.
func Handler(source Source) http.Handler {
	return promhttp.HandlerFor(newRegistry(source), promhttp.HandlerOpts{
		MaxRequestsInFlight: maxScrapes,
		Timeout:             scrapeTimeout,
	})
}

func newRegistry(source Source) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(
		newCollector(source),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return r
}

// collector is a prometheus.Collector for families.
type collector struct {
	source Source
	descs  []*prometheus.Desc // of families, by index
}

func newCollector(source Source) *collector {
	c := &collector{source: source}
	for _, f := range families {
		c.descs = append(c.descs, prometheus.NewDesc(f.name, f.help, f.labels, nil))
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	s := c.source()
	for i := range families {
		families[i].collect(c.descs[i], &s, ch)
	}
}

func (f *family) collect(desc *prometheus.Desc, s *Snapshot, ch chan<- prometheus.Metric) {
	switch {
	case f.value != nil:
		ch <- prometheus.MustNewConstMetric(desc, f.kind, f.value(s))
	case f.values != nil:
		for label, n := range f.values(s) {
			ch <- prometheus.MustNewConstMetric(desc, f.kind, float64(n), label)
		}
	case f.refusals != nil:
		for _, r := range f.refusals(s) {
			ch <- prometheus.MustNewConstMetric(desc, f.kind, float64(r.Count), r.Request, r.Reason)
		}
	case f.labelled != nil:
		for _, l := range f.labelled(s) {
			ch <- prometheus.MustNewConstMetric(desc, f.kind, l.value, l.labels...)
		}
	case f.histogram != nil:
		ch <- f.histogram(s).metric(desc)
	}
}

// metric cumulates the buckets, as Prometheus wants them.
func (h *Histogram) metric(desc *prometheus.Desc) prometheus.Metric {
	if len(h.Counts) > 0 && len(h.Counts) != len(h.Bounds)+1 {
		panic(fmt.Sprintf("metrics: %d counts for %d bounds in a histogram", len(h.Counts), len(h.Bounds)))
	}
	buckets := make(map[float64]uint64, len(h.Bounds))
	total := uint64(0)
	for i, n := range h.Counts {
		total += n
		if i < len(h.Bounds) {
			buckets[h.Bounds[i].Seconds()] = total
		}
	}
	return prometheus.MustNewConstHistogram(desc, total, h.Sum.Seconds(), buckets)
}
