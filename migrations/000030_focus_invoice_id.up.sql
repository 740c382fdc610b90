BEGIN;

CREATE INDEX invoices_by_month ON collector.invoices (partner, month);

-- Where no line items name the invoice of a cost, the invoices do, if only one can be meant.
-- An invoice that was read after the billing period closed changes no row of it.
CREATE OR REPLACE VIEW collector.focus_rows AS
SELECT h.amount AS "BilledCost",
       CASE WHEN h.prepaid THEN 0 ELSE h.amount END AS "EffectiveCost",
       h.contracted AS "ContractedCost",
       h.amount AS "ListCost",
       h.currency_code AS "BillingCurrency",
       coalesce(t.tenant_id::text, c.partner) AS "BillingAccountId",
       c.partner AS "BillingAccountName",
       'Partner' AS "BillingAccountType",
       c.customer_id::text AS "SubAccountId",
       coalesce(b.company_name, n.name, c.customer_id::text) AS "SubAccountName",
       'CSP customer' AS "SubAccountType",
       'Microsoft' AS "InvoiceIssuerName",
       coalesce(h.publisher_name, 'Microsoft') AS "PublisherName",
       h.billing_start::timestamp AT TIME ZONE 'UTC' AS "BillingPeriodStart",
       h.billing_end::timestamp AT TIME ZONE 'UTC' AS "BillingPeriodEnd",
       h.charge_start::timestamp AT TIME ZONE 'UTC' AS "ChargePeriodStart",
       h.charge_end::timestamp AT TIME ZONE 'UTC' AS "ChargePeriodEnd",
       CASE h.part WHEN 'pretax' THEN h.kind WHEN 'tax' THEN 'Tax' ELSE 'Adjustment' END AS "ChargeCategory",
       CASE WHEN h.source = 'correction' THEN 'Correction' END AS "ChargeClass",
       CASE WHEN h.part = 'tax' THEN 'Tax on ' ELSE '' END || CASE
           WHEN h.source = 'line item' THEN coalesce(nullif(concat_ws(' ', coalesce(h.offer_name, h.product_name), h.sku_name, h.charge_type), ''), 'unnamed charge')
           ELSE concat(
               CASE WHEN h.source = 'correction' THEN 'correction of ' END,
               CASE WHEN h.source = 'reconciliation' THEN 'difference between the line items and the ' END,
               CASE WHEN h.part = 'unexplained' THEN 'difference between after tax and pretax plus tax of the ' END,
               concat_ws(' ', h.invoice_type, 'service costs'), ' ', h.charge_start, '..', to_char(h.charge_end - 1, 'MM-DD'))
       END AS "ChargeDescription",
       CASE WHEN h.kind = 'Usage' THEN 'Usage-Based' WHEN h.invoice_type = 'Recurring' THEN 'Recurring' ELSE 'One-Time' END AS "ChargeFrequency",
       CASE WHEN h.kind IN ('Purchase', 'Usage') THEN CASE WHEN h.unit = 'Billing Periods' THEN 'Other' WHEN h.unit IS NOT NULL THEN 'Standard' END END AS "PricingCategory",
       CASE WHEN h.unit IN ('Licenses', 'Units') THEN h.signed_quantity WHEN h.unit IS NOT NULL THEN h.signed_charge END AS "PricingQuantity",
       h.unit AS "PricingUnit",
       CASE WHEN h.unit IN ('Licenses', 'Units') THEN abs(h.unit_price) WHEN h.unit IS NOT NULL THEN abs(h.amount) END AS "ContractedUnitPrice",
       CASE WHEN h.kind = 'Usage' AND h.unit IS NOT NULL THEN coalesce(h.signed_quantity, h.signed_charge) END AS "ConsumedQuantity",
       CASE WHEN h.kind = 'Usage' AND h.unit IS NOT NULL THEN CASE WHEN h.quantity IS NULL THEN 'Charges' ELSE 'Units' END END AS "ConsumedUnit",
       coalesce(h.service_name, h.offer_name, h.product_name, 'Microsoft CSP') AS "ServiceName",
       coalesce(h.service_category, 'Other') AS "ServiceCategory",
       h.focus_sku AS "SkuId",
       CASE WHEN h.focus_sku IS NOT NULL THEN coalesce(CASE WHEN h.product_sku IS NOT NULL THEN h.sku_name END, h.offer_name, h.product_name) END AS "SkuMeter",
       CASE WHEN h.unit IS NOT NULL THEN CASE WHEN h.product_sku IS NULL THEN h.focus_sku ELSE concat_ws(':', h.product_sku, coalesce(h.availability_id, h.offer_id)) END END AS "SkuPriceId",
       NULL::text AS "SkuPriceDetails",
       h.commitment_id AS "CommitmentDiscountId",
       CASE WHEN h.commitment_id IS NOT NULL THEN CASE h.commitment WHEN 'Savings Plan' THEN 'Spend' ELSE 'Usage' END END AS "CommitmentDiscountCategory",
       NULL::text AS "CommitmentDiscountName",
       CASE WHEN h.commitment_id IS NOT NULL AND h.unit IS NOT NULL AND h.kind = 'Purchase' THEN
           CASE h.commitment WHEN 'Savings Plan' THEN h.amount ELSE h.signed_quantity * 24 * (h.charge_end - h.charge_start) END END AS "CommitmentDiscountQuantity",
       NULL::text AS "CommitmentDiscountStatus",
       CASE WHEN h.commitment_id IS NOT NULL THEN h.commitment END AS "CommitmentDiscountType",
       CASE WHEN h.commitment_id IS NOT NULL AND h.unit IS NOT NULL AND h.kind = 'Purchase' THEN
           CASE h.commitment WHEN 'Savings Plan' THEN h.currency_code ELSE 'Hours' END END AS "CommitmentDiscountUnit",
       coalesce(h.invoice_number, v.invoice_id) AS "InvoiceId",
       CASE WHEN coalesce(h.invoice_number, v.invoice_id) IS NOT NULL THEN concat_ws('/', c.partner, c.customer_id, coalesce(h.invoice_type, '-'), h.period_start, h.currency_code, h.charge) END AS "InvoiceDetailId",
       NULL::text AS "Tags",
       NULL::text AS "ResourceId",
       NULL::text AS "ResourceName",
       NULL::text AS "ResourceType",
       NULL::text AS "RegionId",
       NULL::text AS "RegionName",
       c.partner AS "x_Partner",
       b.country AS "x_CustomerCountry",
       h.invoice_type AS "x_InvoiceType",
       h.period_start AS "x_PeriodStart",
       concat_ws('/', c.partner, c.customer_id, coalesce(h.invoice_type, '-'), h.period_start, h.currency_code, h.charge) AS "x_ChargeId",
       h.part AS "x_CostPart",
       CASE WHEN h.source = 'line item' THEN 'line item' ELSE 'summary' END AS "x_Granularity",
       h.source = 'reconciliation' OR h.part = 'unexplained' AS "x_Reconciliation",
       CASE WHEN h.prepaid THEN 'prepaid' ELSE 'billed' END AS "x_EffectiveCostBasis",
       h.contracted - h.amount AS "x_ContractedCostDifference",
       h.quantity AS "x_Quantity",
       h.unit_price AS "x_UnitPrice",
       h.charge_type AS "x_ChargeType",
       h.subscription_id AS "x_SubscriptionId",
       h.order_id AS "x_OrderId",
       h.offer_id AS "x_OfferId",
       h.offer_name AS "x_OfferName",
       h.product_id AS "x_ProductId",
       h.product_name AS "x_ProductName",
       h.sku_id AS "x_SkuId",
       h.sku_name AS "x_SkuName",
       h.availability_id AS "x_AvailabilityId",
       h.publisher_id AS "x_PublisherId",
       h.publisher_name AS "x_PublisherName",
       h.term_and_billing_cycle AS "x_TermAndBillingCycle",
       h.discount_details AS "x_DiscountDetails",
       h.reseller_mpn_id AS "x_ResellerMpnId",
       h.collected_at AS "x_CollectedAt"
