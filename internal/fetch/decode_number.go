package fetch

import (
	"fmt"
	"time"

	"partnercost/internal/billing"
)

// amount is a JSON number, or a string that holds one, read without a float. An
// error is kept until the place of the amount in the answer is known.
type amount struct {
	value billing.Amount
	err   error
}

// UnmarshalJSON implements json.Unmarshaler.
func (a *amount) UnmarshalJSON(literal []byte) error {
	*a = amount{}
	switch literal[0] {
	case '{', '[', 't', 'f':
		a.err = fmt.Errorf("a JSON %s is not a number", kindOf(literal))
		return nil
	}
	var digits text
	if err := digits.UnmarshalJSON(literal); err != nil {
		return err
	}
	if digits != "" {
		a.value, a.err = billing.ParseAmount(string(digits))
	}
	return nil
}

// moment is a JSON string that holds a time in one of the forms of the API. An
// error is kept until the place of the time in the answer is known.
type moment struct {
	value time.Time
	err   error
}

// UnmarshalJSON implements json.Unmarshaler.
func (m *moment) UnmarshalJSON(literal []byte) error {
	*m = moment{}
	if literal[0] != '"' && literal[0] != 'n' {
		m.err = fmt.Errorf("a JSON %s is not a time", kindOf(literal))
		return nil
	}
	var s text
	if err := s.UnmarshalJSON(literal); err != nil {
		return err
	}
	m.value, m.err = billing.ParseTime(string(s))
	return nil
}

// fault is an error at a place of an answer.
type fault struct {
	field string
	err   error
}

// firstFault returns the first error, with the field in which it occurred.
func firstFault(faults ...fault) error {
	for _, f := range faults {
		if f.err != nil {
			return fmt.Errorf("%s: %w", f.field, f.err)
		}
	}
	return nil
}
