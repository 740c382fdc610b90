// Package health requests the health of the daemon on this machine.
package health

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

	"partnercost/internal/config"
)

// timeout is more than the 3 s within which the daemon answers /readyz.
const timeout = 5 * time.Second

// largestAnswer bounds how much of an answer is read; it has a line per check.
const largestAnswer = 64 << 10

// Daemon is the address of the daemon. It is on this machine, so no proxy is used.
type Daemon struct {
	address *url.URL
	tls     *tls.Config
}

// At returns the daemon at an address such as http://127.0.0.1:8080.
func At(address string) (Daemon, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return Daemon{}, fmt.Errorf("%q is not an address such as http://127.0.0.1:8080", address)
	}
	return Daemon{address: u}, nil
}

// Of returns the daemon that listens as configured. Errors are about the
// configuration.
func Of(c config.Console) (Daemon, error) {
	host, err := localHost(c.Listen)
	if err != nil {
		return Daemon{}, err
	}
	if c.TLSCertFile == "" {
		return Daemon{address: &url.URL{Scheme: "http", Host: host}}, nil
	}
	only, err := onlyCertificate(c)
	return Daemon{address: &url.URL{Scheme: "https", Host: host}, tls: only}, err
}

// Ask writes the daemon's answer at a path such as healthz. Anything but 200 is an error.
func (d Daemon) Ask(ctx context.Context, path string, w io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	address := d.address.JoinPath(path).String()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	transport := &http.Transport{TLSClientConfig: d.tls}
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(request)
	if err != nil {
		return fmt.Errorf("the daemon does not answer at %s: %w", address, err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(w, io.LimitReader(response.Body, largestAnswer)); err != nil {
		return fmt.Errorf("the daemon's answer at %s is incomplete: %w", address, err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the daemon is not healthy: %s answers %s", address, response.Status)
	}
	return nil
}

// localHost turns the address on which the daemon listens into one to which a client on
// this machine can connect.
func localHost(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", fmt.Errorf("console.listen: %w", err)
	}
	if port == "0" {
		return "", errors.New("console.listen leaves the port to the system; name the daemon's address with --url; the daemon logs it")
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip != nil && ip.To4() == nil {
			host = "::1"
		}
	}
	return net.JoinHostPort(host, port), nil
}

// onlyCertificate trusts only the certificate of the configuration. The certificate has
// the names that people use, not the loopback address that is used here.
func onlyCertificate(c config.Console) (*tls.Config, error) {
	content, err := os.ReadFile(c.TLSCertFile)
	if err != nil {
		return nil, fmt.Errorf("console.tls_cert_file: %w", err)
	}
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, fmt.Errorf("console.tls_cert_file: %s holds no certificate in PEM", c.TLSCertFile)
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
