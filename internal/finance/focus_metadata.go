package finance

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"partnercost/internal/sheet"
)

// focusSchemaCreated is when the columns of the FOCUS datasets last changed. A test fails
// if the columns change and this date does not.
const focusSchemaCreated = "2026-11-27T00:00:00Z"

// focusNames is the namespace of the ids below. It is the same in every installation.
var focusNames = uuid.MustParse("0d9d1ee3-54a6-4c3f-9e6c-0f4e7a6a1f52")

// focusDataset is a dataset in the words of FOCUS.
type focusDataset struct{ version, id, name string }

var focusDatasets = map[Dataset]focusDataset{
	FOCUS12Dataset:       {"1.2", "CostAndUsage", "Cost and Usage"},
	FOCUS14Dataset:       {"1.4", "CostAndUsage", "Cost and Usage"},
	BillingPeriodDataset: {"1.4", "BillingPeriod", "Billing Period"},
	InvoiceDetailDataset: {"1.4", "InvoiceDetail", "Invoice Detail"},
}

// FOCUSMetadata is the metadata that FOCUS requires with an export.
type FOCUSMetadata struct {
	DataGenerator   focusGenerator  `json:"DataGenerator"`
	DatasetInstance []focusInstance `json:"DatasetInstance,omitempty"`
	// Schema is one object in 1.2, and a collection since 1.4.
	Schema  any            `json:"Schema"`
	Recency []focusRecency `json:"Recency,omitempty"`
}

type focusGenerator struct {
	DataGenerator string `json:"DataGenerator"`
}

type focusInstance struct {
	FocusDatasetID      string `json:"FocusDatasetId"`
	DatasetInstanceID   string `json:"DatasetInstanceId"`
	DatasetInstanceName string `json:"DatasetInstanceName"`
}

type focusSchema struct {
	SchemaID             string        `json:"SchemaId"`
	CreationDate         string        `json:"CreationDate"`
	FocusVersion         string        `json:"FocusVersion"`
	DataGeneratorVersion string        `json:"DataGeneratorVersion"`
	DatasetInstanceID    string        `json:"DatasetInstanceId,omitempty"`
	ColumnDefinition     []focusColumn `json:"ColumnDefinition"`
}

type focusColumn struct {
	ColumnName       string `json:"ColumnName"`
	DataType         string `json:"DataType"`
	NumericPrecision int    `json:"NumericPrecision,omitempty"`
	NumberScale      int    `json:"NumberScale,omitempty"`
	StringEncoding   string `json:"StringEncoding,omitempty"`
}

type focusRecency struct {
	DatasetInstanceID  string `json:"DatasetInstanceId"`
	RecencyLastUpdated string `json:"RecencyLastUpdated"`
	// A dataset without a time series is complete as a whole.
	DatasetInstanceComplete    *bool         `json:"DatasetInstanceComplete,omitempty"`
	DatasetInstanceLastUpdated string        `json:"DatasetInstanceLastUpdated,omitempty"`
	TimeSectors                []focusSector `json:"TimeSectors,omitempty"`
}

type focusSector struct {
	TimeSectorStart       string `json:"TimeSectorStart"`
	TimeSectorEnd         string `json:"TimeSectorEnd"`
	TimeSectorComplete    bool   `json:"TimeSectorComplete"`
	TimeSectorLastUpdated string `json:"TimeSectorLastUpdated"`
}

// FOCUSMetadata describes an export of a FOCUS dataset: done is what it wrote, version the
// version of the program, now the time.
func (e Export) FOCUSMetadata(done Exported, version string, now time.Time) FOCUSMetadata {
	of := focusDatasets[e.Dataset]
	m := FOCUSMetadata{DataGenerator: focusGenerator{"partnercost"}}
	schema := e.focusSchema(done.Columns, version)
	if of.version == "1.2" {
		m.Schema = schema
		return m
	}
	instances := []Dataset{FOCUS14Dataset, BillingPeriodDataset}
	if e.Dataset == InvoiceDetailDataset { // it exists only where invoices are read
		instances = append(instances, e.Dataset)
	}
	for _, dataset := range instances {
		m.DatasetInstance = append(m.DatasetInstance, e.instance(focusDatasets[dataset]))
	}
	schema.DatasetInstanceID = e.instance(of).DatasetInstanceID
	m.Schema = []focusSchema{schema}
	m.Recency = []focusRecency{e.recency(done.Periods, now)}
	return m
}

