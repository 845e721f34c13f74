insert into lab.requests (task, payload) values ('nothing', null);
