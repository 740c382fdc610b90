package fetch

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"partnercost/internal/billing"
	"partnercost/internal/loopback"
)

// GraphURL and GraphScope belong to Microsoft Graph in the global cloud, the only one
// that has the exports.
const (
	GraphURL   = "https://graph.microsoft.com"
	GraphScope = "https://graph.microsoft.com/.default"
)

// The paths of the exports, below the version.
const (
	exportPath     = "/reports/partners/billing/reconciliation/billed/export"
	operationsPath = "/reports/partners/billing/operations/"
	manifestsPath  = "/reports/partners/billing/manifests/"
)

// ErrExpired means that the address of a blob has expired: a new manifest must be
// requested from the export.
var ErrExpired = errors.New("the address of the export has expired")

// Graph reads exports of new-commerce invoices from Microsoft Graph. It needs a token of
// its own: neither service accepts the token of the other.
type Graph struct{ client *Client }

// NewGraph returns a client of Microsoft Graph. It ignores the options about the data
// of customers.
func NewGraph(o Options) (*Graph, error) {
	client, err := New(o)
	if err != nil {
		return nil, err
	}
	client.foreign = true
	return &Graph{client: client}, nil
}

// Close closes the connections that are idle.
func (g *Graph) Close() { g.client.Close() }

// SignIn obtains an access token and so proves that the sign-in works.
func (g *Graph) SignIn(ctx context.Context) error { return graphAdvice(g.client.SignIn(ctx)) }

// address returns the address of a path below the version.
func (g *Graph) address(path string) *url.URL {
	base := g.client.base
	return &url.URL{Scheme: base.Scheme, Host: base.Host, Path: base.Path + "/v1.0" + path}
}

// RequestExport requests an export of an invoice's lines. It returns the address of the
// operation that creates the export.
func (g *Graph) RequestExport(ctx context.Context, invoice string) (operation string, err error) {
	payload, err := json.Marshal(map[string]string{"invoiceId": invoice, "attributeSet": "full"})
	if err != nil {
		return "", fmt.Errorf("ask for an export: %w", err)
	}
	a, err := g.client.get(ctx, request{
		endpoint: "graph/export", resource: "export of " + invoice, url: g.address(exportPath), payload: payload,
		decode: func([]byte) error { return nil },
	})
	if err != nil {
		return "", graphAdvice(err)
	}
	u, err := g.operation(a.header.Get("Location"))
	if err != nil {
		return "", &billing.Failure{
			Class: billing.BadAnswer, Resource: "export of " + invoice, HTTPStatus: a.status, RequestID: a.requestID, CorrelationID: a.correlationID, Attempts: 1,
			Message: "the answer does not say where the export is made: " + err.Error(),
		}
	}
	return u.String(), nil
}

// operation parses the address of an operation, which must belong to this service.
func (g *Graph) operation(raw string) (*url.URL, error) { return g.below(raw, operationsPath) }

// below parses an address that the service returned, which must be below a path.
func (g *Graph) below(raw, path string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(raw))
	switch {
	case err != nil || raw == "":
		return nil, errors.New("there is no address")
	case u.Host != "" && !sameHost(u, g.client.base):
		return nil, fmt.Errorf("it names another host, %s", printable(u.Host, 64))
	case !strings.Contains(strings.ToLower(u.Path), path):
		return nil, errors.New("it names something else")
	}
	return &url.URL{Scheme: g.client.base.Scheme, Host: g.client.base.Host, Path: u.Path, RawQuery: u.RawQuery}, nil
}

// Export is the state of an operation.
type Export struct {
	State ExportState
	// Wait is how long the service asks to wait while the operation is running; 0 when it
	// does not say.
	Wait time.Duration
	// Code and Message say why it failed.
	Code, Message string
	// Manifest lists the blobs with the lines, once there are any.
	Manifest Manifest
}

// ExportState is the progress of an export.
type ExportState string

// The states of an export.
const (
	ExportRunning   ExportState = "running"
	ExportSucceeded ExportState = "succeeded"
	ExportFailed    ExportState = "failed"
	// ExportNoData means that there is no data for this invoice, or none yet.
	ExportNoData ExportState = "no_data"
)

// noDataCode is the error code of an export for which there is no data (HISTORY.md
// 5.3).
const noDataCode = "5000"

// Manifest lists the blobs of an export.
type Manifest struct {
	// ETag is the version of the data.
	ETag  string
	blobs []blob
	body  billing.InvoiceBody
}

