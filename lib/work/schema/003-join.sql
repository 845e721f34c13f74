-- What a node that joins may fetch: the configuration, and the pair key under the admin password.
CREATE TABLE roleswap.join_offer (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    config text NOT NULL DEFAULT '',
    version text NOT NULL DEFAULT '',
    sealed_key text NOT NULL DEFAULT '',
    changed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE roleswap.join_offer IS 'What roleswap join fetches; one row';
COMMENT ON COLUMN roleswap.join_offer.one IS 'Keeps the table at one row';
COMMENT ON COLUMN roleswap.join_offer.config IS 'Text of the configuration file of the present master';
COMMENT ON COLUMN roleswap.join_offer.version IS 'Version of its daemon';
COMMENT ON COLUMN roleswap.join_offer.sealed_key IS 'The pair key, sealed with the admin password; empty while none is set';
COMMENT ON COLUMN roleswap.join_offer.changed_at IS 'When the password was set';
INSERT INTO roleswap.join_offer DEFAULT VALUES;

-- Roles belong to the cluster, so this one may be there already.  Without a password nobody can
-- log in as it.
DO $role$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'roleswap_join') THEN
        CREATE ROLE roleswap_join LOGIN CONNECTION LIMIT 3;
        COMMENT ON ROLE roleswap_join IS 'Logs in for roleswap join; may call one function';
        ALTER ROLE roleswap_join SET default_transaction_read_only = on;
        ALTER ROLE roleswap_join SET statement_timeout = '5s';
    END IF;
END $role$;
CREATE SCHEMA roleswap_join;
COMMENT ON SCHEMA roleswap_join IS 'The one function that the role roleswap_join may call';
CREATE FUNCTION roleswap_join.offer()
RETURNS TABLE (format integer, version text, server_version integer, master text, config text,
               sealed_key text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $function$
    SELECT 1, o.version, current_setting('server_version_num')::integer, t.node, o.config,
           o.sealed_key
    FROM roleswap.join_offer AS o, roleswap.term AS t
$function$;
COMMENT ON FUNCTION roleswap_join.offer() IS 'Configuration and sealed pair key for a node that joins';
REVOKE ALL ON FUNCTION roleswap_join.offer() FROM PUBLIC;
GRANT USAGE ON SCHEMA roleswap_join TO roleswap_join;
GRANT EXECUTE ON FUNCTION roleswap_join.offer() TO roleswap_join;
