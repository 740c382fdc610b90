-- name: SavePartner :exec
-- A known tenant stays: otherwise the billing account would change its id.
INSERT INTO collector.partners AS p (partner, tenant_id)
VALUES (@partner, sqlc.narg(tenant_id)::uuid)
ON CONFLICT (partner) DO UPDATE SET tenant_id = excluded.tenant_id
WHERE excluded.tenant_id IS NOT NULL AND p.tenant_id IS DISTINCT FROM excluded.tenant_id;

-- name: OtherNamesOfTenant :many
-- The other names under which the tenant has active customers; none once the name was
-- recorded for the tenant.
SELECT p.partner
FROM collector.partners p
WHERE p.tenant_id = sqlc.narg(tenant_id)::uuid AND p.partner <> @partner
    AND EXISTS (SELECT 1 FROM collector.customers c WHERE c.partner = p.partner AND c.active)
    AND NOT EXISTS (SELECT 1 FROM collector.partners known WHERE known.partner = @partner AND known.tenant_id = p.tenant_id)
ORDER BY p.partner;

-- name: SaveBounds :exec
UPDATE collector.partners p
SET refresh = make_interval(secs => @refresh_seconds::double precision), line_items = @line_items
WHERE p.partner = @partner AND (p.refresh, p.line_items) IS DISTINCT FROM (make_interval(secs => @refresh_seconds::double precision), @line_items);
