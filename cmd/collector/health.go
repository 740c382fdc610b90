package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/spf13/cobra"

	"partnercost/internal/config"
)

// healthTimeout leaves the daemon the 3 s within which /readyz answers.
const healthTimeout = 5 * time.Second

// largestHealthAnswer bounds what is read of an answer: a line per check.
const largestHealthAnswer = 64 << 10

func (p *program) healthCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask the daemon on this machine whether it is healthy",
		Long: `Ask the daemon on this machine, at the address console.listen of the configuration, and
print its answer. The exit code is 0 if the daemon answers, and with --ready if all its
checks pass. Otherwise it is 1. Use it as the health check of a container without a
shell.`,
		Example: `  collector health            # does the daemon answer?
  collector health --ready    # can it reach its database, and is it on time?
  collector health --url http://127.0.0.1:8080`,
		Args: cobra.NoArgs,
	}
	var base string
	var ready bool
	cmd.Flags().StringVar(&base, "url", "", "ask this `address` instead of reading the configuration")
	cmd.Flags().BoolVar(&ready, "ready", false, "ask whether the daemon is ready (/readyz), not only whether it answers (/healthz)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		daemon, transport, err := p.daemonAddress(base)
		if err != nil {
			return err
		}
		defer transport.CloseIdleConnections()
		path := "healthz"
		if ready {
			path = "readyz"
		}
		return p.askHealth(cmd.Context(), transport, daemon.JoinPath(path).String())
	}
	return cmd
}

// daemonAddress returns where the daemon answers and how to connect to it. No proxy is
// asked: the daemon is on this machine.
func (p *program) daemonAddress(base string) (*url.URL, *http.Transport, error) {
	transport := &http.Transport{}
	if base != "" {
		u, err := url.Parse(base)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, nil, usageError("--url: %q is not an address such as http://127.0.0.1:8080", base)
		}
		return u, transport, nil
	}
	c, err := p.loadConfig()
	if err != nil {
		return nil, nil, err
	}
	host, err := localHost(c.Console.Listen)
	if err != nil {
		return nil, nil, err
	}
	if c.Console.TLSCertFile == "" {
		return &url.URL{Scheme: "http", Host: host}, transport, nil
	}
	transport.TLSClientConfig, err = onlyCertificate(c.Console)
	return &url.URL{Scheme: "https", Host: host}, transport, err
}

// localHost turns what the daemon listens on into what can be connected to from here.
func localHost(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", configError(fmt.Errorf("console.listen: %w", err))
	}
	if port == "0" {
		return "", configError(errors.New("console.listen leaves the port to the system; name the daemon's address with --url; the daemon logs it"))
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip != nil && ip.To4() == nil {
			host = "::1"
		}
	}
	return net.JoinHostPort(host, port), nil
}

// onlyCertificate trusts the certificate of the configuration and no other. Its names
// are those that people use, not the loopback address that is asked here.
func onlyCertificate(c config.Console) (*tls.Config, error) {
	content, err := os.ReadFile(c.TLSCertFile)
	if err != nil {
		return nil, configError(fmt.Errorf("console.tls_cert_file: %w", err))
	}
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, configError(fmt.Errorf("console.tls_cert_file: %s holds no certificate in PEM", c.TLSCertFile))
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, //nolint:gosec // verified below, by its content instead of its name
		VerifyConnection: func(shown tls.ConnectionState) error {
			if len(shown.PeerCertificates) == 0 || !bytes.Equal(shown.PeerCertificates[0].Raw, block.Bytes) {
				return errors.New("its certificate is not the one in console.tls_cert_file")
			}
			return nil
		},
	}, nil
}

// askHealth prints the answer. Anything but 200 is an error.
func (p *program) askHealth(ctx context.Context, transport *http.Transport, address string) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return fmt.Errorf("the daemon does not answer at %s: %w", address, err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(p.stdout, io.LimitReader(response.Body, largestHealthAnswer)); err != nil {
		return fmt.Errorf("the daemon's answer at %s is incomplete: %w", address, err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the daemon is not healthy: %s answers %s", address, response.Status)
	}
	return nil
}
