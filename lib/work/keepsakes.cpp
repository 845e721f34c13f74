#include "work/keepsakes.hpp"

namespace roleswap::work {

std::vector<Keepsake> keepsakes()
{
    return {
        {"run",
         "SELECT to_jsonb(r) FROM roleswap.run AS r WHERE ({since} IS NULL OR age(r.xmin) <= "
         "age({since})) AND r.state NOT IN ('skipped', 'held') AND (r.state <> 'queued' OR r.cause "
         "IN ('enqueued', 'after')) "
         "ORDER BY r.id"},
        // A row of "run", by names, since that table may be large.  Its due time is what
        // roleswap.even makes of it, which a store of version 17 does not have.
        {"run",
         "SELECT to_jsonb(jsonb_populate_record(NULL::roleswap.run, to_jsonb(q) || "
         "jsonb_build_object('due', date_bin('2 us', q.at, '2000-01-01 00:00:00+00'), 'cause', "
         "'enqueued', 'state', 'queued', 'epoch', (SELECT epoch FROM roleswap.term), 'attempt', 1, "
         "'retries_used', 0, 'created_at', q.at, 'why', '', 'over', false, 'kill_asked', false))) "
         "FROM roleswap.request AS q WHERE {since} IS NULL OR age(q.xmin) <= age({since}) ORDER BY "
         "q.id",
         "roleswap.request"},
        {"operation",
         "SELECT to_jsonb(o) || jsonb_build_object('steps', (SELECT coalesce(jsonb_agg(to_jsonb(s) "
         "ORDER BY s.id), '[]') FROM roleswap.operation_step AS s WHERE s.operation = o.id)) "
         "FROM roleswap.operation AS o WHERE {since} IS NULL OR age(o.xmin) <= age({since}) "
         "ORDER BY o.id"},
        {"task", "SELECT to_jsonb(t) || jsonb_build_object('epoch', (SELECT epoch FROM "
                 "roleswap.term)) FROM roleswap.task AS t WHERE {since} IS NULL OR age(t.xmin) <= "
                 "age({since}) ORDER BY t.name"},
    };
}

} // namespace roleswap::work
