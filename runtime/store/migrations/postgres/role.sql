-- What a node's role needs, and no more: it owns nothing, makes nothing, and reads no other schema.
-- Run by the owner of the store after each migration, with `{schema}` and `{role}` replaced
-- (`sagaflow_store::PostgresOptions::grant` does). CONNECT on the database is the administrator's to give.
-- The checks at a connection call `pg_control_system` and `pg_walfile_name`, which everybody may
-- unless an administrator took that away.
GRANT USAGE ON SCHEMA {schema} TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.journal, {schema}.start_key, {schema}.run,
  {schema}.indexed, {schema}.item, {schema}.event, {schema}.inbox, {schema}.wait, {schema}.node TO {role};
-- What programs take in is never taken away.
GRANT SELECT, INSERT, UPDATE ON {schema}.interest TO {role};
-- Shards are made by the owner only.
GRANT SELECT, UPDATE ON {schema}.shard TO {role};
GRANT SELECT ON {schema}.meta, {schema}.migration TO {role};
