-- A tenant is shown how long its log is, whether all of it is signed or not.
grant select on audit.heads to yunshu_audit;
