// Package metrics shows a server's counters to Prometheus. It counts nothing itself: each scrape asks a Source for a
// Snapshot and translates that, so that the media path knows no metrics library and pays for none.
//
// Names are leat_<noun>_<unit>, with _total for what only grows. Labels take values from a fixed few; none is ever
// a stream name, an address or anything else that peers choose, as each value costs the monitoring memory for ever.
// docs/metrics.md lists all of them, and a test holds it to the code.
package metrics
