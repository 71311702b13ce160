package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"syscall"

	"leat/internal/metrics"
	"leat/internal/web"
	"leat/internal/web/api"
	"leat/internal/web/ui"
)

// door is a listener and what serves it.
type door struct {
	name     string // as the field of the configuration
	url      string
	listener net.Listener
	serve    func(net.Listener) error
	http     *http.Server // nil for RTMP
}

// Listen opens the doors that the configuration names. An error names the one that could not be opened, and none
// is open then.
func (n *Node) Listen(ctx context.Context) error {
	err := n.openAll(ctx)
	if err == nil {
		n.useRecordings(n.Config())
		n.cleanWindows(n.Config())
		n.useRelays(n.Config())
		n.startMeter()
		n.startMemory()
		n.failed = make(chan error, len(n.doors))
		return nil
	}
	if n.acme != nil {
		n.acme.Close()
	}
	for _, d := range n.doors {
		err = errors.Join(err, d.listener.Close())
	}
	n.doors = nil
	if n.outputs.rtc != nil {
		err = errors.Join(err, n.outputs.rtc.Close())
	}
	return errors.Join(err, n.store.close())
}

func (n *Node) openAll(ctx context.Context) error {
	cfg := n.Config()
	public := web.NewServer(web.Public(n.publicConfig()), n.log)
	admin := web.NewServer(web.Admin(web.AdminConfig{
		Metrics: metrics.Handler(n.snapshot), Ready: n.Ready,
		API:     api.Handler(api.Config{Server: n.control(), Logger: n.log}),
		Console: ui.Console(ui.ConsoleConfig{PublicPort: n.publicPort}),
		Names:   cfg.AdminNames,
	}), n.log)
	if err := n.useCertificates(cfg); err != nil {
		return err
	}
	if err := n.useSWF(cfg); err != nil {
		return err
	}
	if err := n.useStore(cfg); err != nil {
		return err
	}
	if err := n.open(ctx, cfg.RTMP, door{name: "rtmp", serve: n.rtmp.Serve}); err != nil {
		return err
	}
	if err := n.open(ctx, cfg.RTMPS, door{name: "rtmps", serve: n.rtmp.ServeTLS}); err != nil {
		return err
	}
	if err := n.open(ctx, cfg.HTTP, door{name: "http", serve: n.limited(public), http: public}); err != nil {
		return err
	}
	if err := n.openRTC(ctx, cfg); err != nil {
		return err
	}
	return n.open(ctx, cfg.Admin, door{name: "admin", serve: func(l net.Listener) error { return admin.Serve(web.Limit(l, adminConnections)) }, http: admin})
}

// limited serves with as many connections as limits.http_connections.
func (n *Node) limited(s *http.Server) func(net.Listener) error {
	return func(l net.Listener) error {
		return s.Serve(web.Limit(l, func() int { return n.Config().Limits.HTTPConnections }))
	}
}

func adminConnections() int { return web.AdminConnections }

// open listens on addr for a door; an empty addr leaves it shut.
func (n *Node) open(ctx context.Context, addr string, d door) error {
	if addr == "" {
		return nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("cannot listen on %s for %s: %w%s", addr, d.name, err, advice(err))
	}
	d.listener, d.url = l, doorURL(d.name, l.Addr())
	n.doors = append(n.doors, d)
	return nil
}

// publicPort is that of the public door; 0 when it is shut.
func (n *Node) publicPort() int {
	if a, ok := n.Addr("http").(*net.TCPAddr); ok {
		return a.Port
	}
	return 0
}

// advice says what to do about the usual reasons why a door stays shut.
func advice(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "; another program, or another leat, listens there: end it or choose another address"
	case errors.Is(err, os.ErrPermission):
		return "; ports below 1024 need privileges on many systems"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "; this machine does not have that address"
	}
	return ""
}

// doorURL is what a user may open: an address that means all addresses is spelled as localhost.
func doorURL(name string, a net.Addr) string {
	scheme := name
	if name == "admin" {
		scheme = "http"
	}
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return scheme + "://" + a.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	address := net.JoinHostPort(host, port)
	if port == defaultPorts[scheme] {
		address = address[:len(address)-len(port)-1]
	}
	return scheme + "://" + address
}

var defaultPorts = map[string]string{"rtmp": "1935", "rtmps": "443", "http": "80"}

// Serve accepts on all doors until Shutdown. It returns nil after that, or the error of the first door that broke.
func (n *Node) Serve() error {
	n.state.CompareAndSwap(stateNew, stateServing)
	var urls []any
	for _, d := range n.doors {
		urls = append(urls, slog.String(d.name, d.url))
		n.serving.Go(func() {
			if err := d.serve(d.listener); n.state.Load() != stateStopping {
				n.failed <- fmt.Errorf("the %s door broke: %w", d.name, err)
			}
		})
	}
	n.log.Info("ready", urls...)
	n.sayWhoMayPublish()
	n.sayDescriptors()
	done := make(chan struct{})
	go func() { // ends with the doors
		n.serving.Wait()
		close(done)
	}()
	select {
	case err := <-n.failed:
		return err
	case <-done:
		return nil
	}
}

// Addr returns the address of a door ("rtmp", "rtmps", "http", "admin"), and nil when it is not open. For tests and for
// port 0.
func (n *Node) Addr(name string) net.Addr {
	for _, d := range n.doors {
		if d.name == name {
			return d.listener.Addr()
		}
	}
	return nil
}

// stopAccepting closes the doors of RTMP. Connections go on.
func (n *Node) stopAccepting() error {
	var err error
	for _, d := range n.doors {
		if d.http == nil {
			err = errors.Join(err, ignoreClosed(d.listener.Close()))
		}
	}
	return err
}

// shutdownHTTP lets answers that are under way end, until ctx is done.
func shutdownHTTP(ctx context.Context, s *http.Server) error {
	err := s.Shutdown(ctx)
	if err == nil {
		return nil
	}
	return errors.Join(err, s.Close())
}
