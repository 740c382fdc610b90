package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"partnercost/internal/billing"
	"partnercost/internal/config"
	"partnercost/internal/finance"
	"partnercost/internal/persist"
	"partnercost/internal/progress"
	"partnercost/internal/spelling"
	"partnercost/internal/telemetry"
)

// program holds what every command needs: its environment and the global flags.
type program struct {
	stdout *output
	stderr *progress.Terminal
	// terminal says that stderr is a terminal, on which progress can be drawn.
	terminal bool
	getenv   func(string) string
	now      func() time.Time
	newID    func() string
	// machine is the host name.
	machine string
	// random returns a number from 0 up to but not including 1.
	random func() float64
	// wait returns after d, or when ctx ends.
	wait          func(ctx context.Context, d time.Duration)
	progressEvery time.Duration

	configFile          string
	logFormat, logLevel *enumFlag
	log                 *slog.Logger
	// sqlOnStdout says that stdout is an SQL script, in which other output is a comment.
	sqlOnStdout bool
	// parsed says that the command line is valid.
	parsed bool
}

// execute executes the command line and returns the exit code.
func (p *program) execute(ctx context.Context, args []string) int {
	root := p.rootCommand()
	root.SetArgs(args)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	command, err := root.ExecuteContextC(ctx)
	if err != nil && !p.parsed {
		err = usageError("%w", err)
	}
	code := exitCode(ctx, err)
	if lost := p.stdout.failure(); lost != nil {
		if !errors.Is(err, lost) {
			err = errors.Join(err, lost)
		}
		if code == exitOK || code == exitPartial {
			code = exitFatal
		}
	}
	if err == nil {
		return exitOK
	}
	if p.log != nil && p.logFormat.value == "json" {
		p.log.Error("failed", slog.String("error", err.Error()), slog.Int("exit_code", code))
		return code
	}
	fmt.Fprintln(p.stderr, "collector:", err)
	if isUsage(err) {
		fmt.Fprintf(p.stderr, "Run '%s --help' for usage.\n", command.CommandPath())
	}
	return code
}

func (p *program) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "collector",
		Short: "Collect the costs of a CSP partner's customers into PostgreSQL",
		Long: `Collector reads the billing profile, the most recent service costs and their line
items of every customer of a Microsoft CSP partner from the Partner Center API, and
stores them in PostgreSQL. Finance reads them in the views of the schema finance.

Results go to standard output; logs, progress and errors go to standard error.

Exit codes:
  0    all collected
  1    fatal: database, credential or internal; or no costs of any customer could be read
  2    usage or configuration
  3    finished, but some customers failed, or the answers are implausible
  4    another run holds the partner's lock
  130  interrupted; the work done so far is stored`,
		Example: `  collector migrate up      # once, and after each upgrade
  collector check           # is everything in place?
  collector run             # collect now
  collector report          # list the reports`,
		Args:          aCommand,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmd.ValidateRequiredFlags(); err != nil {
				return err
			}
			if err := cmd.ValidateFlagGroups(); err != nil {
				return err
			}
			if err := noEmptyFlag(cmd); err != nil {
				return err
			}
			p.log = telemetry.NewLogger(p.stderr, p.logFormat.value, p.logLevel.value)
			telemetry.RedirectStandardLog(p.log)
			p.parsed = true
			return nil
		},
		RunE: needsCommand,
	}
	flags := root.PersistentFlags()
	flags.StringVar(&p.configFile, "config", cmp.Or(p.getenv("COLLECTOR_CONFIG"), defaultConfigFile), "configuration `file`; COLLECTOR_CONFIG changes the default")
	p.logFormat = newEnumFlag("text", "json")
	p.logLevel = newEnumFlag("info", "debug", "warn", "error")
	flags.Var(p.logFormat, "log-format", "format of the log")
	flags.Var(p.logLevel, "log-level", "lowest level to log")
	_ = root.RegisterFlagCompletionFunc("log-format", p.logFormat.complete) // fails for unknown flags only
	_ = root.RegisterFlagCompletionFunc("log-level", p.logLevel.complete)

	root.SetHelpCommand(helpCommand())
	root.AddCommand(p.runCommand(), p.daemonCommand(), p.backfillCommand(), p.migrateCommand(), p.reportCommand(), p.statusCommand(), p.explainCommand(), p.exportCommand(), p.reconcileCommand(), p.ratesCommand(), p.consoleCommand(), p.eraseCommand(), p.partnersCommand(), p.checkCommand(), p.loginCommand(), p.credentialsCommand(), p.simulateCommand(), p.demoCommand(), p.healthCommand(), p.versionCommand(), p.manCommand())
	return root
}

