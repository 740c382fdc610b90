package rates

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"partnercost/internal/persist"
)

// The European Central Bank publishes its reference rates as XML, and as CSV in an
// archive, for a day (eurofxref-daily.xml, eurofxref.zip) and since 1999
// (eurofxref-hist.xml, eurofxref-hist.zip). The rates state the value of a euro in other
// currencies.
const (
	euro = "EUR"
	bank = "ECB"
)

// maxUnpacked bounds the size of an unpacked archive; all rates since 1999 are 2 MB.
const maxUnpacked = 64 << 20

// ecb reads text if it is one of the bank's files; is says whether it is.
func ecb(text []byte) (rates []persist.ExchangeRate, is bool, err error) {
	if bytes.HasPrefix(text, []byte("PK\x03\x04")) {
		if text, err = unpacked(text); err != nil {
			return nil, true, err
		}
	}
	switch {
	case bytes.HasPrefix(bytes.TrimSpace(text), []byte("<")):
		rates, err = ecbXML(text)
	case bytes.HasPrefix(text, []byte("Date,")):
		rates, err = ecbCSV(text)
	default:
		return nil, false, nil
	}
	if err == nil && len(rates) == 0 {
		err = errors.New("the file has no rate; want one of the European Central Bank's, such as eurofxref-hist.zip")
	}
	return rates, true, err
}

// unpacked returns the only file of an archive.
func unpacked(archive []byte) ([]byte, error) {
	in, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, fmt.Errorf("unpack the archive: %w", err)
	}
	if len(in.File) != 1 {
		return nil, fmt.Errorf("the archive has %d files; want one, as in eurofxref-hist.zip", len(in.File))
	}
	file, err := in.File[0].Open()
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", in.File[0].Name, err)
	}
	defer func() { _ = file.Close() }() // the file is only read
	text, err := io.ReadAll(io.LimitReader(file, maxUnpacked+1))
	if err == nil && len(text) > maxUnpacked {
		err = fmt.Errorf("is larger than %d bytes", maxUnpacked)
	}
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", in.File[0].Name, err)
	}
	return text, nil
}

func ecbXML(text []byte) ([]persist.ExchangeRate, error) {
	var envelope struct {
		Days []struct {
			Time  string `xml:"time,attr"`
			Rates []struct {
				Currency string `xml:"currency,attr"`
				Rate     string `xml:"rate,attr"`
			} `xml:"Cube"`
		} `xml:"Cube>Cube"`
	}
	if err := xml.Unmarshal(text, &envelope); err != nil {
		return nil, fmt.Errorf("read the XML: %w", err)
	}
	var rates []persist.ExchangeRate
	var wrong []error
	for _, day := range envelope.Days {
		for _, r := range day.Rates {
			rate, faults := parseRate([]string{day.Time, euro, r.Currency, r.Rate, bank})
			rates = append(rates, rate)
			for _, fault := range faults {
				wrong = append(wrong, fmt.Errorf("%s %s: %s", day.Time, r.Currency, fault))
			}
		}
	}
	return rates, errors.Join(wrong...)
}

// ecbCSV reads a line of rates for each day, below a header of currencies. "N/A" means
// that a currency did not exist on that day.
func ecbCSV(text []byte) ([]persist.ExchangeRate, error) {
	in := csv.NewReader(bytes.NewReader(text))
	in.FieldsPerRecord, in.TrimLeadingSpace = -1, true
	lines, err := in.ReadAll()
	if err != nil {
		return nil, err
	}
	var rates []persist.ExchangeRate
	var wrong []error
	currencies := lines[0][1:]
	for n, record := range lines[1:] {
		day := strings.TrimSpace(record[0])
		if spelt, err := time.Parse("2 January 2006", day); err == nil { // the file of one day spells the date out
			day = spelt.Format(time.DateOnly)
		}
		for i, text := range record[1:] {
			text = strings.TrimSpace(text)
			if text == "" || text == "N/A" || i >= len(currencies) {
				continue
			}
			rate, faults := parseRate([]string{day, euro, strings.TrimSpace(currencies[i]), text, bank})
			rates = append(rates, rate)
			for _, fault := range faults {
				wrong = append(wrong, fmt.Errorf("line %d: %s", n+2, fault))
			}
		}
	}
	return rates, errors.Join(wrong...)
}