// blob is a part of an export.
type blob struct {
	name string
	// address contains the signature, which is a secret.
	address *url.URL
}

// wireOperation is an operation (HISTORY.md 5.3). A failed operation is returned with
// HTTP 200.
type wireOperation struct {
	Status           text         `json:"status"`
	ResourceLocation wireManifest `json:"resourceLocation"`
	NavigationLink   text         `json:"resourceLocation@odata.navigationLink"`
	Error            struct {
		Code    text `json:"code"`
		Message text `json:"message"`
	} `json:"error"`
}

// wireManifest is a manifest (HISTORY.md 5.4).
type wireManifest struct {
	ETag          text `json:"eTag"`
	RootDirectory text `json:"rootDirectory"`
	SASToken      text `json:"sasToken"`
	BlobCount     *int `json:"blobCount"`
	Blobs         []struct {
		Name text `json:"name"`
	} `json:"blobs"`
}

// decodeGraph decodes an answer of Graph that is one object.
func decodeGraph(body []byte, into any) error {
	body = plain(body)
	if err := checkText("export", body); err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return describe("export", err)
	}
	return nil
}

// Operation reads the state of an export. An operation that the service no longer knows
// is a *billing.Failure with HTTP status 404.
func (g *Graph) Operation(ctx context.Context, address string) (Export, error) {
	u, err := g.operation(address)
	if err != nil {
		return Export{}, &billing.Failure{Class: billing.BadAnswer, Resource: "export", Message: "the address of the export is not one of the service: " + err.Error()}
	}
	var w wireOperation
	a, err := g.client.get(ctx, request{endpoint: "graph/operation", resource: "export", url: u, decode: func(body []byte) error {
		w = wireOperation{}
		if err := decodeGraph(body, &w); err != nil {
			return err
		}
		if w.Status == "" {
			return notDocument("export", errors.New("an operation has a status, and it has none"))
		}
		return nil
	}})
	if err != nil {
		return Export{}, graphAdvice(err)
	}
	switch strings.ToLower(string(w.Status)) {
	case "succeeded", "completed":
		m, err := g.manifest(ctx, &w, a)
		return Export{State: ExportSucceeded, Manifest: m}, err
	case "failed":
		e := Export{State: ExportFailed, Code: codeOf(string(w.Error.Code)), Message: redact(string(w.Error.Message))}
		if e.Code == noDataCode {
			e.State = ExportNoData
		}
		return e, nil
	}
	wait, _ := retryAfter(&a, g.client.options.MaxRetryAfter)
	return Export{State: ExportRunning, Wait: wait}, nil
}

// manifest returns the manifest in the operation, or the one to which the operation
// links.
func (g *Graph) manifest(ctx context.Context, w *wireOperation, a answer) (Manifest, error) {
	m := w.ResourceLocation
	if m.RootDirectory == "" && w.NavigationLink != "" {
		u, err := g.below(string(w.NavigationLink), manifestsPath)
		if err != nil {
			return Manifest{}, badManifest(&a, err)
		}
		a, err = g.client.get(ctx, request{endpoint: "graph/manifest", resource: "export", url: u, decode: func(body []byte) error {
			m = wireManifest{}
			return decodeGraph(body, &m)
		}})
		if err != nil {
			return Manifest{}, graphAdvice(err)
		}
	}
	read, err := readManifest(&m)
	if err != nil {
		return Manifest{}, badManifest(&a, err)
	}
	read.body = pack(a.body)
	return read, nil
}

func badManifest(a *answer, err error) error {
	return &billing.Failure{
		Class: billing.BadAnswer, Resource: "export", HTTPStatus: a.status, RequestID: a.requestID, CorrelationID: a.correlationID, Attempts: 1,
		Message: "the export cannot be read: " + err.Error(),
	}
}

// readManifest parses the addresses of the blobs. No error quotes one.
func readManifest(w *wireManifest) (Manifest, error) {
	root, err := url.Parse(string(w.RootDirectory))
	switch {
	case err != nil || root.Host == "" || w.RootDirectory == "":
		return Manifest{}, errors.New("its manifest names no directory")
	case root.Scheme != "https" && !(root.Scheme == "http" && loopback.Host(root.Hostname())):
		return Manifest{}, errors.New("its directory is not one of https")
	case w.BlobCount != nil && *w.BlobCount != len(w.Blobs):
		return Manifest{}, fmt.Errorf("its manifest lists %d blobs and counts %d", len(w.Blobs), *w.BlobCount)
	}
	m := Manifest{ETag: string(w.ETag)}
	for _, b := range w.Blobs {
		name := strings.TrimLeft(string(b.Name), "/")
		if name == "" || slices.Contains(strings.Split(name, "/"), "..") {
			return Manifest{}, errors.New("its manifest names no blob where it should")
		}
		address := root.JoinPath(name)
		address.RawQuery = strings.TrimLeft(string(w.SASToken), "?")
		m.blobs = append(m.blobs, blob{name: name, address: address})
	}
	return m, nil
}

