package sheet

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
	"github.com/shopspring/decimal"
)

const (
	// DecimalScale is the largest number of decimals that the service is known to write
	// (API.md 5.4 point 9). It is the same in every file, so that files of several months
	// form one table.
	DecimalScale = 22
	// DecimalPrecision is the number of digits of a number; few readers support more.
	DecimalPrecision = 38
	decimalBytes     = 16
	// rowGroup bounds the rows held in memory.
	rowGroup = 10_000
)

// parquetWriter writes Parquet: numbers as DECIMAL, never as floats, instants as
// timestamps in UTC, and other kinds as their own types.
type parquetWriter struct {
	w        *bufio.Writer
	version  string
	describe func([]Column) [][2]string
	out      *parquet.GenericWriter[any]
	columns  []Column
	row      parquet.Row
	rows     int
}

// NewParquet writes Parquet, with the version of the program as the creator. The keys and
// values that describe returns for the columns become the file's metadata.
func NewParquet(w io.Writer, version string, describe func([]Column) [][2]string) Writer {
	return &parquetWriter{w: bufio.NewWriterSize(w, bufferSize), version: version, describe: describe}
}

func (s *parquetWriter) Begin(columns []Column) error {
	s.columns, s.row = columns, make(parquet.Row, len(columns))
	fields := orderedColumns{Group: parquet.Group{}, order: columns}
	options := []parquet.WriterOption{
		parquet.CreatedBy("partnercost", s.version, ""), parquet.Compression(&zstd.Codec{}),
		parquet.PageBufferSize(64 << 10), // each of some fifty columns has such a buffer
	}
	for _, column := range columns {
		fields.Group[column.Name] = parquet.Optional(parquetType(column.Kind))
		if column.Kind == Number {
			// The library compares decimals as unsigned bytes. With negative amounts, readers
			// would skip matching rows because of its bounds.
			options = append(options, parquet.SkipPageBounds(column.Name))
		}
	}
	for _, pair := range s.describe(columns) {
		options = append(options, parquet.KeyValueMetadata(pair[0], pair[1]))
	}
	s.out = parquet.NewGenericWriter[any](s.w, append(options, parquet.NewSchema("costs", fields))...)
	return nil
}

func parquetType(kind Kind) parquet.Node {
	switch kind {
	case Number:
		return parquet.Decimal(DecimalScale, DecimalPrecision, parquet.FixedLenByteArrayType(decimalBytes))
	case Date:
		return parquet.Date()
	case Instant:
		return parquet.Timestamp(parquet.Microsecond)
	case Bool:
		return parquet.Leaf(parquet.BooleanType)
	}
	return parquet.String()
}

func (s *parquetWriter) Row(cells [][]byte) error {
	for i, cell := range cells {
		if cell == nil {
			s.row[i] = parquet.NullValue().Level(0, 0, i)
			continue
		}
		value, err := parquetValue(string(cell), s.columns[i].Kind)
		if err != nil {
			return fmt.Errorf("column %s: %w", s.columns[i].Name, err)
		}
		s.row[i] = value.Level(0, 1, i)
	}
	if _, err := s.out.WriteRows([]parquet.Row{s.row}); err != nil {
		return err
	}
	s.rows++
	if s.rows%rowGroup == 0 {
		return s.out.Flush()
	}
	return nil
}

func parquetValue(text string, kind Kind) (parquet.Value, error) {
	switch kind {
	case Number:
		unscaled, err := fixedDecimal(text)
		return parquet.FixedLenByteArrayValue(unscaled), err
	case Date:
		day, err := time.Parse(time.DateOnly, text)
		return parquet.Int32Value(int32(day.Unix() / (24 * 60 * 60))), err
	case Instant:
		instant, err := time.Parse(time.RFC3339, text)
		return parquet.Int64Value(instant.UnixMicro()), err
	case Bool:
		return parquet.BooleanValue(text == "true"), nil
	}
	return parquet.ByteArrayValue([]byte(text)), nil
}

// decimalLimit is the first unscaled number that has too many digits.
var decimalLimit = new(big.Int).Exp(big.NewInt(10), big.NewInt(DecimalPrecision), nil)

// fixedDecimal returns a number as DECIMAL(38,22): the unscaled number in two's
// complement, big-endian. A number that does not fit exactly is an error.
func fixedDecimal(text string) ([]byte, error) {
	d, err := decimal.NewFromString(text)
	if err != nil {
		return nil, fmt.Errorf("%q is not a number", text)
	}
	shifted := d.Shift(DecimalScale)
	unscaled := shifted.BigInt()
	if !shifted.IsInteger() || unscaled.CmpAbs(decimalLimit) >= 0 {
		return nil, fmt.Errorf("%s does not fit exactly into DECIMAL(%d,%d); use --format focus-csv", text, DecimalPrecision, DecimalScale)
	}
	if unscaled.Sign() < 0 {
		unscaled.Add(unscaled, new(big.Int).Lsh(big.NewInt(1), 8*decimalBytes))
	}
	return unscaled.FillBytes(make([]byte, decimalBytes)), nil
}

func (s *parquetWriter) Finish() error { return errors.Join(s.out.Close(), s.w.Flush()) }

// orderedColumns is a group whose fields keep the order of the columns; the library
// would sort them by name.
type orderedColumns struct {
	parquet.Group
	order []Column
}

// Fields implements parquet.Node.
func (g orderedColumns) Fields() []parquet.Field {
	fields := g.Group.Fields()
	place := func(f parquet.Field) int {
		return slices.IndexFunc(g.order, func(c Column) bool { return c.Name == f.Name() })
	}
	slices.SortFunc(fields, func(a, b parquet.Field) int { return place(a) - place(b) })
	return fields
}
