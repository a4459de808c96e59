-- The roles that the migrations give rights to. They are made by the first migration that needs them where the user in
-- DATABASE_URL may make roles; where not, let an administrator of the server run this once:
--   psql -v owner=<the user in DATABASE_URL> -f deploy/roles.sql
CREATE ROLE mall_platform NOLOGIN NOBYPASSRLS;
CREATE ROLE mall_store NOLOGIN NOBYPASSRLS;
CREATE ROLE mall_pay NOLOGIN NOBYPASSRLS;
CREATE ROLE mall_store_tenant NOLOGIN NOBYPASSRLS;
CREATE ROLE mall_pay_tenant NOLOGIN NOBYPASSRLS;
GRANT mall_platform, mall_store, mall_pay, mall_store_tenant, mall_pay_tenant TO :"owner";

-- Two users that can become nothing else, for STORE_DATABASE_URL and PAY_DATABASE_URL:
--   CREATE ROLE mall_store_login LOGIN PASSWORD '…' IN ROLE mall_store, mall_store_tenant, mall_platform;
--   CREATE ROLE mall_pay_login LOGIN PASSWORD '…' IN ROLE mall_pay, mall_pay_tenant;
