#!/bin/bash
# Runs once, when the database is made: the owner of the schemas migrates, the
# collector collects, and no client needs the superuser. Simulated costs are never stored
# with real ones.
set -euo pipefail
psql -v ON_ERROR_STOP=1 -U postgres -d postgres -v owner="$OWNER_PASSWORD" -v collector="$COLLECTOR_PASSWORD" <<'SQL'
CREATE ROLE finance_reader NOLOGIN;
CREATE ROLE collector_writer NOLOGIN IN ROLE finance_reader;
CREATE ROLE owner LOGIN PASSWORD :'owner' IN ROLE finance_reader;
CREATE ROLE collector LOGIN PASSWORD :'collector' IN ROLE collector_writer;
CREATE DATABASE costs OWNER owner ENCODING 'UTF8' TEMPLATE template0;
CREATE DATABASE demo OWNER owner ENCODING 'UTF8' TEMPLATE template0;
SQL
