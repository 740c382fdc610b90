package pgtest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
)

// table is one table of a database.
type table struct {
	OID           uint32
	Schema, Table string
}

func (t table) name() string { return t.Schema + "." + t.Table }

// resolve returns the tables with the wanted names, each as "schema.table" or "schema";
// without names, all tables.
func resolve(ctx context.Context, tx pgx.Tx, wanted []string) ([]table, error) {
	rows, err := tx.Query(ctx, `
		SELECT c.oid, n.nspname AS schema, c.relname AS table
		FROM pg_class c
		JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind = 'r' AND c.relpersistence <> 't'
		AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_toast%'
		ORDER BY n.nspname, c.relname`)
	if err != nil {
		return nil, err
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByName[table])
	if err != nil || len(wanted) == 0 {
		return all, err
	}
	var found []table
	for _, name := range wanted {
		before := len(found)
		for _, t := range all {
			if name == t.name() || name == t.Schema {
				found = append(found, t)
			}
		}
		if len(found) == before {
			return nil, fmt.Errorf("there is no table or schema %q in the database", name)
		}
	}
	return found, nil
}

// connect opens a session whose text output does not depend on the server's settings.
func connect(ctx context.Context, databaseURL string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		return nil, err
	}
	maps.Copy(config.RuntimeParams, map[string]string{
		"timezone": "UTC", "datestyle": "ISO", "intervalstyle": "postgres", "bytea_output": "hex", "search_path": "",
	})
	return pgx.ConnectConfig(ctx, config)
}

// sorted returns the keys of m in order.
func sorted[K cmp.Ordered, V any](m map[K]V) []K {
	return slices.Sorted(maps.Keys(m))
}
