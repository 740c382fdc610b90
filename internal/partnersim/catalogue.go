package partnersim

// offer is a product for which a customer can be billed.
type offer struct {
	name, product, sku, publisher, publisherID string
	productID, skuID, availabilityID           string
	term, discount                             string
	// cents is the list price in US cents; metered offers state it per 10,000 units.
	cents   int64
	metered bool
}

// recurringOffers are billed every period. The product fields are documented for
// one-time items only, yet the documented recurring item carries some (API.md 5.3).
var recurringOffers = [...]offer{
	{name: "Microsoft 365 Business Basic", cents: 600},
	{name: "Microsoft 365 Business Standard", cents: 1250, discount: "N/A"},
	{name: "Microsoft 365 Business Premium", cents: 2200},
	{name: "Office 365 E3", cents: 2300, discount: "20%"},
	{name: "Microsoft 365 E5", cents: 5700},
	{name: "Exchange Online (Plan 1)", cents: 400},
	{name: "Project Plan 3", cents: 3000, term: "1 Month", discount: "N/A"},
	{name: "Visio Plan 2", cents: 1500},
	{name: "Power BI Pro", cents: 1000},
	{name: "Azure Plan", product: "Azure Plan", sku: "Azure Plan", publisher: "Microsoft", publisherID: "01323244", productID: "DZH318Z0BPS6", skuID: "0001", availabilityID: "DZH318Z0BQ4L", cents: 85, metered: true, discount: "N/A"},
	{name: "Microsoft Teams Exploratory Trial", cents: 0, term: "30 Days Trial"},
}

// oneTimeOffers are purchases: software, reservations, third-party products.
var oneTimeOffers = [...]offer{
	{name: "Windows Server 2025 Standard - 16 Core Licence", product: "Windows Server 2025", sku: "Standard - 16 Core", publisher: "Microsoft", publisherID: "01323244", productID: "DG7GMGF0D5RK", skuID: "0005", availabilityID: "DZH318Z0HTVW", cents: 106900, discount: "N/A"},
	{name: "SQL Server 2022 Standard - 2 Core", product: "SQL Server 2022", sku: "Standard - 2 Core", publisher: "Microsoft", publisherID: "01323244", productID: "DG7GMGF0M80J", skuID: "0002", availabilityID: "DZH318Z0D9KX", cents: 394500, discount: "10%"},
	{name: "Windows Remote Desktop Services - 1 User CAL", product: "Remote Desktop Services", sku: "1 User CAL 1 Year", publisher: "Microsoft", publisherID: "01323244", productID: "DG7GMGF0DVSV", skuID: "0007", availabilityID: "DZH318Z0C1FQ", cents: 5800, term: "One-Year commitment for monthly/yearly billing", discount: "N/A"},
	{name: "Reserved VM Instance, Standard_D2s_v5", product: "Reserved VM Instance", sku: "Standard_D2s_v5, 1 Year", publisher: "Microsoft", publisherID: "01323244", productID: "DZH318Z0BQ3Q", skuID: "00JC", availabilityID: "DZH318Z0F2RN", cents: 49700, term: "1 Year", discount: "N/A"},
	{name: "Lantern Mail Guard", product: "Lantern Mail Guard", sku: "Mail Guard, \"Pro\" tier", publisher: "Lantern & Sons, Inc.", publisherID: "212336222", productID: "DZH318Z09ZZ1", skuID: "0003", availabilityID: "DZH318Z0TTTT", cents: 1722, term: "30 Days Trial", discount: "20%"},
	{name: "Driftwood Backup 500 GB", product: "Driftwood Backup", sku: "500 GB\tarchive", publisher: "Driftwood Zürich AG", publisherID: "212336223", productID: "DZH318Z09ZZ2", skuID: "0001", availabilityID: "DZH318Z0SSSS", cents: 9900},
}
