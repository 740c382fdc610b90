-- How complete the data is: every active customer, those longest without a successful collection first. finance.customer: one customer.
SELECT partner, customer_id, company_name, last_success_at, last_outcome, last_error, latest_period_end, hours_since_success,
    costs_as_of, profile_as_of, line_items_as_of, waits_for
FROM finance.coverage
WHERE nullif(current_setting('finance.customer', true), '') IS NULL
   OR customer_id = nullif(current_setting('finance.customer', true), '')::uuid
ORDER BY last_success_at NULLS FIRST, partner, customer_id;
