BEGIN;

-- A search ignores case and accents. The extension unaccent need not be there, so that
-- the letters that no decomposition reaches are named.
CREATE FUNCTION finance.fold(name text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN octet_length(name) = char_length(name) THEN lower(name) ELSE
        replace(replace(replace(replace(translate(
            regexp_replace(normalize(lower(name), NFKD), '[\u0300-\u036F]', '', 'g'),
            'øłđıħ', 'oldih'), 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th') END;
COMMENT ON FUNCTION finance.fold(text) IS 'A name without case and accents, for searching: two names that fold to the same text count as one.';

COMMIT;
