package main

import (
	"context"
	"io"
	"time"

	"partnercost/internal/progress"
)

// Surroundings are the environment of a command that runs in the process of a test.
type Surroundings struct {
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	Now            func() time.Time
	NewID          func() string
	Random         func() float64
	Wait           func(ctx context.Context, d time.Duration)
}

// Execute executes a command line in this process and returns its exit code.
func Execute(ctx context.Context, in Surroundings, args ...string) int {
	p := &program{
		stdout: &output{to: in.Stdout}, stderr: progress.NewTerminal(in.Stderr), getenv: in.Getenv,
		now: in.Now, newID: in.NewID, random: in.Random, wait: in.Wait, progressEvery: time.Hour,
	}
	return p.execute(ctx, args)
}
