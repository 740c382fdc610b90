// Package collector does the jobs of the collector for the partners of a
// configuration: it collects their customers, once or every night, imports saved
// answers and replays the archive. It is the only package besides the command that
// knows both where answers come from (fetch) and where they are kept (persist).
package collector
