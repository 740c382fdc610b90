package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"partnercost/internal/persist"
)

func (p *program) migrateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database schema to the version this program needs",
		Long: `Move the database between schema versions. The connection is database.migrate_url, or
database.url if that is not set. Its role must own the schemas collector and finance, or
be allowed to create them. COLLECTOR_DATABASE_URL can replace the configuration file.
Commands that collect refuse a database at another schema version than they need.`,
		Example: `  collector migrate up
  collector migrate status`,
		Args: aCommand,
		RunE: needsCommand,
	}
	cmd.AddCommand(
		p.migration(&cobra.Command{
			Use:   "up",
			Short: "Apply every pending migration",
			Long: `Apply every pending migration in order, and grant the roles finance_reader (reads the
views of finance) and collector_writer (collects, but cannot change the schema) their
rights. If the login may not create roles, standard output is the SQL script that an
administrator has to run. The command succeeds if nothing is pending.`,
			Example: `  collector migrate up`,
			Args:    cobra.NoArgs,
		}, func(ctx context.Context, m *persist.Migrator, _ []string) error { return p.migrateUp(ctx, m) }),
		p.migrateDownCommand(),
		p.migration(&cobra.Command{
			Use:   "status",
			Short: "Print the schema version and what is pending",
			Long:  `Print the schema version of the database, the one this program needs, and the pending migrations.`,
			Example: `  collector migrate status
  collector migrate status --config /etc/collector.yaml`,
			Args: cobra.NoArgs,
		}, func(context.Context, *persist.Migrator, []string) error { return nil }),
		p.migration(&cobra.Command{
			Use:   "force VERSION",
			Short: "Declare the schema version after a repair by hand",
			Long: `Set the recorded schema version, and clear the mark of a migration that failed half-way.
No migration is run. Use it after you have repaired the schema by hand. Version 0 is an
empty database.`,
			Example: `  collector migrate force 1`,
			Args:    aNumber("VERSION", 0),
		}, func(_ context.Context, m *persist.Migrator, args []string) error {
			v, _ := strconv.Atoi(args[0]) // aNumber has checked it
			return m.Force(v)
		}),
	)
	return cmd
}

func (p *program) migrateDownCommand() *cobra.Command {
	var yes, forget bool
	cmd := p.migration(&cobra.Command{
		Use:   "down N",
		Short: "Revert the last N migrations and delete their data",
		Long: `Revert the last N migrations, newest first. This deletes the tables that they created,
with all data: the first migration holds every cost, line item, profile and run. Make a
backup first. On a terminal the command asks for confirmation. Elsewhere it needs --yes.
If fewer than N migrations are applied, nothing is changed and the exit code is 2. While
a partner is being collected or a customer erased, nothing is changed and the exit code
is 4.

The migration "erasures" holds the record of erased customers. Without the record the
next run would store the personal data of these customers again. Therefore a record of
erased customers is deleted only with --forget-erasures. In that case save the list in
finance.erasures, and erase these customers again after "collector migrate up", before
the next run.`,
		Example: `  collector migrate down 1
  collector migrate down 1 --yes`,
		Args: aNumber("N", 1),
	}, func(ctx context.Context, m *persist.Migrator, args []string) error {
		n, _ := strconv.Atoi(args[0]) // aNumber has checked it
		err := p.migrateDown(ctx, m, n, yes, forget)
		if errors.Is(err, persist.ErrTooFarDown) || errors.Is(err, persist.ErrForgetsErasures) {
			return configError(err)
		}
		return err
	})
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask for confirmation")
	cmd.Flags().BoolVar(&forget, "forget-erasures", false, "delete the record of erased customers too")
	return cmd
}

func (p *program) migrateDown(ctx context.Context, m *persist.Migrator, n int, yes, forget bool) error {
	names, err := m.Last(n)
	if err != nil {
		return err
	}
	if !yes {
		if !term.IsTerminal(int(os.Stdin.Fd())) {
			return usageError("reverting migrations deletes their data: %s; without a terminal this needs --yes", strings.Join(names, ", "))
		}
		fmt.Fprintf(p.stderr, "This deletes the data of these migrations: %s.\nType yes to continue: ", strings.Join(names, ", "))
		answer, err := bufio.NewReader(os.Stdin).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read the answer: %w", err)
		}
		if strings.TrimSpace(answer) != "yes" {
			return configError(errors.New("nothing was changed"))
		}
	}
	return m.Down(ctx, n, forget)
}

func (p *program) migrateUp(ctx context.Context, m *persist.Migrator) error {
	if err := m.Up(ctx); err != nil {
		return err
	}
	err := m.GrantRoles(ctx)
	if errors.Is(err, persist.ErrMayNotGrant) {
		// The migrations are applied. Only the rights of the roles are missing.
		fmt.Fprintf(p.stderr, "%v.\nOther logins need these roles, and so do the console, report, status, export and explain. An administrator has to run in this database what is on standard output, which is SQL.\n", err)
		_, err := fmt.Fprintln(p.stdout, persist.RolesScript())
		p.sqlOnStdout = true
		return err
	}
	return err
}

// migration makes cmd run work on the schema, and then print the schema version.
func (p *program) migration(cmd *cobra.Command, work func(context.Context, *persist.Migrator, []string) error) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		c, err := p.loadDatabaseConfig()
		if err != nil {
			return err
		}
		m, err := persist.OpenMigrator(cmd.Context(), c.Database.SchemaURL())
		if err != nil {
			return err
		}
		defer func() {
			if closeErr := m.Close(); err == nil {
				err = closeErr
			}
		}()
		if err := work(cmd.Context(), m, args); err != nil {
			return err
		}
		state, err := m.State()
		if err != nil {
			return err
		}
		return p.printSchema(state)
	}
	return cmd
}

func (p *program) printSchema(s persist.SchemaState) error {
	lines := []string{fmt.Sprintf("schema version %d, this program needs %d", s.Version, s.Latest)}
	if s.Dirty {
		lines = append(lines, "dirty: the last migration failed half-way")
	}
	for _, name := range s.Pending {
		lines = append(lines, "pending: "+name)
	}
	prefix := ""
	if p.sqlOnStdout {
		prefix = "-- "
	}
	_, err := fmt.Fprintln(p.stdout, prefix+strings.Join(lines, "\n"+prefix))
	return err
}

// aNumber requires one argument, a whole number that is not less than least.
func aNumber(name string, least int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("%s needs %s", cmd.CommandPath(), name)
		}
		if n, err := strconv.Atoi(args[0]); err != nil || n < least {
			return fmt.Errorf("%s must be a whole number of at least %d, not %q", name, least, args[0])
		}
		return nil
	}
}
