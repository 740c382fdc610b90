// Package console is the web page for people who would rather look than read: the
// costs of a month, what moved, what was restated, who is missing, and where each
// number comes from. It renders on the server, needs no JavaScript, changes nothing,
// and reads the views of schema finance only.
//
// Everything in rows is a table (table.go): the pages show the beginnings of some, and
// each has a page of its own, sorted and paged by links, and a CSV.
package console
