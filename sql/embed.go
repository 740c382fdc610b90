// Package sql embeds the statements that are not compiled into the program by
// sqlc: the staging tables of a session, the roles and the queries of finance.
package sql

import "embed"

// Stage creates the temporary tables through which a batch is staged.
//
//go:embed stage.sql
var Stage string

// Roles creates the two group roles and grants them what they need.
//
//go:embed roles.sql
var Roles string

// Finance holds the queries that finance runs as they are, in queries/finance.
//
//go:embed queries/finance/*.sql
var Finance embed.FS
