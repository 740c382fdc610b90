// Package collect runs one collection of one partner: customers stream through bounded
// stages that fetch, batch and store at the same time.
//
//	customers ──► workers ──► statements ──► batcher ──► batches ──► writer
//	              (Concurrency)              (Batch, MaxBatchBytes,   (Sink)
//	                                          FlushEvery)
//
// Every channel is unbuffered, so at most two batches and one statement per worker are
// in memory, however many customers there are: a slow database slows the fetching down.
// Upstream is stopped by its context; downstream always drains, so that no fetched
// statement is lost and no stage waits for ever.
//
// The package also has the failure policy. One customer's failure is recorded and the
// run continues. A dead credential, a broken store or an interruption ends the
// fetching; the statements fetched by then are still stored.
package collect
