-- Overcommit and the rooms of hosts change under an advisory lock of their own: the system role has nothing to write here.
revoke update (updated_at) on compute.pools from yunshu_system;
