-- name: SavePartner :exec
-- A tenant once known stays: without it the billing account would change its id.
INSERT INTO collector.partners AS p (partner, tenant_id)
VALUES (@partner, sqlc.narg(tenant_id)::uuid)
ON CONFLICT (partner) DO UPDATE SET tenant_id = excluded.tenant_id
WHERE excluded.tenant_id IS NOT NULL AND p.tenant_id IS DISTINCT FROM excluded.tenant_id;