FROM (
    SELECT f.*,
           -- A price is never negative in FOCUS: what is paid back is a negative quantity.
           CASE WHEN f.unit_price < 0 THEN -f.quantity ELSE f.quantity END AS signed_quantity,
           CASE WHEN f.amount < 0 THEN -1 ELSE 1 END AS signed_charge,
           CASE WHEN f.part = 'pretax' AND f.kind <> 'Tax' THEN coalesce(f.product_sku, f.offer_id, f.product_id) END AS focus_sku,
           CASE WHEN f.commitment IS NOT NULL THEN f.order_id END AS commitment_id,
           -- The moment whose name counts: the closing or, when later, the collection.
           greatest(collector.focus_closes_at((f.billing_end - 1)::timestamp AT TIME ZONE 'UTC'), f.collected_at + interval '1 microsecond') AS named_at
    FROM collector.focus_charges f
) h
JOIN collector.customers c ON c.customer_key = h.customer_key
LEFT JOIN collector.partners t ON t.partner = c.partner
LEFT JOIN collector.focus_profiles b ON b.customer_key = h.customer_key AND b.valid_from < h.named_at AND b.valid_until >= h.named_at
LEFT JOIN collector.focus_names n ON n.customer_key = h.customer_key AND n.valid_from < h.named_at AND n.valid_until >= h.named_at
LEFT JOIN LATERAL (
    SELECT CASE WHEN count(*) = 1 THEN min(i.invoice_id) END AS invoice_id
    FROM collector.invoices i
    WHERE h.source = 'summary' AND i.partner = c.partner AND i.month = date_trunc('month', h.billing_end - 1)::date
        AND i.invoice_type = h.invoice_type AND i.currency_code = h.currency_code AND i.amends IS NULL AND NOT i.month_assumed AND i.first_collected_at < h.named_at
) v ON true;

COMMENT ON COLUMN finance.focus_1_2."InvoiceId" IS 'Number of Microsoft''s invoice: that of the line items; without line items the only invoice of the type, currency and month that was read before the billing period closed; else null.';
COMMENT ON COLUMN finance.focus_1_4."InvoiceId" IS 'Number of Microsoft''s invoice: that of the line items; without line items the only invoice of the type, currency and month that was read before the billing period closed; else null.';

COMMIT;
