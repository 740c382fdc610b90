package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"partnercost/internal/console"
)

func (p *program) consoleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "console",
		Short: "Prepare the daemon's web page",
		Long: `The daemon serves a web page on console.listen. The page needs no password on a loopback
address. It needs one on any other address.`,
		Example: `  collector console passwd`,
		Args:    aCommand,
		RunE:    needsCommand,
	}
	var file string
	passwd := &cobra.Command{
		Use:   "passwd",
		Short: "Set the password of the web page",
		Long: `Ask for a password twice, without showing it, and write its bcrypt hash to
console.password_file, which only its owner can read. A running daemon uses the new
password at once. If standard input is not a terminal, its first line is the password. A
password has at least 12 characters and at most 72 bytes.`,
		Example: `  collector console passwd
  collector console passwd --file /etc/collector/console < password.txt`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return p.passwd(file) },
	}
	passwd.Flags().StringVar(&file, "file", "", "write to this `file` instead of console.password_file")
	cmd.AddCommand(passwd)
	return cmd
}

func (p *program) passwd(file string) error {
	if file == "" {
		c, err := p.loadConfig()
		if err != nil {
			return err
		}
		file = c.Console.PasswordFile
	}
	if file == "" {
		return usageError("the configuration does not set console.password_file; set it, or name the file with --file")
	}
	password, err := p.newPassword()
	if err != nil {
		return err
	}
	if err := console.WritePassword(file, password); err != nil {
		if errors.Is(err, console.ErrPassword) {
			return configError(err)
		}
		return err
	}
	fmt.Fprintf(p.stdout, "The hash of the password is in %s.\n", file)
	return nil
}

// newPassword reads a password: twice from a terminal, otherwise from the first line of
// standard input.
func (p *program) newPassword() (string, error) {
	stdin := int(os.Stdin.Fd())
	if !term.IsTerminal(stdin) {
		line, err := bufio.NewReader(io.LimitReader(os.Stdin, 4096)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("read the password from standard input: %w", err)
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	ask := func(what string) (string, error) {
		fmt.Fprint(p.stderr, what)
		typed, err := term.ReadPassword(stdin)
		fmt.Fprintln(p.stderr)
		if err != nil {
			return "", fmt.Errorf("read the password: %w", err)
		}
		return string(typed), nil
	}
	first, err := ask("New password of the console: ")
	if err != nil {
		return "", err
	}
	again, err := ask("Repeat the password: ")
	if err != nil {
		return "", err
	}
	if first != again {
		return "", configError(errors.New("the two passwords differ; the password was not changed"))
	}
	return first, nil
}
