-- name: RefreshStaleMonth :one
-- Summarises one month anew whose details changed; false when none is left.
SELECT collector.refresh_stale_month(@partner::text)::boolean AS refreshed;
