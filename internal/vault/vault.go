// Package vault stores a refresh token as a secret of Azure Key Vault, as Microsoft's
// secure application model does.
package vault

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"partnercost/internal/billing"
)

// Secret is one secret of a vault. It signs in with Azure's default chain of credentials:
// the environment, a workload identity, a managed identity, the Azure CLI.
type Secret struct {
	url, name string
	client    *azsecrets.Client
}

// Options say where a secret is.
type Options struct {
	// URL is the address of the vault, such as https://contoso.vault.azure.net.
	URL string
	// Name is the name of the secret.
	Name string
	// HTTP carries the requests; nil means Azure's own client.
	HTTP *http.Client
}

// Open prepares the secret. It makes no request.
func Open(o Options) (*Secret, error) {
	settings := azcore.ClientOptions{Cloud: cloudOf(o.URL)}
	if o.HTTP != nil {
		settings.Transport = o.HTTP
	}
	credential, err := azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: settings})
	if err != nil {
		return nil, fmt.Errorf("prepare the sign-in to the key vault: %w", err)
	}
	client, err := azsecrets.NewClient(o.URL, credential, &azsecrets.ClientOptions{ClientOptions: settings})
	if err != nil {
		return nil, fmt.Errorf("prepare the key vault: %w", err)
	}
	return &Secret{url: o.URL, name: o.Name, client: client}, nil
}

// cloudOf returns the cloud of a vault, where its identities sign in. For the public
// cloud it leaves the choice to AZURE_AUTHORITY_HOST.
func cloudOf(vault string) cloud.Configuration {
	u, err := url.Parse(vault)
	if err != nil {
		return cloud.Configuration{}
	}
	switch host := u.Hostname(); {
	case strings.HasSuffix(host, ".usgovcloudapi.net"):
		return cloud.AzureGovernment
	case strings.HasSuffix(host, ".azure.cn"):
		return cloud.AzureChina
	}
	return cloud.Configuration{}
}

// String names the secret for the operator.
func (s *Secret) String() string { return "the secret " + s.name + " of " + s.url }

// Get returns the newest version of the secret, or "" if there is no such secret.
func (s *Secret) Get(ctx context.Context) (string, error) {
	answer, err := s.client.GetSecret(ctx, s.name, "", nil)
	if refused, ok := errors.AsType[*azcore.ResponseError](err); ok && refused.StatusCode == http.StatusNotFound && refused.ErrorCode == "SecretNotFound" {
		return "", nil
	}
	if err != nil {
		return "", s.failure(ctx, "read", "get", err)
	}
	if answer.Value == nil {
		return "", nil
	}
	return strings.TrimSpace(*answer.Value), nil
}

// Set stores a new version of the secret. The vault keeps the earlier versions.
func (s *Secret) Set(ctx context.Context, value string) error {
	kind := "refresh token of the partnercost collector"
	_, err := s.client.SetSecret(ctx, s.name, azsecrets.SetSecretParameters{Value: &value, ContentType: &kind}, nil)
	if err != nil {
		return s.failure(ctx, "written", "set", err)
	}
	return nil
}

// failure describes an error of the vault in our own words, because Azure's errors quote
// whole answers.
func (s *Secret) failure(ctx context.Context, done, permission string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	f := &billing.Failure{Class: billing.ConfigurationFailure, Resource: "sign-in"}
	words := "check auth.key_vault_url"
	if refused, ok := errors.AsType[*azcore.ResponseError](err); ok {
		f.HTTPStatus, f.Code = refused.StatusCode, refused.ErrorCode
		switch status := refused.StatusCode; {
		case status == http.StatusForbidden:
			words = "allow the collector's identity to " + permission + " secrets (role Key Vault Secrets Officer, or the permissions get and set), and check the vault's firewall"
		case status == http.StatusUnauthorized:
			words = "the vault does not accept the identity; check the vault's tenant and AZURE_TENANT_ID"
		case status == http.StatusConflict:
			words = "the secret was deleted and waits to be purged; recover it (az keyvault secret recover), or name another one with auth.key_vault_secret"
		case status == http.StatusTooManyRequests || status >= http.StatusInternalServerError:
			f.Class, words = billing.CredentialFailure, "the vault reports an internal error; try again later"
		}
	} else if refused, ok := errors.AsType[*azidentity.AuthenticationFailedError](err); ok {
		if refused.RawResponse != nil {
			f.HTTPStatus = refused.RawResponse.StatusCode
		}
		words = "Azure refuses the collector's identity; check AZURE_TENANT_ID, AZURE_CLIENT_ID and what proves them, or the managed identity"
	} else if cause, ok := errors.AsType[*url.Error](err); ok {
		f.Class, words = billing.CredentialFailure, "it cannot be reached: "+cause.Err.Error()
	} else if strings.Contains(err.Error(), "failed to acquire a token") {
		words = "there is no Azure identity; give the machine a managed identity, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"
	}
	f.Message = fmt.Sprintf("%s cannot be %s: %s", s, done, words)
	return f
}
