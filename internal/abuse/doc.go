// Package abuse holds tests only: what a whole server does when clients misbehave, out of malice or by mistake.
//
// Each test runs a node on the loopback. Beside it a healthy publisher sends about 1 Mbit/s to three players while the
// offenders do what the test is named after. The bar is the same for all of them:
//
//   - the healthy players get every message, whole and in order, and in time (healthy_test.go);
//   - the offenders leave a line in the log that says what they did, and nothing panics (house_test.go);
//   - memory stays bounded meanwhile, and goroutines, descriptors and heap come back afterwards (usage_test.go);
//   - a new session is served.
//
// peer_test.go is the offenders' hand: a client made of bytes. The tests are grouped by what is abused. With the build
// tag "soak", TestSoak mixes all of it for a long time. docs/robustness.md lists the cases, and a test of internal/arch keeps
// it in step.
package abuse
