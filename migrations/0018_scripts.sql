-- How a scripted customer behaves: JSON. `outcome` is what programs before this one knew of it.
alter table sandbox_customers add column script jsonb;
create unique index sandbox_customers_reference on sandbox_customers (brand, reference);