// FOCUSVersion returns the version of FOCUS that defines the dataset.
func (e Export) FOCUSVersion() string { return focusDatasets[e.Dataset].version }

// FOCUSSchemaID returns the id of the schema of an export. The id depends only on the
// dataset, the columns and the version of the program.
func (e Export) FOCUSSchemaID(columns []sheet.Column, version string) string {
	return e.focusSchema(columns, version).SchemaID
}

func (e Export) focusSchema(columns []sheet.Column, version string) focusSchema {
	of := focusDatasets[e.Dataset]
	s := focusSchema{CreationDate: focusSchemaCreated, FocusVersion: of.version, DataGeneratorVersion: version}
	for _, column := range columns {
		s.ColumnDefinition = append(s.ColumnDefinition, definition(column))
	}
	// Marshalling a schema cannot fail.
	content, _ := json.Marshal(s)
	s.SchemaID = uuid.NewSHA1(focusNames, append([]byte(of.id+" "), content...)).String()
	return s
}

// definition describes a column as FOCUS's examples do.
func definition(column sheet.Column) focusColumn {
	c := focusColumn{ColumnName: column.Name}
	switch column.Kind {
	case sheet.Number:
		c.DataType, c.NumericPrecision, c.NumberScale = "DECIMAL", sheet.DecimalPrecision, sheet.DecimalScale
	case sheet.Date:
		c.DataType = "DATE"
	case sheet.Instant:
		c.DataType = "DATETIME"
	case sheet.Bool:
		c.DataType = "BOOLEAN"
	default:
		c.DataType, c.StringEncoding = "STRING", "UTF-8"
		if slices.Contains([]string{"Tags", "SkuPriceDetails", "InvoiceDetailGrain"}, column.Name) {
			c.DataType = "JSON"
		}
	}
	return c
}

// instance describes the dataset of one partner, or of all.
func (e Export) instance(of focusDataset) focusInstance {
	name, partner := of.name, e.Partner
	if of.id == focusDatasets[BillingPeriodDataset].id {
		partner = "" // billing periods have no partner
	}
	if partner != "" {
		name += " of " + partner
	}
	return focusInstance{of.id, uuid.NewSHA1(focusNames, []byte(of.version+" "+of.id+" "+partner)).String(), name}
}

// recency returns a time sector for each billing period. The sector is complete when the
// period is closed. A month without billing periods has one sector, for the month.
func (e Export) recency(periods []BillingPeriod, now time.Time) focusRecency {
	of := focusDatasets[e.Dataset]
	r := focusRecency{DatasetInstanceID: e.instance(of).DatasetInstanceID, RecencyLastUpdated: focusTime(now)}
	if len(periods) == 0 {
		periods = []BillingPeriod{{Start: e.month(), End: e.month().AddDate(0, 1, 0), LastUpdated: now}}
	}
	if e.Dataset == BillingPeriodDataset {
		complete, updated := true, time.Time{}
		for _, period := range periods {
			complete = complete && period.Closed
			if period.LastUpdated.After(updated) {
				updated = period.LastUpdated
			}
		}
		r.DatasetInstanceComplete, r.DatasetInstanceLastUpdated = &complete, focusTime(updated)
		return r
	}
	for _, period := range periods {
		r.TimeSectors = append(r.TimeSectors, focusSector{focusTime(period.Start), focusTime(period.End), period.Closed, focusTime(period.LastUpdated)})
	}
	return r
}

// focusTime formats an instant as FOCUS requires.
func focusTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
