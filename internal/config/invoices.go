package config

import (
	"cmp"
	"time"
)

// monthForm is the form of a month.
const monthForm = "2006-01"

// SinceMonth returns the first day of the first month to read; zero when all months are
// read.
func (i Invoices) SinceMonth() time.Time {
	month, err := time.Parse(monthForm, i.Since)
	if err != nil { // cannot happen: loading has checked it
		return time.Time{}
	}
	return month
}

// invoices checks the keys about invoices, and completes the sign-in to Microsoft Graph
// from the sign-in to Partner Center.
func (l *loader) invoices(p *Partner, path string) {
	if i := p.Invoices; i.Since != "" {
		if _, err := time.Parse(monthForm, i.Since); err != nil {
			l.refuse(join(path, "since"), "%q is not a month such as 2024-01", shorten(i.Since))
		}
	}
	g, path := &p.Invoices.Graph, join(path, "graph")
	g.Given = l.given(path)
	l.guid(&g.TenantID, join(path, "tenant_id"))
	l.guid(&g.ClientID, join(path, "client_id"))
	l.serviceAddress(g.BaseURL, join(path, "base_url"))
	l.serviceAddress(g.LoginURL, join(path, "login_url"))
	if !g.Given {
		return
	}
	if p.Cloud != "global" && p.Cloud != "" {
		l.refuse(path, "the exports of Microsoft Graph exist in the cloud global only")
	}
	variable := variableOf(p.Name, "GRAPH_CLIENT_SECRET")
	g.ClientSecret, _ = l.secret(g.ClientSecretFile, join(path, "client_secret_file"), variable)
	if !g.ClientSecret.IsSet() && g.ClientSecretFile == "" {
		g.ClientSecret = p.Auth.ClientSecret
		if !g.ClientSecret.IsSet() {
			l.refuse(join(path, "client_secret_file"), "is missing; an application alone needs it, or %s", variable)
		}
	}
	g.TenantID, g.ClientID = cmp.Or(g.TenantID, p.Auth.TenantID), cmp.Or(g.ClientID, p.Auth.ClientID)
	g.LoginURL = cmp.Or(g.LoginURL, p.Auth.LoginURL)
	if g.TenantID == "" {
		l.refuse(join(path, "tenant_id"), "is missing, in auth too")
	}
	if g.ClientID == "" {
		l.refuse(join(path, "client_id"), "is missing, in auth too")
	}
}
