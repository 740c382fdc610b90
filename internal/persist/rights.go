package persist

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"partnercost/internal/pg"
	"partnercost/sql"
)

// lackedRights returns, a row each, the rights that sql/roles.sql grants to
// collector_writer and the login lacks.
const lackedRights = `
SELECT lacked FROM (
    SELECT 1 AS part, format('TEMPORARY on the database %I', current_database()) AS lacked
    WHERE NOT has_database_privilege(current_database(), 'TEMPORARY')
    UNION ALL
    SELECT 2, format('USAGE on the schema %I', nspname) FROM pg_namespace
    WHERE nspname IN ('collector', 'finance', 'river') AND NOT has_schema_privilege(oid, 'USAGE')
    UNION ALL
    SELECT 3, string_agg(need, ', ' ORDER BY need) || format(' on %I.%I', nspname, relname)
    FROM (SELECT c.oid, c.relname, n.nspname, c.relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname IN ('collector', 'finance', 'river') AND c.relkind IN ('r', 'v', 'S') AND c.relname !~ '^river_notification') c
    CROSS JOIN LATERAL unnest(CASE WHEN nspname = 'finance' OR relkind = 'v' THEN ARRAY['SELECT']
        WHEN relkind = 'S' THEN ARRAY['USAGE'] ELSE ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE'] END) need
    WHERE CASE WHEN relkind = 'S' THEN NOT has_sequence_privilege(c.oid, need) ELSE NOT has_table_privilege(c.oid, need) END
    GROUP BY nspname, relname
    UNION ALL
    SELECT 4, format('EXECUTE on %s', oid::regprocedure) FROM pg_proc
    WHERE pronamespace = 'collector'::regnamespace AND NOT has_function_privilege(oid, 'EXECUTE')
) l
ORDER BY part, lacked`

// lacksNamed is how many missing rights an error names.
const lacksNamed = 5

// MayCollect returns why a run could not write with this login, and what to do:
// sessions are read-only, or rights are missing. It changes nothing.
func (s *Store) MayCollect(ctx context.Context) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var readOnly, standby, writer bool
		var login string
		err := tx.QueryRow(ctx, `SELECT current_setting('transaction_read_only') = 'on', pg_is_in_recovery(), current_user,
			EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'collector_writer' AND pg_has_role(oid, 'MEMBER'))`).Scan(&readOnly, &standby, &login, &writer)
		name := pgx.Identifier{login}.Sanitize()
		switch {
		case err != nil:
			return err
		case standby:
			return pg.Unfit("the server is a standby, which is read-only: set database.url to the primary server")
		case readOnly:
			return pg.Unfit("the sessions of the login " + name + " are read-only: ask an administrator to run ALTER ROLE " + name +
				" SET default_transaction_read_only = off, and check this setting in database.url and of the database")
		}
		rows, err := tx.Query(ctx, lackedRights)
		if err != nil {
			return err
		}
		lacked, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		if len(lacked) > 0 {
			return lacking(name, writer, lacked)
		}
		if _, err := tx.Exec(ctx, sql.Stage); err != nil {
			return fmt.Errorf("create the staging tables: %w", err)
		}
		return errDryRun
	})
	if errors.Is(err, errDryRun) {
		return nil
	}
	return classify(err)
}

// lacking returns an error about the rights that the login lacks.
func lacking(login string, writer bool, lacked []string) error {
	what := strings.Join(lacked[:min(lacksNamed, len(lacked))], "; ")
	if more := len(lacked) - lacksNamed; more > 0 {
		what += fmt.Sprintf("; and %d more", more)
	}
	todo := "ask an administrator to run: GRANT collector_writer TO " + login
	if writer {
		todo = "run collector migrate up as the owner, which grants them to collector_writer"
	}
	return pg.Unfit("the login " + login + " lacks rights that a run needs: " + what + "; " + todo)
}
