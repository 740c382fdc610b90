// Package collect runs one collection of one partner: customers stream through
// bounded stages into fetching, batches and storing, all at work at once.
//
//	customers ──► workers ──► statements ──► batcher ──► batches ──► writer
//	              (Concurrency)              (Batch, MaxBatchBytes,   (Sink)
//	                                          FlushEvery)
//
// Every channel is unbuffered, so at most two batches and one statement per worker
// are in memory, however many customers there are: a slow database slows the
// fetching down. Upstream is stopped by its context; downstream always drains, so
// that nothing that was fetched is lost and nothing waits for ever.
//
// What a failure means stands here too: one customer's trouble is recorded and the
// rest goes on; a dead credential, a broken store or an interruption ends the
// fetching, and what was fetched by then is still stored.
package collect