// Download reads the blobs of an export. It returns ErrExpired when the service no
// longer accepts the addresses of this manifest.
func (g *Graph) Download(ctx context.Context, m Manifest) (billing.LineSet, error) {
	set := billing.LineSet{Source: billing.FromV2, ETag: m.ETag, Bodies: []billing.InvoiceBody{m.body}}
	size := int64(0)
	for _, b := range m.blobs {
		var body billing.InvoiceBody
		a, err := g.client.get(ctx, request{endpoint: "graph/blob", resource: "export", url: b.address, anonymous: true, decode: func(content []byte) error {
			if size+int64(len(content)) > g.client.options.MaxBody {
				return fmt.Errorf("the export is too large: more than %d bytes", g.client.options.MaxBody)
			}
			if len(content) == 0 { // even a blob without lines has the header of gzip
				return fmt.Errorf("%s: the blob %w: it is empty", lineDocument, errNotJSON)
			}
			body = asBlob(content)
			return readBlob(body, func(billing.InvoiceLine) bool { return true })
		}})
		if a.status == http.StatusForbidden || a.status == http.StatusUnauthorized {
			return billing.LineSet{}, ErrExpired
		}
		if err != nil {
			if failure, ok := errors.AsType[*billing.Failure](err); ok {
				failure.Said = "" // the message may repeat the signature
			}
			return billing.LineSet{}, err
		}
		size += int64(len(body.Content))
		set.Bodies = append(set.Bodies, body)
	}
	set.Lines = linesOfBlobs(set.Bodies[1:])
	return set, nil
}

// gzipMagic is the beginning of a gzip file.
var gzipMagic = []byte{0x1f, 0x8b}

// asBlob keeps a blob as it was received. A blob that the transport has unpacked is
// packed again.
func asBlob(content []byte) billing.InvoiceBody {
	if !bytes.HasPrefix(content, gzipMagic) {
		return pack(content)
	}
	return billing.InvoiceBody{Content: content, Hash: sha256.Sum256(content)}
}

// readBlob decodes the lines of a blob. A truncated blob is not valid JSON and is
// therefore requested again.
func readBlob(b billing.InvoiceBody, each func(billing.InvoiceLine) bool) error {
	r, err := gzip.NewReader(bytes.NewReader(b.Content))
	if err != nil {
		return fmt.Errorf("%s: the blob %w: %w", lineDocument, errNotJSON, err)
	}
	err = readExport(r, each)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) {
		return fmt.Errorf("%s: the blob %w: %w", lineDocument, errNotJSON, err)
	}
	return err
}

// linesOfBlobs decodes the blobs each time the sequence is read.
func linesOfBlobs(blobs []billing.InvoiceBody) iter.Seq2[billing.InvoiceLine, error] {
	return func(yield func(billing.InvoiceLine, error) bool) {
		for _, b := range blobs {
			stopped := false
			err := readBlob(b, func(line billing.InvoiceLine) bool {
				stopped = !yield(line, nil)
				return !stopped
			})
			if stopped {
				return
			}
			if err != nil {
				yield(billing.InvoiceLine{}, err)
				return
			}
		}
	}
}

// graphAdvice adds what to do about a refusal of Graph, whose permission differs from
// Partner Center's.
func graphAdvice(err error) error {
	failure, ok := errors.AsType[*billing.Failure](err)
	if !ok {
		return err
	}
	said := *failure
	switch {
	case failure.Resource == "sign-in":
		said.Message = strings.ReplaceAll(failure.Message, "auth.client_secret_file", "invoices.graph.client_secret_file")
	case failure.HTTPStatus == http.StatusForbidden:
		said.Class = billing.RoleMissing
		said.Message = "Microsoft Graph refuses the application; give it the permission PartnerBilling.Read.All (application) and consent to it as an administrator of the partner tenant"
	case failure.HTTPStatus == http.StatusUnauthorized:
		said.Class = billing.Refused
		said.Message = "Microsoft Graph refuses the token of the application; see that invoices.graph names the partner tenant and an application in it"
	}
	return &said
}
