-- What each role may do with each table. Run as tradesync_owner after every "tradesync db upgrade";
-- again is harmless. A table that is not named here is closed to tradesync_api and tradesync_reader.
--
--   psql -U tradesync_owner -d tradesync -f grants.sql

BEGIN;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM tradesync_app, tradesync_api, tradesync_reader;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM tradesync_app, tradesync_api, tradesync_reader;

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO tradesync_app;
REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM tradesync_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO tradesync_app, tradesync_api;

-- Who asks, and whether this is the schema that the API was made for.
GRANT SELECT ON alembic_version, api_keys TO tradesync_api;
GRANT SELECT, UPDATE (password_hash) ON people TO tradesync_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON people_sessions, sign_in_failures TO tradesync_api;
GRANT SELECT, INSERT, UPDATE (outcome) ON audit_log TO tradesync_api;

-- What the API shows.
GRANT SELECT ON
    accounts, closing_prices, conversions, corporate_actions, exits, fake_order_marks,
    fill_corrections, fills, halts, heartbeats, instruments, looks, mandates, opening_balances,
    order_limits, paper_twins, quarantine, quiet_looks, settlements, signals, sync_results, task_turns
TO tradesync_api;

-- A broker's hint and an order that is tried again bring a look at the order book, which writes what
-- the monitor's looks write. What was received is never changed.
GRANT SELECT, INSERT, UPDATE (account_id, last_seen_at, held) ON raw_payloads TO tradesync_api;
GRANT INSERT ON looks, quiet_looks TO tradesync_api;
GRANT INSERT, UPDATE ON book_states, fills, quarantine TO tradesync_api;

-- What people do over the API: owners of orders with the books that follow from them, breaks,
-- fake orders, orders to be tried again, schedules of tasks.
GRANT SELECT ON book_states TO tradesync_api;
-- Trading on paper, in an account that is opened for it, and back; no account is made live here.
GRANT INSERT (organization_id, pseudo_account, broker, enabled, base_url, credentials)
    ON accounts TO tradesync_api;
GRANT INSERT, UPDATE ON paper_twins TO tradesync_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON
    attributions, breaks, claims, fake_order_events, fake_orders, generations, holdings, intents,
    lots, notification_preferences, order_events, orders, outbox, position_days, positions, retries,
    snapshots, strategies, task_schedules
TO tradesync_api;

GRANT SELECT (account_id, organization_id, pseudo_account, broker, enabled, live)
    ON accounts TO tradesync_reader;
GRANT SELECT ON
    alembic_version, attributions, audit_log, book_states, breaks, claims, closing_prices,
    conversions, corporate_actions, exits, fake_order_events, fake_order_marks, fake_orders,
    fill_corrections, fills, generations, halts, heartbeats, holdings, instruments, intents, looks,
    lots, mandates, notification_preferences, opening_balances, order_events, order_limits, orders,
    outbox, paper_twins, position_days, positions, quarantine, quiet_looks, retries, settlements,
    signals, snapshots, strategies, sync_results, task_schedules, task_turns, ticks
TO tradesync_reader;
COMMIT;
