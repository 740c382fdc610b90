package partnersim

// currency says how the amounts of a market are written.
type currency struct {
	code, symbol string
	// decimals is the number of decimals of an amount: none for the yen.
	decimals int32
	// rate is the price, in minor units, of an offer of 100 US cents.
	rate int64
}

var (
	dollar = currency{"USD", "$", 2, 100}
	euro   = currency{"EUR", "€", 2, 92}
	pound  = currency{"GBP", "£", 2, 79}
	franc  = currency{"CHF", "CHF", 2, 88}
	yen    = currency{"JPY", "¥", 0, 150}
	cdn    = currency{"CAD", "$", 2, 137}
)

// market is a country with the conventions of its bills. Places, streets and telephone
// numbers are invented or from the ranges reserved for fiction.
type market struct {
	country, culture, language string
	currency                   currency
	// taxPermille is the rate of tax in thousandths.
	taxPermille int64
	// weight is the market's share among the customers.
	weight               int
	city, state, postal  string
	street, phone, legal string
	// registered markets state an organisation registration id.
	registered bool
}

var markets = [...]market{
	{country: "US", culture: "en-US", language: "en", currency: dollar, taxPermille: 0, weight: 30, city: "Springfield", state: "WA", postal: "98099", street: "Sample Street", phone: "20655501", legal: "Inc."},
	{country: "DE", culture: "de-DE", language: "de", currency: euro, taxPermille: 190, weight: 20, city: "Musterstadt", postal: "12345", street: "Musterstraße", phone: "+49301234500", legal: "GmbH"},
	{country: "FR", culture: "fr-FR", language: "fr", currency: euro, taxPermille: 200, weight: 12, city: "Exempleville", postal: "99123", street: "rue de l'Exemple", phone: "+33199005500", legal: "SARL"},
	{country: "GB", culture: "en-GB", language: "en", currency: pound, taxPermille: 200, weight: 14, city: "Sampleton", postal: "ZZ99 3WZ", street: "Example Lane", phone: "+4416329600", legal: "Ltd"},
	{country: "CH", culture: "de-CH", language: "de", currency: franc, taxPermille: 81, weight: 8, city: "Beispielwil", state: "ZH", postal: "8999", street: "Beispielweg", phone: "+41440000000", legal: "AG"},
	{country: "JP", culture: "ja-JP", language: "ja", currency: yen, taxPermille: 100, weight: 8, city: "見本市", state: "見本県", postal: "999-0000", street: "見本町", phone: "+8130000000", legal: "株式会社"},
	{country: "CA", culture: "en-CA", language: "en", currency: cdn, taxPermille: 50, weight: 6, city: "Example Falls", state: "ON", postal: "K0K 0K0", street: "Maple Example Road", phone: "61355501", legal: "Corp."},
	{country: "HU", culture: "hu-HU", language: "hu", currency: euro, taxPermille: 270, weight: 2, city: "Mintafalva", postal: "9999", street: "Minta utca", phone: "+3610000000", legal: "Kft.", registered: true},
}

// totalWeight is the sum of the markets' weights.
var totalWeight = func() (sum int) {
	for _, m := range markets {
		sum += m.weight
	}
	return sum
}()

// marketAt returns the market at a position below totalWeight.
func marketAt(position int) *market {
	for i := range markets {
		if position -= markets[i].weight; position < 0 {
			return &markets[i]
		}
	}
	return &markets[0]
}

var (
	companyFirst = [...]string{"Alder", "Amber", "Birch", "Brook", "Cedar", "Clover", "Cobalt", "Copper", "Dune", "Élan", "Ember", "Falcon", "Fern", "Granite", "Harbour", "Hazel", "Indigo", "Juniper", "Kestrel", "Lark", "Linden", "Maple", "Meadow", "Nordlicht", "Oak", "Öster", "Pebble", "Quarry", "Raven", "River", "Saffron", "Slate", "Süd", "Thistle", "Tidal", "Umber", "Vale", "Willow", "Yarrow", "Zephyr"}
	companyLast  = [...]string{"Analytics", "Architects", "Bakery", "Books", "Brewing", "Builders", "Clinic", "Consulting", "Dairy", "Design", "Dynamics", "Energy", "Engineering", "Farms", "Foods", "Freight", "Gardens", "Glass", "Holding", "Hotels", "Instruments", "Kanzlei", "Labs", "Law", "Logistics", "Maschinenbau", "Media", "Motors", "Optics", "Paper", "Pharmacy", "Press", "Robotics", "Schools", "Software", "Studios", "Textiles", "Tools", "Travel", "Works"}
	givenNames   = [...]string{"Test", "Sample", "Example", "Demo", "Probe", "Muster", "Exemple", "Minta"}
	familyNames  = [...]string{"Person", "O'Sample", "Mustermann", "Beispiel", "Exemple", "Placeholder", "Nobody", "Someone"}
)
