package finance

import (
	"context"
	stdsql "database/sql"
	"time"
)

// Query is a query of the views. Its SQL names the columns of the rows.
type Query struct {
	SQL  string
	Args []any
}

// collected reads all rows of a query.
func collected[T any](ctx context.Context, tx *stdsql.Tx, q Query, read func(scan func(...any) error) (T, error)) ([]T, error) {
	rows, err := tx.QueryContext(ctx, q.SQL, q.Args...)
	if err != nil {
		return nil, advised(err)
	}
	defer func() { _ = rows.Close() }() // rows.Err returns the error
	var all []T
	for rows.Next() {
		row, err := read(rows.Scan)
		if err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, advised(rows.Err())
}

// single scans a row of one value.
func single[T any](scan func(...any) error) (value T, err error) {
	err = scan(&value)
	return value, err
}

// orZero returns the zero time for NULL.
func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
