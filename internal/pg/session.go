package pg

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// pinnedSettings are the settings of every session, whatever the connection string
// sets.
var pinnedSettings = map[string]string{
	// All names are qualified, except those of the session's temporary tables. A function
	// or operator that another user created in schema public can therefore not replace one
	// of ours.
	"search_path": "",
	"timezone":    "UTC",
	"datestyle":   "ISO, YMD", // for dates in texts
}

// encodingOfTexts is the encoding of the service's texts; no other encoding can store
// all of them.
const encodingOfTexts = "UTF8"

// Sessions makes each session of the configuration begin with these settings and the
// pinned ones, and refuses a database that cannot store all texts. The settings are
// made by a statement, because poolers refuse or drop settings requested at connection
// start.
func Sessions(config *pgx.ConnConfig, name string, settings map[string]string) {
	all := pinned(config, name, settings)
	columns := []string{"pg_catalog.pg_backend_pid()"}
	var values [][]byte
	for _, name := range slices.Sorted(maps.Keys(all)) {
		columns = append(columns, fmt.Sprintf("pg_catalog.set_config($%d, $%d, false)", len(values)+1, len(values)+2))
		values = append(values, []byte(name), []byte(all[name]))
	}
	statement := "SELECT " + strings.Join(columns, ", ")
	config.AfterConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
		if err := keepsTexts(ctx, conn); err != nil {
			return err
		}
		result := conn.ExecParams(ctx, statement, values, nil, nil, nil).Read()
		if result.Err != nil {
			return fmt.Errorf("prepare the session: %w", result.Err)
		}
		conn.CustomData()["pooled"] = string(result.Rows[0][0]) != fmt.Sprint(int32(conn.PID()))
		return nil
	}
}

// Transactions is Sessions for a program that works in transactions alone. The statement
// that it returns makes the settings, for one transaction, of which it must be the first.
// So it does not matter whose session each transaction gets from a pooler, and nobody
// finds the settings there afterwards.
func Transactions(config *pgx.ConnConfig, name string, settings map[string]string) (first string) {
	all := pinned(config, name, settings)
	var columns []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		columns = append(columns, fmt.Sprintf("pg_catalog.set_config('%s', '%s', true)", name, all[name]))
	}
	config.AfterConnect = keepsTexts
	return "SELECT " + strings.Join(columns, ", ")
}

// pinned adds the pinned settings, and has the connections ask for none of all these as
// they start.
func pinned(config *pgx.ConnConfig, name string, settings map[string]string) map[string]string {
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 10 * time.Second
	}
	all := maps.Clone(pinnedSettings)
	maps.Copy(all, settings)
	for name := range all {
		delete(config.RuntimeParams, name)
	}
	config.RuntimeParams["application_name"] = name
	config.RuntimeParams["client_encoding"] = encodingOfTexts
	return all
}

// keepsTexts refuses a database that cannot keep the texts of the service.
func keepsTexts(_ context.Context, conn *pgconn.PgConn) error {
	if encoding := conn.ParameterStatus("server_encoding"); encoding != encodingOfTexts {
		return Unfit("the encoding of the database is " + encoding + ", which cannot store every name; ask an administrator to create another database, for example with " +
			"CREATE DATABASE costs ENCODING 'UTF8' TEMPLATE template0, and set database.url to it")
	}
	return nil
}

// Stated returns the settings, with the values of the connection string where it sets
// them.
func Stated(config *pgx.ConnConfig, settings map[string]string) map[string]string {
	all := maps.Clone(settings)
	for name := range all {
		if value, asked := config.RuntimeParams[name]; asked {
			all[name] = value
		}
	}
	return all
}

// Unfit means that the server answers but cannot be used before an operator acts.
type Unfit string

func (e Unfit) Error() string { return string(e) }

const errPooled = Unfit("a connection pooler in transaction or statement mode sends the statements of one session to several server processes; the locks that keep two runs apart " +
	"and the staging tables belong to a session; run the pooler in session mode (PgBouncer: pool_mode = session), or set database.url to PostgreSQL itself")

// Pooled reports whether a pooler is between this connection, which Sessions prepared, and
// the server.
func Pooled(conn *pgconn.PgConn) bool { return conn.CustomData()["pooled"] == true }

// SessionsApart refuses a pooler that does not give each session its own server
// process. It uses the two sessions unevenly, so that a pooler that assigns its
// processes in turn is detected too.
func SessionsApart(ctx context.Context, first *pgconn.PgConn, another func() (*pgconn.PgConn, error)) error {
	if !Pooled(first) {
		return nil
	}
	second, err := another()
	if err != nil {
		return err
	}
	process := map[*pgconn.PgConn]string{}
	for _, conn := range []*pgconn.PgConn{first, second, first, first, second, second} {
		result := conn.ExecParams(ctx, "SELECT pg_catalog.pg_backend_pid()", nil, nil, nil, nil).Read()
		if result.Err != nil {
			return fmt.Errorf("look for a pooler: %w", result.Err)
		}
		pid := string(result.Rows[0][0])
		if before, known := process[conn]; known && pid != before {
			return errPooled
		}
		process[conn] = pid
		if process[first] == process[second] {
			return errPooled
		}
	}
	return nil
}

// RefusedByPooler reports whether a pooler refused the connection because of a
// parameter of the connection string that it does not know. PgBouncer uses the same
// SQLSTATE when the server behind it is unavailable, which is transient.
func RefusedByPooler(err *pgconn.PgError) bool {
	return err.Code == "08P01" && strings.HasPrefix(err.Message, "unsupported startup parameter")
}

// PoolerAdvice tells the operator what to do about a pooler that refused a parameter.
const PoolerAdvice = "this is a connection pooler: remove the parameter from database.url, or add it to ignore_startup_parameters of PgBouncer, and run the pooler in session mode"