// aCommand refuses an unknown subcommand, and suggests a known one.
func aCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usageError("there is no command %q%s", strings.TrimPrefix(cmd.CommandPath()+" "+args[0], "collector "), didYouMean(args[0], commandNames(cmd)))
}

func commandNames(cmd *cobra.Command) (names []string) {
	for _, below := range cmd.Commands() {
		if below.IsAvailableCommand() {
			names = append(names, below.Name())
		}
	}
	return names
}

// needsCommand is the action of a command that only has subcommands.
func needsCommand(cmd *cobra.Command, _ []string) error {
	fmt.Fprint(cmd.ErrOrStderr(), cmd.UsageString())
	return usageError("%s needs a command", cmd.CommandPath())
}

// didYouMean suggests the known word that is closest to a mistyped one, or nothing.
func didYouMean(typed string, known []string) string {
	if nearest := spelling.Nearest(typed, known); nearest != "" {
		return fmt.Sprintf(" (did you mean %s?)", nearest)
	}
	return ""
}

// defaultConfigFile is the configuration file if none is named.
const defaultConfigFile = "collector.yaml"

// noEmptyFlag refuses a flag with an empty text: --partner "$NAME" must not select every
// partner if the variable is not set.
func noEmptyFlag(cmd *cobra.Command) (err error) {
	cmd.Flags().Visit(func(flag *pflag.Flag) {
		given := []string{flag.Value.String()}
		if list, ok := flag.Value.(pflag.SliceValue); ok {
			given = list.GetSlice()
		}
		if slices.Contains(given, "") && err == nil {
			err = usageError("--%s is given and empty", flag.Name)
		}
	})
	return err
}

// helpCommand shows the help of a command. An unknown name is an error.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [command]",
		Short: "Help about any command",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return usageError("there is no command %q%s", strings.Join(args, " "), didYouMean(args[len(args)-1], commandNames(about)))
			}
			about.InitDefaultHelpFlag() // as when it is asked for with --help
			return about.Help()
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) (names []string, _ cobra.ShellCompDirective) {
			if about, rest, err := cmd.Root().Find(args); err == nil && len(rest) == 0 {
				for _, below := range about.Commands() {
					names = append(names, below.Name()+"\t"+below.Short)
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
}

// loadConfig reads the configuration. Its errors have exit code 2. A secret that other
// accounts can read is only a warning, so that collecting continues.
func (p *program) loadConfig() (*config.Config, error) {
	c, err := config.Load(p.configFile, p.getenv)
	if err != nil {
		return nil, err
	}
	for _, exposed := range c.Exposed {
		p.log.Warn("every account can read a secret", slog.Any("where", exposed))
	}
	return c, nil
}

// loadDatabaseConfig reads the configuration for commands that need only the database.
func (p *program) loadDatabaseConfig() (*config.Config, error) {
	return config.LoadDatabase(p.configFile, p.configFile != defaultConfigFile, p.getenv)
}

// openStore connects to the database of the configuration.
func (p *program) openStore(ctx context.Context, c *config.Config) (*persist.Store, error) {
	return persist.Open(ctx, persist.Options{URL: c.Database.URL.Reveal(), MaxConnections: c.Database.MaxConnections, Profiles: profileScope(c.Collect), Log: p.log, Now: p.now})
}

// profileScope returns how much of a billing profile the configuration allows to store.
func profileScope(c config.Collect) billing.ProfileScope {
	if c.Profiles == "minimal" {
		return billing.NameAndCountry
	}
	return billing.FullProfile
}

// withReader passes f a reader of the views of finance, and closes it.
func (p *program) withReader(f func(*finance.Reader, *config.Config) error) (err error) {
	c, err := p.loadDatabaseConfig()
	if err != nil {
		return err
	}
	reader, err := finance.Open(c.Database.URL.Reveal())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	return f(reader, c)
}

// withStore loads the configuration, passes f the store, and closes it.
func (p *program) withStore(ctx context.Context, f func(*config.Config, *persist.Store) error) error {
	c, err := p.loadConfig()
	if err != nil {
		return err
	}
	store, err := p.openStore(ctx, c)
	if err != nil {
		return err
	}
	defer store.Close()
	return f(c, store)
}
