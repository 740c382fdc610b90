BEGIN;

CREATE TABLE collector.refresh_tokens (
    partner   text PRIMARY KEY,
    sealed    bytea,
    key_id    text,
    issued_at timestamptz NOT NULL,
    revision  bigint NOT NULL,
    CHECK ((sealed IS NULL) = (key_id IS NULL))
);
COMMENT ON TABLE collector.refresh_tokens IS 'The standing sign-ins of partners whose auth.refresh_token_store is database or key_vault. A token never stands here in the clear.';
COMMENT ON COLUMN collector.refresh_tokens.partner IS 'The partner, by its name in the configuration.';
COMMENT ON COLUMN collector.refresh_tokens.sealed IS 'The refresh token, and the access token that came with it, closed with a key of auth.seal_key_file. NULL when a key vault keeps the refresh token.';
COMMENT ON COLUMN collector.refresh_tokens.key_id IS 'Which key closed it. It tells nothing of the key.';
COMMENT ON COLUMN collector.refresh_tokens.issued_at IS 'When the refresh token was issued. It lives for 90 days.';
COMMENT ON COLUMN collector.refresh_tokens.revision IS 'Counts the changes: a token is replaced only by who has read it, so that an earlier one never replaces a later one.';

COMMIT;
