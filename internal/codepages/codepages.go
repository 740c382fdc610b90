// Package codepages returns memory in which the program's code was loaded.
//
// Initialising all linked packages runs code all over the program, much of which never
// runs again: that of charts, workbooks and cloud services, in a run that has none. The
// pages it was loaded into count as the process's memory until the kernel needs them.
package codepages
