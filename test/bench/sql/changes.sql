\set base random(1, 2000000000)
begin;
insert into lab.changes (id, state) select :base * 1000000::bigint + g, 'queued' from generate_series(1, 1000) g on conflict do nothing;
update lab.changes set state = 'running' where id between :base * 1000000::bigint + 1 and :base * 1000000::bigint + 1000;
update lab.changes set state = 'ok' where id between :base * 1000000::bigint + 1 and :base * 1000000::bigint + 1000;
commit;
