// Package codepages returns the memory that holds the program's code to the kernel.
//
// Initialising all linked packages runs code in every part of the program. Much of it
// never runs again, such as that for charts, workbooks and cloud services in a run that
// uses none. Its pages count as memory of the process until the kernel needs them.
package codepages
